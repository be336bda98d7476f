package dev.selfsame.op;

import dev.selfsame.ShapeException;
import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.Conv2dSizes;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;

/** Launches of {@code cuda-kernels/conv2d*.cu}: which tile, and the plans that the kernels read. */
final class Conv2dCuda {
  private static final Tiles HUGE = Tiles.of("128x256");
  private static final Tiles LARGE = Tiles.of("128x128");
  private static final Tiles MIDDLE = Tiles.of("64x64");
  private static final Tiles FLAT = Tiles.of("16x128");
  private static final Kernel NARROW = Kernel.of("conv2d_narrow");
  private static final Kernel WEIGHT_LARGE = Kernel.of("conv2d_weight_128x128");
  private static final Kernel WEIGHT_MIDDLE = Kernel.of("conv2d_weight_64x64");
  private static final Kernel WEIGHT_FLAT = Kernel.of("conv2d_weight_16x128");
  private static final Kernel WEIGHT_NARROW = Kernel.of("conv2d_weight_narrow");
  private static final Kernel WEIGHT_FOLD = Kernel.of("conv2d_weight_fold");

  // Fewer tiles than this leave most of a large GPU idle; then smaller tiles or parts of the
  // contraction.
  private static final long FEW_TILES = 64;

  // Tiles of 128 × 256 that are a wave of a large GPU, one block a multiprocessor.
  private static final long MANY_TILES = 128;

  // Terms of an output, so that the rows of a tile lie within 2^32 floats of filters. Twin: from[]
  // of Conv2dWeightFetch.
  private static final long MAX_TERMS = 1L << 24;
  private static final long MAX_PARTIAL_FLOATS = 1L << 26;
  private static final long MAX_REACH = 1L << 29;

  private Conv2dCuda() {}

  /**
   * Kernels of one tile: for any filter, and for one tap, whose positions are copied by 16 bytes.
   */
  private record Tiles(Kernel any, Kernel point) {
    static Tiles of(String size) {
      return new Tiles(Kernel.of("conv2d_" + size), Kernel.of("conv2d_point_" + size));
    }
  }

  static void forward(
      CudaContext context, long x, long w, long bias, boolean relu, Conv2dSizes z, long y) {
    requireReach(z);
    long filter = z.groupC() * z.r() * z.s();
    requireTerms("conv2d forward", z, filter);
    Axis rows = new Axis(z.p(), 0, 1, z.r(), -z.paddingH(), z.dilationH(), 0, 1);
    Axis cols = new Axis(z.q(), 0, 1, z.s(), -z.paddingW(), z.dilationW(), 0, 1);
    correlate(
        context,
        "conv2d forward of " + z,
        new Source(x, z.groupC(), z.h(), z.w(), z.strideH(), z.strideW()),
        new Weights(w, bias, z.s(), z.groupK() * filter, filter, z.r() * z.s()),
        new Target(y, z.n(), z.groups(), z.groupK(), z.p(), z.q(), relu),
        rows,
        cols);
  }

  static void dataGradient(CudaContext context, long dy, long w, Conv2dSizes z, long dx) {
    requireReach(z);
    long filter = z.groupC() * z.r() * z.s();
    // Of all phases before the first one is launched, so that dx is written wholly or not at all.
    long tapsH = mostTaps(z.h(), z.r(), z.strideH(), z.paddingH(), z.dilationH());
    long tapsW = mostTaps(z.w(), z.s(), z.strideW(), z.paddingW(), z.dilationW());
    requireTerms("conv2d data gradient", z, z.groupK() * tapsH * tapsW);
    for (long h = 0; h < Math.min(z.strideH(), z.h()); h++) {
      Axis rows = phase(h, z.h(), z.r(), z.strideH(), z.paddingH(), z.dilationH());
      for (long v = 0; v < Math.min(z.strideW(), z.w()); v++) {
        correlate(
            context,
            "conv2d data gradient of " + z,
            new Source(dy, z.groupK(), z.p(), z.q(), 1, 1),
            new Weights(w, 0, z.s(), z.groupK() * filter, z.r() * z.s(), filter),
            new Target(dx, z.n(), z.groups(), z.groupC(), z.h(), z.w(), false),
            rows,
            phase(v, z.w(), z.s(), z.strideW(), z.paddingW(), z.dilationW()));
      }
    }
  }

  static void weightGradient(CudaContext context, long x, long dy, Conv2dSizes z, long dw) {
    requireReach(z);
    long cols = z.groupC() * z.r() * z.s();
    long outputs = z.k() * cols;
    long terms = z.n() * z.p() * z.q();
    long chunk = Contract.chunk(terms);
    long chunks = Math.ceilDiv(terms, chunk);
    boolean narrow = z.groupK() * cols <= 256;
    boolean flat = z.groupK() <= 16;
    long large = z.groups() * Math.ceilDiv(z.groupK(), 128) * Math.ceilDiv(cols, 128);
    boolean isLarge = !narrow && z.groupK() > 64 && large >= FEW_TILES;
    Kernel kernel =
        narrow ? WEIGHT_NARROW : flat ? WEIGHT_FLAT : isLarge ? WEIGHT_LARGE : WEIGHT_MIDDLE;
    long tiles;
    if (narrow) {
      tiles = z.groups() * Math.ceilDiv(z.groupK() * cols, 32);
    } else if (flat) {
      tiles = z.groups() * Math.ceilDiv(z.groupK(), 16) * Math.ceilDiv(cols, 128);
    } else {
      tiles = isLarge ? large : z.groups() * Math.ceilDiv(z.groupK(), 64) * Math.ceilDiv(cols, 64);
    }
    boolean split =
        terms > Integer.MAX_VALUE // more than a block counts
            || tiles < 8 * FEW_TILES && chunks * outputs <= MAX_PARTIAL_FLOATS;
    long parts = split ? chunks : 1;
    long blocks = narrow ? Math.ceilDiv(tiles * parts, 4) : tiles * parts;
    Division image = Division.by(z.p() * z.q());
    Division row = Division.by(z.q());
    long[] plan = {
      z.groups(),
      z.groupC(),
      z.groupK(),
      z.h(),
      z.w(),
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
      image.multiplier,
      image.shift,
      row.multiplier,
      row.shift,
      terms,
      chunk,
      parts,
      outputs
    };
    long partial = parts > 1 ? context.allocate(parts * outputs * Float.BYTES) : 0;
    try {
      context
          .launch(kernel)
          .grid(blocks)
          .block(isLarge ? 256 : 128)
          .arg(x)
          .arg(dy)
          .arg(parts > 1 ? partial : dw)
          .arg(MemorySegment.ofArray(plan))
          .what(() -> "conv2d weight gradient of " + z)
          .run();
      if (parts > 1) {
        context
            .launch(WEIGHT_FOLD)
            .grid(Math.ceilDiv(outputs, 256))
            .block(256)
            .arg(partial)
            .arg(dw)
            .arg(outputs)
            .arg((int) parts)
            .what(() -> "conv2d weight gradient of " + z)
            .run();
      }
    } finally {
      context.free(partial);
    }
  }

  /**
   * One axis of a correlation: {@code count} outputs at {@code at + i·step}, and taps at {@code
   * first + i·distance} of the source, of which tap i is row or column {@code place + i·placeStep}
   * of the filter.
   */
  private record Axis(
      long count,
      long at,
      long step,
      long taps,
      long first,
      long distance,
      long place,
      long placeStep) {}

  private record Source(long address, long channels, long h, long w, long strideH, long strideW) {}

  private record Weights(long address, long bias, long width, long group, long row, long channel) {}

  private record Target(
      long address, long n, long groups, long rows, long h, long w, boolean relu) {}

  /**
   * The pixels of one stride phase. Their taps are evenly spaced: the distance of taps times
   * dilation is a multiple of the stride.
   */
  private static Axis phase(
      long at, long size, long kernel, long stride, long padding, long dilation) {
    long first = 0;
    long second = 0;
    long count = 0;
    for (long tap = 0; tap < kernel; tap++) {
      if ((at + padding - tap * dilation) % stride == 0) {
        first = count == 0 ? tap : first;
        second = count == 1 ? tap : second;
        count++;
      }
    }
    long placeStep = count > 1 ? second - first : 0;
    return new Axis(
        Math.ceilDiv(size - at, stride),
        at,
        stride,
        count,
        count == 0 ? 0 : (at + padding - first * dilation) / stride,
        -placeStep * dilation / stride,
        first,
        placeStep);
  }

  private static void correlate(
      CudaContext context, String what, Source from, Weights w, Target to, Axis rows, Axis cols) {
    long taps = rows.taps * cols.taps;
    long terms = from.channels * taps;
    Division tap = Division.by(Math.max(1, taps));
    Division col = Division.by(Math.max(1, cols.taps));
    long positions = to.n * rows.count * cols.count;
    long[] plan = {
      to.groups,
      from.channels,
      from.h,
      from.w,
      from.strideH,
      from.strideW,
      to.rows,
      to.h,
      to.w,
      rows.count,
      cols.count,
      rows.at,
      cols.at,
      rows.step,
      cols.step,
      taps,
      tap.multiplier,
      tap.shift,
      cols.taps,
      col.multiplier,
      col.shift,
      rows.first,
      rows.distance,
      cols.first,
      cols.distance,
      rows.place * w.width + cols.place,
      rows.placeStep * w.width,
      cols.placeStep,
      w.group,
      w.row,
      w.channel,
      positions,
      terms,
      Contract.chunk(terms),
      to.relu ? 1 : 0
    };
    // Positions are the pixels of the planes in order, four of them in 16 bytes.
    boolean point =
        taps == 1
            && rows.first == 0
            && cols.first == 0
            && from.strideH == 1
            && from.strideW == 1
            && rows.count == from.h
            && cols.count == from.w
            && from.h * from.w % 4 == 0
            && from.address % 16 == 0;
    Kernel kernel;
    int threads = 128;
    long blocks;
    long huge = to.groups * Math.ceilDiv(to.rows, 128) * Math.ceilDiv(positions, 256);
    long large = to.groups * Math.ceilDiv(to.rows, 128) * Math.ceilDiv(positions, 128);
    if (to.rows <= 3) {
      kernel = NARROW;
      threads = 256;
      blocks = to.groups * to.rows * Math.ceilDiv(positions, 1024);
    } else if (to.rows <= 16) {
      kernel = point ? FLAT.point : FLAT.any;
      blocks = to.groups * Math.ceilDiv(positions, 128);
    } else if (to.rows > 64 && huge >= MANY_TILES) {
      kernel = point ? HUGE.point : HUGE.any;
      threads = 256;
      blocks = huge;
    } else if (to.rows > 64 && large >= FEW_TILES) {
      kernel = point ? LARGE.point : LARGE.any;
      threads = 256;
      blocks = large;
    } else {
      kernel = point ? MIDDLE.point : MIDDLE.any;
      blocks = to.groups * Math.ceilDiv(to.rows, 64) * Math.ceilDiv(positions, 64);
    }
    context
        .launch(kernel)
        .grid(blocks)
        .block(threads)
        .arg(from.address)
        .arg(w.address)
        .arg(w.bias)
        .arg(to.address)
        .arg(MemorySegment.ofArray(plan))
        .what(() -> what)
        .run();
  }

  /** The taps of the stride phase that has most. */
  private static long mostTaps(long size, long kernel, long stride, long padding, long dilation) {
    long most = 0;
    for (long at = 0; at < Math.min(stride, size); at++) {
      most = Math.max(most, phase(at, size, kernel, stride, padding, dilation).taps);
    }
    return most;
  }

  private static void requireTerms(String what, Conv2dSizes z, long terms) {
    if (terms > MAX_TERMS) {
      throw new ShapeException(
          what
              + " of "
              + z
              + ": an output has "
              + terms
              + " terms; on CUDA at most 2^24 = 16777216 are allowed");
    }
  }

  /** The kernels count pixels of a plane in 32 bits. */
  private static void requireReach(Conv2dSizes z) {
    long reachH = z.h() + 2 * z.paddingH() + z.strideH() + (z.r() - 1) * z.dilationH();
    long reachW = z.w() + 2 * z.paddingW() + z.strideW() + (z.s() - 1) * z.dilationW();
    if (reachH > MAX_REACH
        || reachW > MAX_REACH
        || z.p() * z.q() > MAX_REACH
        || z.r() * z.s() > MAX_REACH) {
      throw new ShapeException(
          "conv2d: "
              + z
              + "; on CUDA a plane with its padding may have 2^29 rows, columns or outputs at"
              + " most");
    }
  }

  /**
   * Division of 0 ≤ x &lt; 2^31 as (x·multiplier) &gt;&gt; (32 + shift); multiplier 0 divides by 1.
   */
  record Division(long multiplier, long shift) {
    static Division by(long divisor) {
      if (divisor == 1) {
        return new Division(0, 0);
      }
      int log = 64 - Long.numberOfLeadingZeros(divisor - 1);
      return new Division(Math.ceilDiv(1L << (31 + log), divisor), log - 1);
    }
  }
}
