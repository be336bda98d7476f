package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Captured work does what it did, as often as asked; what can't be captured says so. */
class CudaGraphTest {
  private static final Kernel FILL = Kernel.of("probe_fill");
  private static final Kernel SCALE = Kernel.of("probe_scale");

  private CudaContext context;
  private Softcuda softcuda;
  private long before;

  @BeforeEach
  void open() {
    context = SoftDevice.open();
    softcuda = Softcuda.controls();
    before = softcuda.liveBytes();
  }

  @AfterEach
  void close() {
    if (context != null) {
      context.close();
      softcuda.reset();
      assertEquals(before, softcuda.liveBytes(), "device bytes after close");
    }
  }

  private void fill(long a, int n, float value) {
    context.launch(FILL).block(128).arg(a).arg((long) n).arg(value).run();
  }

  private void scale(long from, long to, int n, float factor) {
    context.launch(SCALE).block(128).arg(from).arg(to).arg((long) n).arg(factor).run();
  }

  private float[] floats(long address, int n) {
    float[] values = new float[n];
    context.copyOut(address, MemorySegment.ofArray(values));
    return values;
  }

  @Test
  void replaysWhatWasCapturedAndRunsNothingBefore() {
    long a = context.allocate(12);
    long b = context.allocate(12);
    context.copyIn(a, MemorySegment.ofArray(new float[] {1, 2, 3}));
    context.fill32(b, 0, 3);
    try (CudaGraph graph =
        context.capture(() -> {
          assertTrue(context.isCapturing());
          scale(a, b, 3, 2);
          context.copyDevice(b, a, 12);
        })) {
      assertFalse(context.isCapturing());
      assertEquals(2, graph.nodes());
      assertArrayEquals(new float[] {0, 0, 0}, floats(b, 3), "nothing ran");
      graph.launch();
      graph.launch();
      assertArrayEquals(new float[] {4, 8, 12}, floats(a, 3));
      context.copyIn(a, MemorySegment.ofArray(new float[] {-1, 0, 5}));
      graph.launch();
      assertArrayEquals(new float[] {-2, 0, 10}, floats(b, 3), "new data at the same addresses");
    }
  }

  @Test
  void temporariesStayTheGraphsAndResultsCanBeRead() {
    long[] result = new long[1];
    long[] temporaries = new long[2];
    long live = context.liveBytes();
    CudaGraph graph =
        context.capture(() -> {
          for (int i = 0; i < 2; i++) {
            temporaries[i] = context.allocate(400);
            fill(temporaries[i], 100, i + 1);
            if (i == 0) {
              context.free(temporaries[i]);
            }
          }
          result[0] = context.allocate(400);
          scale(temporaries[1], result[0], 100, 10);
          context.free(temporaries[1]);
        });
    assertEquals(temporaries[0], temporaries[1], "what the work frees, it uses again");
    assertEquals(live + 400, context.liveBytes());
    long other = context.allocate(400); // nobody else gets a temporary
    assertNotEquals(temporaries[0], other);
    fill(other, 100, 77);
    graph.launch();
    assertEquals(20f, floats(result[0], 100)[99]);
    assertEquals(77f, floats(other, 100)[0]);
    graph.close();
    assertEquals(20f, floats(result[0], 100)[0], "a live result outlasts the graph");
    context.free(result[0]);
    context.free(other);
    assertEquals(live, context.liveBytes());
    assertThrows(CudaException.class, graph::launch);
    graph.close();
  }

  @Test
  void constantsAreCopiedAgainAtEachReplay() {
    long a = context.allocate(8);
    float[] source = {3, 4};
    try (CudaGraph graph =
        context.capture(() -> context.copyConstant(a, MemorySegment.ofArray(source)))) {
      source[0] = 9;
      context.fill32(a, 0, 2);
      graph.launch();
      assertArrayEquals(new float[] {3, 4}, floats(a, 2));
    }
  }

  @Test
  void eachReplayCopiesWhatAPinnedBufferHoldsThen() {
    long a = context.allocate(8);
    long b = context.allocate(8);
    PinnedBuffer source = context.pinned(16);
    float[] values = {0, 0, 3, 4};
    source.segment().copyFrom(MemorySegment.ofArray(values));
    CudaGraph graph =
        context.capture(() -> {
          context.copyPinned(a, source, 8, 8);
          scale(a, b, 2, 10);
        });
    assertEquals(2, graph.nodes());
    graph.launch();
    assertArrayEquals(new float[] {30, 40}, floats(b, 2));
    values[3] = -1;
    source.segment().copyFrom(MemorySegment.ofArray(values));
    graph.launch();
    assertArrayEquals(new float[] {30, -10}, floats(b, 2));
    CudaException e = assertThrows(CudaException.class, source::close);
    assertTrue(e.getMessage().contains("close the graph first"), e.getMessage());
    graph.launch();
    assertArrayEquals(new float[] {30, -10}, floats(b, 2));
    graph.close();
    context.copyPinned(b, source, 8, 8); // and without a graph
    assertArrayEquals(new float[] {3, -1}, floats(b, 2));
    assertThrows(CudaException.class, () -> context.copyPinned(b, source, 12, 8), "beyond it");
    assertThrows(CudaException.class, () -> context.copyPinned(b, source, -4, 8), "before it");
    assertThrows(CudaException.class, () -> context.copyPinned(b, source, 0, 12), "beyond b");
    source.close();
    e = assertThrows(CudaException.class, () -> context.copyPinned(b, source, 8, 8));
    assertTrue(e.getMessage().contains("closed"), e.getMessage());
    assertArrayEquals(new float[] {3, -1}, floats(b, 2));
  }

  @Test
  void aCaptureThatFailsLetsThePinnedBufferGo() {
    long a = context.allocate(8);
    PinnedBuffer source = context.pinned(8);
    assertThrows(
        CudaException.class,
        () ->
            context.capture(() -> {
              context.copyPinned(a, source, 0, 8);
              context.synchronize();
            }));
    source.close();
  }

  @Test
  void memoryFromBeforeIsKeptUntilTheGraphEnds() {
    long a = context.allocate(40);
    CudaGraph graph =
        context.capture(() -> {
          fill(a, 10, 5);
          context.free(a);
        });
    long bytes = softcuda.liveBytes();
    graph.launch();
    context.synchronize();
    assertNull(context.lostBecause());
    graph.close();
    assertEquals(bytes - 40, softcuda.liveBytes());
  }

  private void refused(String operation, Executable work) {
    CudaException e =
        assertThrows(
            CudaException.class,
            () ->
                context.capture(() -> {
                  try {
                    work.execute();
                  } catch (Throwable t) {
                    throw (RuntimeException) t;
                  }
                }));
    assertTrue(e.getMessage().contains(operation), e.getMessage());
    assertTrue(e.getMessage().contains("can't be captured"), e.getMessage());
    assertFalse(context.isCapturing());
    context.synchronize(); // the stream is itself again
  }

  @Test
  void whatWaitsForTheDeviceIsRefused() {
    long a = context.allocate(4);
    float[] one = {1};
    refused("copyIn", () -> context.copyIn(a, MemorySegment.ofArray(one)));
    refused("copyOut", () -> context.copyOut(a, MemorySegment.ofArray(one)));
    refused("synchronize", () -> context.synchronize());
    refused("trim", () -> context.trim());
    refused("useStream", () -> context.useOwnStream());
    refused("capture", () -> context.capture(() -> {}));
    try (Stream stream = context.newStream();
        PinnedBuffer pinned = context.pinned(8);
        Event event = context.newEvent()) {
      refused("Event.record", event::record);
      refused("Event.synchronize", event::synchronize);
      refused("Stream.synchronize", stream::synchronize);
      refused("close of a PinnedBuffer", pinned::close);
    }
    try (CudaGraph graph = context.capture(() -> fill(a, 1, 2))) {
      refused("CudaGraph.launch", graph::launch);
      refused("close of a CudaGraph", graph::close);
      graph.launch();
    }
    assertArrayEquals(new float[] {2}, floats(a, 1));
  }

  /**
   * A call that goes past this package, such as JCuda's, spoils the capture; the driver says so.
   */
  @Test
  void aForeignWaitSpoilsTheCapture() {
    EntryPoints calls = context.driver().calls();
    CudaException e =
        assertThrows(
            CudaException.class,
            () ->
                context.capture(
                    () -> assertEquals(900, calls.cuStreamSynchronize(context.stream()))));
    assertEquals("CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", e.resultName());
    context.synchronize();
    assertNull(context.lostBecause());
  }

  @Test
  void anExceptionEndsTheCaptureAndGivesMemoryBack() {
    long live = softcuda.liveBytes();
    IllegalStateException thrown = new IllegalStateException("no");
    assertEquals(
        thrown,
        assertThrows(
            IllegalStateException.class,
            () ->
                context.capture(() -> {
                  long a = context.allocate(64);
                  fill(a, 16, 1);
                  context.free(a);
                  throw thrown;
                })));
    assertEquals(live, softcuda.liveBytes());
    softcuda.failAllocation(1);
    CudaException e =
        assertThrows(CudaException.class, () -> context.capture(() -> context.allocate(16)));
    assertEquals("CUDA_ERROR_OUT_OF_MEMORY", e.resultName());
    assertNull(context.lostBecause());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void afterAFaultInAReplayEverythingCloses(boolean loses) {
    long a = context.allocate(40);
    CudaGraph graph =
        context.capture(() -> {
          fill(a, 10, 1);
          fill(a, 10, 2);
        });
    if (loses) {
      softcuda.loseDevice();
    } else {
      softcuda.failLaunch(2);
    }
    CudaException e = assertThrows(CudaException.class, graph::launch);
    assertTrue(loses || e.getMessage().contains("replaying a graph of 2 nodes"), e.getMessage());
    assertNotNull(context.lostBecause());
    assertThrows(CudaException.class, graph::launch);
    assertThrows(CudaException.class, () -> context.capture(() -> {}));
    graph.close();
  }

  @Test
  void otherThreadsWaitForTheEnd() {
    long a = context.allocate(4);
    CompletableFuture<Void> other = new CompletableFuture<>();
    try (CudaGraph graph =
        context.capture(() -> {
          fill(a, 1, 1);
          Thread.ofPlatform()
              .start(() -> {
                fill(a, 1, 2);
                other.complete(null);
              });
        })) {
      other.join();
      assertEquals(1, graph.nodes());
      assertArrayEquals(new float[] {2}, floats(a, 1));
    }
  }
}
