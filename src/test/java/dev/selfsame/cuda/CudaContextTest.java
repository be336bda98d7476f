package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CudaContextTest {
  private CudaContext context;
  private long liveBefore;

  @BeforeEach
  void open() {
    context = SoftDevice.open();
    liveBefore = Softcuda.controls().liveBytes();
  }

  @AfterEach
  void close() {
    if (context != null) {
      context.close();
      assertEquals(liveBefore, Softcuda.controls().liveBytes(), "device bytes after close");
    }
  }

  private static byte[] noise(int n) {
    byte[] bytes = new byte[n];
    new Random(n).nextBytes(bytes);
    return bytes;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4, 4096, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (13 << 20) + 5})
  void copiesOfHeapAndNativeMemory(int bytes) {
    byte[] data = noise(bytes);
    long address = context.allocate(bytes);
    context.copyIn(address, MemorySegment.ofArray(data));
    byte[] heap = new byte[bytes];
    context.copyOut(address, MemorySegment.ofArray(heap));
    assertArrayEquals(data, heap);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment source =
          arena.allocate(bytes + 1L).asSlice(1).copyFrom(MemorySegment.ofArray(data));
      context.fill32(address, 0, bytes / 4);
      context.copyIn(address, source);
      source.fill((byte) 0); // the source may be reused at once
      MemorySegment target = arena.allocate(bytes + 16L);
      context.copyOut(address, target.asSlice(7, bytes));
      assertEquals(-1, target.asSlice(7, bytes).mismatch(MemorySegment.ofArray(data)));
      assertEquals(0, target.get(JAVA_BYTE, 6));
      assertEquals(0, target.get(JAVA_BYTE, bytes + 7L));
    }
    context.free(address);
  }

  @Test
  void copiesAtOffsets() {
    long address = context.allocate(64);
    context.fill32(address, 0x01020304, 16);
    context.fill32(address + 8, -1, 2);
    context.copyIn(address + 20, MemorySegment.ofArray(new float[] {1.5f, -0.0f}));
    int[] words = new int[16];
    context.copyOut(address, MemorySegment.ofArray(words));
    assertEquals(0x01020304, words[1]);
    assertEquals(-1, words[2]);
    assertEquals(-1, words[3]);
    assertEquals(0x01020304, words[4]);
    assertEquals(Float.floatToRawIntBits(1.5f), words[5]);
    assertEquals(0x80000000, words[6]);
    assertEquals(0x01020304, words[15]);
    context.copyDevice(address, address + 32, 32);
    int[] again = new int[8];
    context.copyOut(address + 32, MemorySegment.ofArray(again));
    assertArrayEquals(java.util.Arrays.copyOf(words, 8), again);
    context.free(address);
  }

  @Test
  void nothingIsLeftOfNothing() {
    assertEquals(0, context.allocate(0));
    context.free(0);
    context.copyIn(0, MemorySegment.ofArray(new float[0]));
    context.copyOut(0, MemorySegment.ofArray(new float[0]));
    context.copyDevice(0, 0, 0);
    context.fill32(0, 1, 0);
    assertEquals(0, context.liveBytes());
  }

  @Test
  void liveBytesAreCounted() {
    long a = context.allocate(1000);
    long b = context.allocate(24);
    assertEquals(1024, context.liveBytes());
    assertEquals(0, a % 256);
    context.free(a);
    assertEquals(24, context.liveBytes());
    assertThrows(CudaException.class, () -> context.free(a), "a second free");
    assertThrows(CudaException.class, () -> context.free(b + 4), "an address inside");
    assertEquals(24, context.liveBytes());
    context.free(b);
    context.trim();
    assertEquals(0, context.liveBytes());
    assertTrue(context.freeBytes() > 0);
  }

  @Test
  void badRangesAreRefusedBeforeTheDriver() {
    long a = context.allocate(64);
    float[] target = {7, 7, 7, 7};
    MemorySegment segment = MemorySegment.ofArray(target);
    CudaException e = assertThrows(CudaException.class, () -> context.copyOut(a + 56, segment));
    assertTrue(e.getMessage().contains("56 … 71 of a device allocation of 64"), e.getMessage());
    assertArrayEquals(new float[] {7, 7, 7, 7}, target);
    assertThrows(CudaException.class, () -> context.copyIn(a + 52, segment));
    assertThrows(CudaException.class, () -> context.copyOut(0, segment));
    assertThrows(CudaException.class, () -> context.copyOut(a, segment.asReadOnly()));
    assertThrows(CudaException.class, () -> context.fill32(a + 2, 0, 1));
    assertThrows(CudaException.class, () -> context.fill32(a, 0, -1));
    assertThrows(CudaException.class, () -> context.fill32(a, 0, 17));
    assertThrows(CudaException.class, () -> context.fill32(a, 0, Long.MAX_VALUE));
    assertThrows(CudaException.class, () -> context.copyDevice(a, a + 8, 16));
    assertThrows(CudaException.class, () -> context.copyDevice(a, a + 32, -1));
    assertThrows(CudaException.class, () -> context.allocate(-1));
    context.free(a);
  }

  @Test
  void outOfMemorySaysHowMuch() {
    long much = context.properties().totalBytes() + 1;
    CudaException e = assertThrows(CudaException.class, () -> context.allocate(much));
    assertEquals("CUDA_ERROR_OUT_OF_MEMORY", e.resultName());
    assertEquals(Result.OUT_OF_MEMORY, e.result());
    assertTrue(e.getMessage().contains("allocating " + much + " bytes"), e.getMessage());
    assertEquals(0, context.liveBytes());
    context.free(context.allocate(16));
  }

  @Test
  void injectedOutOfMemory() {
    long a = context.allocate(8);
    Softcuda.controls().failAllocation(1);
    CudaException e = assertThrows(CudaException.class, () -> context.allocate(4096));
    assertEquals(Result.OUT_OF_MEMORY, e.result());
    assertTrue(e.getMessage().contains("beside 8 live bytes"), e.getMessage());
    context.free(context.allocate(4096));
    context.free(a);
    assertEquals(0, context.liveBytes());
  }

  @Test
  void closeFreesWhatIsLeftAndEndsAllUse() {
    long a = context.allocate(100);
    Stream stream = context.newStream();
    Event event = context.newEvent();
    PinnedBuffer pinned = context.pinned(64);
    context.copyIn(a, MemorySegment.ofArray(new byte[100]));
    context.close();
    context.close();
    assertTrue(context.isClosed());
    CudaException e = assertThrows(CudaException.class, () -> context.allocate(1));
    assertTrue(e.getMessage().contains("closed"), e.getMessage());
    assertThrows(CudaException.class, context::synchronize);
    assertThrows(CudaException.class, () -> context.copyIn(a, MemorySegment.ofArray(new byte[1])));
    assertThrows(CudaException.class, stream::synchronize);
    assertThrows(CudaException.class, event::record);
    assertThrows(IllegalStateException.class, () -> pinned.segment().get(JAVA_INT, 0));
    context.free(a); // forgotten, not an error
    stream.close();
    event.close();
    pinned.close();
    assertEquals(0, context.liveBytes());
  }

  @Test
  void sharedContextsAreOneEachSchedule() {
    CudaContext ascending = CudaContext.softcuda("ascending");
    assertSame(ascending, CudaContext.softcuda("ascending"));
    CudaContext shuffled = CudaContext.softcuda("shuffled");
    assertNotSame(ascending, shuffled);
    assertTrue(ascending.sharesMemoryWith(shuffled));
    assertTrue(ascending.sharesMemoryWith(context));
  }

  @Test
  void streamsAndEvents() {
    try (Stream stream = context.newStream();
        Event start = context.newEvent();
        Event end = context.newEvent()) {
      long own = context.stream();
      long a = context.allocate(4000);
      context.fill32(a, 5, 1000);
      context.useStream(stream.handle());
      assertEquals(stream.handle(), context.stream());
      start.record();
      context.fill32(a, 6, 500);
      end.record(stream.handle());
      stream.await(end);
      assertTrue(end.millisecondsSince(start) >= 0);
      int[] words = new int[1000];
      context.copyOut(a, MemorySegment.ofArray(words));
      assertEquals(6, words[499]);
      assertEquals(5, words[500]);
      stream.synchronize();
      assertThrows(CudaException.class, stream::close);
      context.synchronize();
      context.useOwnStream();
      assertEquals(own, context.stream());
      context.free(a);
      stream.close();
      assertThrows(CudaException.class, stream::synchronize);
    }
  }

  @Test
  void closeEndsTheStreamInUseLast() {
    Stream stream = context.newStream();
    for (int i = 0; i < 8; i++) {
      PinnedBuffer unused = context.pinned(16);
    }
    long a = context.allocate(400);
    context.useStream(stream.handle());
    context.fill32(a, 1, 100);
    context.close();
    assertEquals(0, context.liveBytes());
  }

  @Test
  void pinnedMemory() {
    try (PinnedBuffer pinned = context.pinned(4096)) {
      assertEquals(4096, pinned.segment().byteSize());
      long a = context.allocate(4096);
      pinned.segment().fill((byte) 9);
      context.copyIn(a, pinned.segment());
      pinned.segment().fill((byte) 1);
      byte[] back = new byte[4096];
      context.copyOut(a, MemorySegment.ofArray(back));
      assertEquals(9, back[0]);
      assertEquals(9, back[4095]);
      context.free(a);
    }
    assertThrows(CudaException.class, () -> context.pinned(0));
  }

  @Test
  void manyThreads() throws Exception {
    int threads = 4;
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<Boolean>> done = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        int seed = t;
        done.add(
            pool.submit(() -> {
              Random random = new Random(seed);
              for (int i = 0; i < 60; i++) {
                int n = 1 + random.nextInt(5000);
                byte[] data = noise(n);
                long a = context.allocate(n);
                long b = context.allocate(n);
                context.copyIn(a, MemorySegment.ofArray(data));
                context.copyDevice(a, b, n);
                byte[] back = new byte[n];
                context.copyOut(b, MemorySegment.ofArray(back));
                context.free(a);
                context.free(b);
                assertArrayEquals(data, back);
              }
              return true;
            }));
      }
      for (Future<Boolean> f : done) {
        assertTrue(f.get());
      }
    }
    assertEquals(0, context.liveBytes());
    assertFalse(context.isClosed());
  }

  /** A virtual thread that waits for a lock may go on in another thread, without a context. */
  @Test
  void virtualThreads() throws Exception {
    byte[] data = noise(100_000);
    try (ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> done = new ArrayList<>();
      for (int t = 0; t < 64; t++) {
        done.add(
            pool.submit(() -> {
              for (int i = 0; i < 20; i++) {
                long a = context.allocate(data.length);
                context.copyIn(a, MemorySegment.ofArray(data));
                byte[] back = new byte[data.length];
                context.copyOut(a, MemorySegment.ofArray(back));
                context.free(a);
                assertArrayEquals(data, back);
                // As a carrier that has never been here, or other code's, would be.
                assertEquals(0, context.primary().calls.cuCtxSetCurrent(0));
              }
              return true;
            }));
      }
      for (Future<Boolean> f : done) {
        assertTrue(f.get());
      }
    }
    assertEquals(0, context.liveBytes());
  }
}
