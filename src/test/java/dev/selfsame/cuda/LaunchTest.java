package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LaunchTest {
  private static final Kernel FILL = Kernel.of("probe_fill");
  private static final Kernel SCALE = Kernel.of("probe_scale");
  private static final Kernel REVERSE = Kernel.of("probe_block_reverse");
  private static final Kernel ARGUMENTS = Kernel.of("probe_arguments");

  private CudaContext context;

  @BeforeEach
  void open() {
    context = SoftDevice.open();
  }

  @AfterEach
  void close() {
    if (context != null) {
      context.close();
      Softcuda.controls().schedule(Softcuda.Order.ASCENDING, 0);
      Softcuda.controls().hostThreads(1);
    }
  }

  private float[] floats(long address, int n) {
    float[] values = new float[n];
    context.copyOut(address, MemorySegment.ofArray(values));
    return values;
  }

  @Test
  void argumentsOfAllKinds() {
    long out = context.allocate(40);
    long big = 0x7123456789ABCDEFL;
    context
        .launch(ARGUMENTS)
        .grid(2)
        .block(33)
        .arg(out)
        .arg(-5)
        .arg(big)
        .arg(-0.0f)
        .arg(Math.PI)
        .run();
    long[] words = new long[5];
    context.copyOut(out, MemorySegment.ofArray(words));
    assertEquals(-5, words[0]);
    assertEquals(big, words[1]);
    assertEquals(Float.floatToRawIntBits(-0.0f), (int) words[2]);
    long pi = Double.doubleToRawLongBits(Math.PI);
    assertEquals(pi & 0xFFFFFFFFL, words[3]);
    assertEquals(pi >> 32, words[4]);
  }

  @Test
  void aStructureByValueTakesItsOwnRoom() {
    long out = context.allocate(40);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(8, 8);
      pointer.set(JAVA_LONG, 0, out);
      MemorySegment eight = arena.allocate(8, 8);
      eight.set(JAVA_LONG, 0, 77);
      context.launch(ARGUMENTS).arg(pointer).arg(1).arg(eight).arg(0f).arg(0d).run();
      long[] words = new long[5];
      context.copyOut(out, MemorySegment.ofArray(words));
      assertArrayEquals(new long[] {1, 77, 0, 0, 0}, words);
      context.launch(ARGUMENTS).arg(out).arg(2).arg(3L).arg(0f).arg(0d).run();
      context.copyOut(out, MemorySegment.ofArray(words));
      assertArrayEquals(new long[] {2, 3, 0, 0, 0}, words, "slots are themselves again");
      MemorySegment tooBig = arena.allocate(4097);
      assertThrows(CudaException.class, () -> context.launch(ARGUMENTS).arg(tooBig));
    }
  }

  @ParameterizedTest
  @EnumSource(Softcuda.Order.class)
  void sharedMemoryAndBarriersInEachOrder(Softcuda.Order order) {
    Softcuda.controls().schedule(order, 42);
    Softcuda.controls().hostThreads(2);
    int n = 1000;
    int[] data = new int[n];
    int[] expected = new int[n];
    for (int i = 0; i < n; i++) {
      data[i] = i * 7;
    }
    for (int start = 0; start < n; start += 96) {
      int count = Math.min(96, n - start);
      for (int i = 0; i < count; i++) {
        expected[start + i] = data[start + count - 1 - i];
      }
    }
    long from = context.allocate(4 * n);
    long to = context.allocate(4 * n);
    context.copyIn(from, MemorySegment.ofArray(data));
    context
        .launch(REVERSE)
        .grid((n + 95) / 96)
        .block(96)
        .shared(4 * 96)
        .arg(from)
        .arg(to)
        .arg((long) n)
        .run();
    int[] back = new int[n];
    context.copyOut(to, MemorySegment.ofArray(back));
    assertArrayEquals(expected, back);
  }

  @Test
  void muchSharedMemoryIsOptedIn() {
    long a = context.allocate(4);
    int most = context.properties().maxSharedOptInBytes();
    context.launch(REVERSE).shared(most).arg(a).arg(a).arg(0L).run();
    CudaException e =
        assertThrows(
            CudaException.class,
            () -> context.launch(REVERSE).shared(most + 1).arg(a).arg(a).arg(0L).run());
    assertTrue(e.getMessage().contains("shared memory of " + (most + 1)), e.getMessage());
  }

  private CudaException refused(Launch launch) {
    CudaException e = assertThrows(CudaException.class, launch::run);
    assertEquals(CudaException.REFUSED, e.result());
    assertTrue(e.getMessage().contains(launch.kernel().symbol()), e.getMessage());
    return e;
  }

  private Launch fill(long a) {
    return context.launch(FILL).arg(a).arg(10L).arg(1f);
  }

  @Test
  void badSizesAreRefusedBeforeTheDriver() {
    long a = context.allocate(40);
    context.fill32(a, 0, 10);
    refused(fill(a).grid(0).block(32));
    refused(fill(a).grid(-1).block(32));
    refused(fill(a).grid(1L << 31).block(32));
    refused(fill(a).grid(1, 65_536).block(32));
    refused(fill(a).grid(1, 1, 65_536).block(32));
    refused(fill(a).block(0));
    refused(fill(a).block(1025));
    refused(fill(a).block(32, 33));
    refused(fill(a).block(65_536, 65_536));
    refused(fill(a).block(1, 1, 65));
    refused(fill(a).block(32).shared(-1));
    CudaException e =
        refused(context.launch(FILL).grid(3, 2).block(32, 4).what(() -> "fill [10]").arg(a).arg(1));
    assertTrue(
        e.getMessage().contains("probe_fill <<<(3, 2, 1), (32, 4, 1), 0 B>>> for fill [10]"),
        e.getMessage());
    assertEquals("probe_fill", e.kernel());
    assertArrayEquals(new float[10], floats(a, 10), "nothing was written");
  }

  @Test
  void argumentsAreCheckedByNumberAndSize() {
    long a = context.allocate(40);
    String few = refused(context.launch(FILL).block(32).arg(a).arg(10L)).getMessage();
    assertTrue(few.contains("2 arguments; the kernel takes 3"), few);
    String narrow = refused(context.launch(FILL).block(32).arg(a).arg(10).arg(1f)).getMessage();
    assertTrue(narrow.contains("argument 1 has 4 bytes; the kernel takes 8"), narrow);
    refused(context.launch(FILL).block(32).arg(a).arg(10L).arg(1f).arg(1f));
  }

  @Test
  void aLaunchRunsOnceAndAlone() {
    long a = context.allocate(40);
    Launch first = fill(a).block(32);
    Launch second = fill(a).block(32);
    assertThrows(CudaException.class, first::run);
    assertThrows(CudaException.class, () -> first.arg(1));
    second.run();
    assertThrows(CudaException.class, second::run);
    assertArrayEquals(new float[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, floats(a, 10));
    Launch many = context.launch(FILL);
    for (int i = 0; i < 64; i++) {
      many.arg(i);
    }
    assertThrows(CudaException.class, () -> many.arg(64));
  }

  @Test
  void unknownKernel() {
    CudaException e =
        assertThrows(CudaException.class, () -> context.launch(Kernel.of("no_such_kernel")).run());
    assertTrue(e.getMessage().contains("there is no CUDA kernel no_such_kernel"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Kernel.of("no-kernel"));
    context.free(context.allocate(4));
  }

  @Test
  void launchesFromManyThreads() throws Exception {
    int n = 257;
    try (ExecutorService pool = Executors.newFixedThreadPool(4)) {
      List<Future<float[]>> results = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        float value = t + 1;
        results.add(
            pool.submit(() -> {
              long a = context.allocate(4 * n);
              long b = context.allocate(4 * n);
              for (int i = 0; i < 20; i++) {
                context.launch(FILL).grid(3).block(96).arg(a).arg((long) n).arg(value).run();
                context.launch(SCALE).grid(3).block(96).arg(a).arg(b).arg((long) n).arg(2f).run();
              }
              float[] back = floats(b, n);
              context.free(a);
              context.free(b);
              return back;
            }));
      }
      for (int t = 0; t < 8; t++) {
        float[] back = results.get(t).get();
        for (float v : back) {
          assertEquals(2 * (t + 1), v);
        }
      }
    }
    assertEquals(0, context.liveBytes());
  }
}
