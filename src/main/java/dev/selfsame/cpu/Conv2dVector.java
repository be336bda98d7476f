package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Convolution with the Vector API: implicit GEMM over register tiles, lanes across outputs, chunks
 * and chains as the scalar definition in {@code op.Conv2d} states them.
 *
 * <p>Forward and data gradient are {@link Conv2dVectorCorrelation correlations}, lanes across
 * positions: those of wide images {@link Conv2dVectorDirect in place}, others as a {@link
 * Conv2dVectorProduct product}; 3×3 depthwise ones of stride 1 {@link Conv2dVectorPlanes plane by
 * plane}; few filters on many small images have them {@link Conv2dVectorImages across images}. The
 * data gradient of a strided convolution is one for each stride phase. The {@link
 * Conv2dVectorWeightGradient weight gradient} has its lanes across a filter's weights.
 */
public final class Conv2dVector {
  /** Output rows from which on packing what the lanes read pays. */
  private static final long PANEL_ROWS = 16;

  private final Conv2dVectorKernel kernel;
  private final Conv2dVectorDirectKernel direct;
  private final Conv2dVectorImagesKernel images;
  private final Conv2dVectorPlaneKernel planes;
  private final Conv2dVectorRowKernel rowKernel;
  private final GemmKernel gemm;
  private final Conv2dVectorPanelKernel panels;
  private final Conv2dVectorTurnKernel turns;
  private final Conv2dVectorFilterKernel filters;
  private final Conv2dVectorGradientKernel gradients;
  private final GemmVector product;
  private final ChainTile chains;

  private static final @Nullable Conv2dVector[] BY_WIDTH = new @Nullable Conv2dVector[3];

  private Conv2dVector(
      Conv2dVectorKernel kernel,
      Conv2dVectorDirectKernel direct,
      Conv2dVectorImagesKernel images,
      Conv2dVectorPlaneKernel planes,
      Conv2dVectorRowKernel rowKernel,
      GemmKernel gemm,
      Conv2dVectorPanelKernel panels,
      Conv2dVectorTurnKernel turns,
      Conv2dVectorFilterKernel filters,
      Conv2dVectorGradientKernel gradients,
      GemmVector product,
      ChainTile chains) {
    this.kernel = kernel;
    this.direct = direct;
    this.images = images;
    this.planes = planes;
    this.rowKernel = rowKernel;
    this.gemm = gemm;
    this.panels = panels;
    this.turns = turns;
    this.filters = filters;
    this.gradients = gradients;
    this.product = product;
    this.chains = chains;
  }

  /** The kernels of a vector width. */
  public static Conv2dVector on(int bits) {
    int i = bits >> 8;
    Conv2dVector made = BY_WIDTH[i];
    if (made == null) {
      // Of two threads that both make it, one wins; they are the same.
      made = make(bits);
      BY_WIDTH[i] = made;
    }
    return made;
  }

  private static Conv2dVector make(int bits) {
    return new Conv2dVector(
        Lanes.kernel(Conv2dVectorTiles.class, Conv2dVectorKernel.class, bits),
        Lanes.kernel(Conv2dVectorDirectTiles.class, Conv2dVectorDirectKernel.class, bits),
        Lanes.kernel(Conv2dVectorImagesTiles.class, Conv2dVectorImagesKernel.class, bits),
        Lanes.kernel(Conv2dVectorPlaneTiles.class, Conv2dVectorPlaneKernel.class, bits),
        Lanes.kernel(Conv2dVectorRows.class, Conv2dVectorRowKernel.class, bits),
        GemmKernel.on(bits),
        Lanes.kernel(Conv2dVectorPanels.class, Conv2dVectorPanelKernel.class, bits),
        Lanes.kernel(Conv2dVectorTurns.class, Conv2dVectorTurnKernel.class, bits),
        Lanes.kernel(Conv2dVectorFilterTiles.class, Conv2dVectorFilterKernel.class, bits),
        Lanes.kernel(Conv2dVectorGradientRows.class, Conv2dVectorGradientKernel.class, bits),
        GemmVector.on(bits),
        ChainTile.on(bits));
  }

  /**
   * Packs filters w [groups · groupK, groupC, r, s] for {@link #forward}: tiles of rows with all of
   * their terms.
   *
   * @return null where {@code forward} does not read them so
   */
  public float @Nullable [] packFilters(
      MemorySegment w, long groups, long groupK, long groupC, long r, long s, Workers workers) {
    long floats = Conv2dVectorFilterPanels.floats(product.kernel, groups, groupK, groupC * r * s);
    if (groupK < PANEL_ROWS || floats > Conv2dVectorFilterPanels.MOST) {
      return null;
    }
    var taps = filterTaps(groupK, groupC, new long[(int) r], new long[(int) s]);
    float[] packed = new float[(int) floats];
    new Conv2dVectorFilterPanels(product, rowKernel, taps, groupK, groupC * r * s)
        .packAll(w, groups, packed, workers);
    return packed;
  }

  /** Taps in the memory order of a filter. */
  private static Conv2dVectorCorrelation.Taps filterTaps(
      long groupK, long groupC, long[] row, long[] col) {
    long size = (long) row.length * col.length;
    return new Conv2dVectorCorrelation.Taps(
        row,
        col,
        identity(row.length),
        identity(col.length),
        col.length,
        groupK * groupC * size,
        groupC * size,
        size);
  }

  /**
   * y = activation(conv(x, w) + bias).
   *
   * @param packed what {@link #packFilters} made of w, or null; not read where images are so large,
   *     or so many beside the filters, that packing filters takes no time
   */
  public void forward(
      MemorySegment x,
      MemorySegment w,
      float @Nullable [] packed,
      @Nullable MemorySegment bias,
      boolean relu,
      Conv2dSizes sizes,
      MemorySegment y,
      Workers workers) {
    Conv2dSizes z = sizes.flat();
    int tapsH = Math.toIntExact(z.r());
    int tapsW = Math.toIntExact(z.s());
    long[] row = new long[tapsH];
    long[] col = new long[tapsW];
    for (int r = 0; r < tapsH; r++) {
      row[r] = r * z.dilationH() - z.paddingH();
    }
    for (int s = 0; s < tapsW; s++) {
      col[s] = s * z.dilationW() - z.paddingW();
    }
    correlate(
        new Conv2dVectorCorrelation.Image(
            z.n(), z.groups(), z.groupC(), z.h(), z.w(), z.strideH(), z.strideW()),
        new Conv2dVectorCorrelation.Grid(z.groupK(), z.p(), z.q(), z.p(), z.q(), 0, 0, 1, 1),
        filterTaps(z.groupK(), z.groupC(), row, col),
        x,
        w,
        packed,
        bias,
        relu,
        y,
        workers);
  }

  private void correlate(
      Conv2dVectorCorrelation.Image in,
      Conv2dVectorCorrelation.Grid out,
      Conv2dVectorCorrelation.Taps taps,
      MemorySegment image,
      MemorySegment weights,
      float @Nullable [] packed,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment to,
      Workers workers) {
    if (Conv2dVectorPlanes.takes(in, out, taps)) {
      new Conv2dVectorPlanes(planes, rowKernel, in, out, taps)
          .run(image, weights, bias, relu, to, workers);
      return;
    }
    if (Conv2dVectorImages.takes(in, out, taps, images.lanes())) {
      var plan = new Conv2dVectorImages(product, images, rowKernel, in, out, taps);
      if (plan.fits()) {
        plan.run(image, weights, bias, relu, to, workers);
        return;
      }
    }
    if (Conv2dVectorDirect.takes(in, out, taps, direct.lanes())) {
      var plan = new Conv2dVectorDirect(product, direct, rowKernel, in, out, taps);
      if (plan.pays()) {
        plan.run(image, weights, bias, relu, to, workers);
        return;
      }
    }
    if (out.rows() >= PANEL_ROWS && taps.row().length * taps.col().length > 0) {
      new Conv2dVectorProduct(product, rowKernel, in, out, taps)
          .run(image, weights, packed, bias, relu, to, workers);
    } else {
      new Conv2dVectorCorrelation(kernel, rowKernel, in, out, taps)
          .run(image, weights, bias, relu, to, workers);
    }
  }

  /** dx. */
  public void dataGradient(
      MemorySegment dy, MemorySegment w, Conv2dSizes sizes, MemorySegment dx, Workers workers) {
    Conv2dSizes z = sizes.flat();
    if (Conv2dVectorDataGradient.takes(z, panels.lanes())) {
      new Conv2dVectorDataGradient(chains, product, gradients, panels, rowKernel, z, dy, w, dx)
          .run(workers);
      return;
    }
    for (long h = 0; h < Math.min(z.strideH(), z.h()); h++) {
      long[] kernelRow = taps(h + z.paddingH(), z.r(), z.dilationH(), z.strideH());
      long[] row = positions(h + z.paddingH(), kernelRow, z.dilationH(), z.strideH());
      for (long v = 0; v < Math.min(z.strideW(), z.w()); v++) {
        long[] kernelCol = taps(v + z.paddingW(), z.s(), z.dilationW(), z.strideW());
        long[] col = positions(v + z.paddingW(), kernelCol, z.dilationW(), z.strideW());
        long gridH = Math.ceilDiv(z.h() - h, z.strideH());
        long gridW = Math.ceilDiv(z.w() - v, z.strideW());
        correlate(
            new Conv2dVectorCorrelation.Image(z.n(), z.groups(), z.groupK(), z.p(), z.q(), 1, 1),
            new Conv2dVectorCorrelation.Grid(
                z.groupC(), z.h(), z.w(), gridH, gridW, h, v, z.strideH(), z.strideW()),
            new Conv2dVectorCorrelation.Taps(
                row,
                col,
                kernelRow,
                kernelCol,
                z.s(),
                z.groupK() * z.groupC() * z.r() * z.s(),
                z.r() * z.s(),
                z.groupC() * z.r() * z.s()),
            dy,
            w,
            null,
            null,
            false,
            dx,
            workers);
      }
    }
  }

  /** dw. */
  public void weightGradient(
      MemorySegment x, MemorySegment dy, Conv2dSizes sizes, MemorySegment dw, Workers workers) {
    Conv2dSizes z = sizes.flat();
    if (Conv2dVectorDepthwise.takes(z)) {
      new Conv2dVectorDepthwise(turns, rowKernel, z).run(x, dy, dw, workers);
    } else if (Conv2dVectorFewFilters.takes(z, panels.lanes())) {
      // Up to eight filters fill half of the widest vectors: turning eight rows is half the work.
      Conv2dVector v = z.groupK() <= 8 ? on(256) : this;
      new Conv2dVectorFewFilters(v.filters, v.panels, v.turns, v.rowKernel, z, x, dy, dw)
          .run(workers);
    } else {
      new Conv2dVectorWeightGradient(gemm, product.kernel, panels, turns, rowKernel, z, x, dy, dw)
          .run(workers);
    }
  }

  private static long[] identity(int count) {
    long[] all = new long[count];
    for (int i = 0; i < count; i++) {
      all[i] = i;
    }
    return all;
  }

  /** The taps with the stride phase of a padded pixel. */
  private static long[] taps(long padded, long size, long dilation, long stride) {
    long[] found = new long[Math.toIntExact(size)];
    int count = 0;
    for (long tap = 0; tap < size; tap++) {
      if ((padded - tap * dilation) % stride == 0) {
        found[count++] = tap;
      }
    }
    return java.util.Arrays.copyOf(found, count);
  }

  /** The output position that each of the taps meets at a padded pixel. */
  private static long[] positions(long padded, long[] taps, long dilation, long stride) {
    long[] at = new long[taps.length];
    for (int i = 0; i < at.length; i++) {
      at[i] = (padded - taps[i] * dilation) / stride;
    }
    return at;
  }
}
