package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What goes wrong on a device, on demand: the exceptions say it, and everything closes. */
class FaultTest {
  private static final Kernel FILL = Kernel.of("probe_fill");

  private CudaContext context;
  private Softcuda softcuda;
  private long liveBefore;

  @BeforeEach
  void open() {
    context = SoftDevice.open();
    softcuda = Softcuda.controls();
    liveBefore = softcuda.liveBytes();
  }

  @AfterEach
  void close() {
    if (context != null) {
      context.close();
      softcuda.reset();
      softcuda.checking(false);
      assertEquals(liveBefore, softcuda.liveBytes(), "device bytes after close");
      try (CudaContext next = SoftDevice.open()) { // the process goes on
        long a = next.allocate(40);
        next.launch(FILL).block(32).arg(a).arg(10L).arg(3f).run();
        float[] back = new float[10];
        next.copyOut(a, MemorySegment.ofArray(back));
        assertEquals(3f, back[9]);
      }
    }
  }

  private Launch fill(long a, long n) {
    return context
        .launch(FILL)
        .grid(1)
        .block(64)
        .arg(a)
        .arg(n)
        .arg(1f)
        .what(() -> "fill [" + n + "]");
  }

  @Test
  void injectedLaunchFailureNamesKernelAndShapes() {
    long a = context.allocate(40);
    softcuda.failLaunch(2);
    fill(a, 10).run();
    CudaException e = assertThrows(CudaException.class, () -> fill(a, 10).run());
    assertEquals("CUDA_ERROR_LAUNCH_FAILED", e.resultName());
    assertEquals(719, e.result());
    assertEquals("probe_fill", e.kernel());
    assertEquals("cuLaunchKernel", e.operation());
    String text = e.getMessage();
    assertTrue(text.contains("probe_fill <<<(1, 1, 1), (64, 1, 1), 0 B>>> for fill [10]"), text);
    assertLost(a, text);
  }

  /** Each further call says why; free and close are quiet; a target is untouched. */
  private void assertLost(long a, String cause) {
    assertEquals(cause, context.lostBecause());
    float[] target = {5};
    CudaException e =
        assertThrows(CudaException.class, () -> context.copyOut(a, MemorySegment.ofArray(target)));
    assertTrue(e.getMessage().contains("was lost: " + cause), e.getMessage());
    assertArrayEquals(new float[] {5}, target);
    assertThrows(CudaException.class, () -> context.allocate(8));
    assertThrows(CudaException.class, context::synchronize);
    assertThrows(CudaException.class, () -> fill(a, 1).run());
    assertThrows(CudaException.class, context::newEvent);
    context.free(a);
    assertEquals(0, context.liveBytes());
    context.close();
  }

  @Test
  void aLostDeviceClosesCleanly() {
    long a = context.allocate(400);
    Stream stream = context.newStream();
    try (PinnedBuffer pinned = context.pinned(16);
        Event event = context.newEvent()) {
      event.record();
      context.copyIn(a, pinned.segment());
      softcuda.loseDevice();
      CudaException e = assertThrows(CudaException.class, context::synchronize);
      assertEquals(46, e.result());
      assertEquals("CUDA_ERROR_DEVICE_UNAVAILABLE", e.resultName());
      String cause = context.lostBecause();
      assertNotNull(cause);
      assertThrows(CudaException.class, stream::synchronize);
    }
    context.close();
    stream.close();
    assertThrows(CudaException.class, () -> context.allocate(8));
  }

  @Test
  void aKernelOutOfBoundsIsStoppedAndNamed() {
    softcuda.checking(true);
    long a = context.allocate(40);
    fill(a, 10).run();
    context.synchronize();
    assertNull(context.lostBecause());
    CudaException e =
        assertThrows(
            CudaException.class,
            () -> {
              fill(a, 11).run();
              context.synchronize();
            });
    assertTrue(e.getMessage().contains("probe_fill"), e.getMessage());
    assertTrue(e.getMessage().contains("fill [11]"), e.getMessage());
    assertNotNull(context.lostBecause());
  }

  @Test
  void aFailedAllocationLeavesTheContextUsable() {
    for (int nth = 1; nth <= 3; nth++) {
      long before = context.liveBytes();
      softcuda.failAllocation(nth);
      for (int i = 1; i < nth; i++) {
        context.free(context.allocate(16));
      }
      CudaException e = assertThrows(CudaException.class, () -> context.allocate(16));
      assertEquals("CUDA_ERROR_OUT_OF_MEMORY", e.resultName());
      assertEquals(before, context.liveBytes());
      assertNull(context.lostBecause());
    }
  }
}
