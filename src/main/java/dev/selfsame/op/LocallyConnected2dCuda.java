package dev.selfsame.op;

import dev.selfsame.cpu.Conv2dSizes;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;

/** Launches of {@code cuda-kernels/locally_connected2d.cu}. */
final class LocallyConnected2dCuda {
  private static final Kernel FORWARD = Kernel.of("locally_connected2d_forward");
  private static final Kernel DATA = Kernel.of("locally_connected2d_data");
  private static final Kernel WEIGHT = Kernel.of("locally_connected2d_weight");

  // As in the kernels: threads of a block, and the tile of a thread.
  private static final int THREADS = 128;
  private static final long ROWS = 8;
  private static final long COLS = 4;

  private LocallyConnected2dCuda() {}

  static void forward(
      CudaContext context, long x, long w, long bias, boolean relu, Conv2dSizes z, long y) {
    context
        .launch(FORWARD)
        .grid(blocks(z.n(), z.k(), z.p() * z.q()))
        .block(THREADS)
        .arg(x)
        .arg(w)
        .arg(bias)
        .arg(y)
        .arg(sizes(z, relu))
        .what(() -> "locally connected forward of " + z)
        .run();
  }

  static void dataGradient(CudaContext context, long dy, long w, Conv2dSizes z, long dx) {
    context
        .launch(DATA)
        .grid(blocks(z.n(), z.c(), z.h() * z.w()))
        .block(THREADS)
        .arg(dy)
        .arg(w)
        .arg(dx)
        .arg(sizes(z, false))
        .what(() -> "locally connected data gradient of " + z)
        .run();
  }

  static void weightGradient(CudaContext context, long x, long dy, Conv2dSizes z, long dw) {
    context
        .launch(WEIGHT)
        .grid(blocks(z.c() * z.r() * z.s(), z.k(), z.p() * z.q()))
        .block(THREADS)
        .arg(x)
        .arg(dy)
        .arg(dw)
        .arg(sizes(z, false))
        .what(() -> "locally connected weight gradient of " + z)
        .run();
  }

  private static long blocks(long rows, long cols, long places) {
    return Math.ceilDiv(rows, ROWS) * Math.ceilDiv(cols, COLS) * Math.ceilDiv(places, THREADS);
  }

  private static MemorySegment sizes(Conv2dSizes z, boolean relu) {
    return MemorySegment.ofArray(
        new long[] {
          z.n(),
          z.c(),
          z.h(),
          z.w(),
          z.k(),
          z.r(),
          z.s(),
          z.p(),
          z.q(),
          z.strideH(),
          z.strideW(),
          z.paddingH(),
          z.paddingW(),
          z.dilationH(),
          z.dilationW(),
          relu ? 1 : 0
        });
  }
}
