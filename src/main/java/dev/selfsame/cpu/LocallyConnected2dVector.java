package dev.selfsame.cpu;

import static dev.selfsame.cpu.LocallyConnected2dVectorKernel.ROWS;

import dev.selfsame.contract.Contract;
import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Locally connected layer on vectors (op/LocallyConnected2d): lanes across the columns of one row
 * of outputs, or of pixels for the data gradient, where weights and outputs are neighbours. A task
 * is one such row and a few filters or channels; each weight is read once for every four samples.
 *
 * <p>Images, and output gradients for the data gradient, are copied once with +0 around their rows
 * and their columns sorted by stride phase: then those which neighbouring outputs read are
 * neighbours, too, and no load needs a mask. The last vector of a row overlaps the one before it.
 * Rows narrower than a vector leave lanes idle.
 */
public final class LocallyConnected2dVector {
  /** Filters or channels of a task. */
  private static final long TASK_COLUMNS = 16;

  private final int bits;

  private LocallyConnected2dVector(int bits) {
    this.bits = bits;
  }

  /** The kernels of a vector width. */
  public static LocallyConnected2dVector on(int bits) {
    return new LocallyConnected2dVector(bits);
  }

  /** Tiles of vectors that a row fills better than half, where there are any. */
  private LocallyConnected2dVectorKernel tiles(long row) {
    return Lanes.kernel(
        LocallyConnected2dVectorTiles.class, LocallyConnected2dVectorKernel.class, fitting(row));
  }

  private LocallyConnected2dInOrder inOrder(long row, Conv2dSizes z) {
    return new LocallyConnected2dInOrder(
        Lanes.kernel(
            LocallyConnected2dVectorOrder.class,
            LocallyConnected2dVectorOrderKernel.class,
            fitting(row)),
        z);
  }

  private int fitting(long row) {
    int fitting = bits;
    while (fitting > 128 && row * Float.SIZE <= fitting / 2) {
      fitting /= 2;
    }
    return fitting;
  }

  /** y = activation(x with each position's filter + bias). */
  public void forward(
      MemorySegment x,
      MemorySegment w,
      @Nullable MemorySegment bias,
      boolean relu,
      Conv2dSizes z,
      MemorySegment y,
      Workers workers) {
    LocallyConnected2dVectorKernel kernel = tiles(z.q());
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    LocallyConnected2dPlanes pixels = LocallyConnected2dPlanes.ofImage(x, z, mine, workers);
    MemorySegment filters = withEnds(w, z, kernel.lanes(), mine);
    long blocks = Math.ceilDiv(z.k(), TASK_COLUMNS);
    workers.run(
        z.p() * blocks,
        task -> {
          long firstK = task / z.p() * TASK_COLUMNS;
          forwardRow(kernel, pixels, filters, bias, relu, z, y, task % z.p(), firstK);
        });
  }

  private static void forwardRow(
      LocallyConnected2dVectorKernel kernel,
      LocallyConnected2dPlanes x,
      MemorySegment w,
      @Nullable MemorySegment bias,
      boolean relu,
      Conv2dSizes z,
      MemorySegment y,
      long p,
      long firstK) {
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    int lanes = kernel.lanes();
    int taps = mine.taps(z.r() * z.s());
    long terms = z.c() * taps;
    long chunk = Contract.chunk(terms);
    long positions = z.p() * z.q();
    long endK = Math.min(z.k(), firstK + TASK_COLUMNS);
    for (long begin = 0; begin < z.q(); begin += lanes) {
      long q = place(z, p, begin, lanes);
      int low = (int) Math.max(0, -q);
      int high = (int) Math.min(lanes, z.q() - q);
      x.taps(z, p, q, mine);
      for (int tap = 0; tap < taps; tap++) {
        mine.tapBAt[tap] = tap * positions;
      }
      for (long t = 0; t < terms; t += chunk) {
        int count = (int) Math.min(chunk, terms - t);
        mine.terms(t, count, taps, x.plane(), taps * positions);
        boolean last = t + count == terms;
        for (long k = firstK; k < endK; ) {
          int width = width(kernel, endK - k);
          long out = k * positions + p * z.q() + q;
          for (int j = 0; j < width; j++) {
            mine.columns[j] = Math.min(k + j, endK - 1) * terms * positions + p * z.q() + q;
          }
          for (long n = 0; n < z.n(); n += ROWS) {
            for (int i = 0; i < ROWS; i++) {
              mine.rows[i] = Math.min(n + i, z.n() - 1) * z.c() * x.plane();
            }
            kernel.overTerms(
                x.memory(),
                mine.rows,
                mine.aAt,
                w,
                mine.columns,
                mine.bAt,
                count,
                width,
                mine.chains);
            kernel.put(
                mine.chains,
                width,
                (int) Math.min(ROWS, z.n() - n),
                (int) Math.min(width, endK - k),
                y,
                n * z.k() * positions + out,
                z.k() * positions,
                positions,
                low,
                high,
                t == 0,
                last ? bias : null,
                out,
                positions,
                last && relu);
          }
          k += width;
        }
      }
    }
  }

  /** dx. */
  public void dataGradient(
      MemorySegment dy, MemorySegment w, Conv2dSizes z, MemorySegment dx, Workers workers) {
    long row = Math.ceilDiv(z.w(), z.strideW());
    if (LocallyConnected2dInOrder.takesData(z, workers.threads())) {
      inOrder(row, z).dataGradient(dy, w, dx, workers);
      return;
    }
    LocallyConnected2dVectorKernel kernel = tiles(row);
    LocallyConnected2dPlanes gradients =
        LocallyConnected2dPlanes.ofOutputs(dy, z, LocallyConnected2dScratch.mine(), workers);
    long blocks = Math.ceilDiv(z.c(), TASK_COLUMNS);
    workers.run(
        z.h() * blocks,
        task -> {
          for (long v = 0; v < Math.min(z.strideW(), z.w()); v++) {
            dataRow(kernel, gradients, w, z, dx, task % z.h(), v, task / z.h() * TASK_COLUMNS);
          }
        });
  }

  /** The pixels of row h whose column has the stride phase of v. */
  private static void dataRow(
      LocallyConnected2dVectorKernel kernel,
      LocallyConnected2dPlanes dy,
      MemorySegment w,
      Conv2dSizes z,
      MemorySegment dx,
      long h,
      long v,
      long firstC) {
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    int lanes = kernel.lanes();
    int tapsH = mine.tapsH(h + z.paddingH(), z.r(), z.dilationH(), z.strideH());
    int tapsW = mine.tapsW(v + z.paddingW(), z.s(), z.dilationW(), z.strideW());
    int taps = mine.taps((long) tapsH * tapsW);
    long terms = z.k() * taps;
    long chunk = Contract.chunk(terms);
    long positions = z.p() * z.q();
    long filter = z.r() * z.s() * positions;
    long plane = z.h() * z.w();
    long endC = Math.min(z.c(), firstC + TASK_COLUMNS);
    long pixels = Math.ceilDiv(z.w() - v, z.strideW());
    for (long first = 0; first < pixels; first += lanes) {
      long u = Math.max(0, Math.min(first, pixels - lanes));
      int valid = (int) Math.min(lanes, pixels - u);
      for (int tap = 0; tap < taps; tap++) {
        long r = mine.tapH[tap / tapsW];
        long s = mine.tapW[tap % tapsW];
        long p = (h + z.paddingH() - r * z.dilationH()) / z.strideH();
        long q = (v + z.paddingW() - s * z.dilationW()) / z.strideW() + u;
        boolean inside = p >= 0 && p < z.p();
        mine.tapAAt[tap] = dy.at(inside ? p : z.p(), q);
        mine.tapBAt[tap] = (r * z.s() + s) * positions + p * z.q() + q;
        mine.tapLow[tap] = inside ? Math.clamp(-q, 0, lanes) : 0;
        mine.tapHigh[tap] = inside ? Math.clamp(z.q() - q, mine.tapLow[tap], lanes) : 0;
      }
      long t = 0;
      do {
        int count = (int) Math.min(chunk, terms - t);
        mine.terms(t, count, taps, dy.plane(), z.c() * filter);
        for (long c = firstC; c < endC; ) {
          int width = width(kernel, endC - c);
          MemorySegment panel = mine.panel((long) count * width * lanes);
          for (int j = 0; j < width; j++) {
            long channel = Math.min(c + j, endC - 1) * filter;
            kernel.pack(
                w,
                channel,
                mine.bAt,
                mine.bLow,
                mine.bHigh,
                count,
                panel,
                (long) j * lanes,
                (long) width * lanes);
            mine.columns[j] = (long) j * lanes;
          }
          for (int i = 0; i < count; i++) {
            mine.panelAt[i] = (long) i * width * lanes;
          }
          for (long n = 0; n < z.n(); n += ROWS) {
            for (int i = 0; i < ROWS; i++) {
              mine.rows[i] = Math.min(n + i, z.n() - 1) * z.k() * dy.plane();
            }
            kernel.overTerms(
                dy.memory(),
                mine.rows,
                mine.aAt,
                panel,
                mine.columns,
                mine.panelAt,
                count,
                width,
                mine.chains);
            int rows = (int) Math.min(ROWS, z.n() - n);
            int columns = (int) Math.min(width, endC - c);
            long out = (n * z.c() + c) * plane + h * z.w() + v + u * z.strideW();
            if (z.strideW() == 1) {
              kernel.put(
                  mine.chains,
                  width,
                  rows,
                  columns,
                  dx,
                  out,
                  z.c() * plane,
                  plane,
                  0,
                  valid,
                  t == 0,
                  null,
                  0,
                  0,
                  false);
            } else {
              spread(mine.chains, width, rows, columns, lanes, valid, dx, out, z, t == 0);
            }
          }
          c += width;
        }
        t += chunk;
      } while (t < terms);
    }
  }

  /** A tile's pixels where they are not neighbours. */
  private static void spread(
      float[] chains,
      int width,
      int rows,
      int columns,
      int lanes,
      int valid,
      MemorySegment dx,
      long out,
      Conv2dSizes z,
      boolean first) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        for (int lane = 0; lane < valid; lane++) {
          long at = out + (i * z.c() + j) * z.h() * z.w() + lane * z.strideW();
          float chain = chains[(i * width + j) * lanes + lane];
          Mem.f32(dx, at, first ? chain : Mem.f32(dx, at) + chain);
        }
      }
    }
  }

  /** dw. */
  public void weightGradient(
      MemorySegment x, MemorySegment dy, Conv2dSizes z, MemorySegment dw, Workers workers) {
    if (LocallyConnected2dInOrder.takesWeights(z, workers.threads())) {
      inOrder(z.q(), z).weightGradient(x, dy, dw, workers);
      return;
    }
    LocallyConnected2dVectorKernel kernel = tiles(z.q());
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    LocallyConnected2dPlanes pixels = LocallyConnected2dPlanes.ofImage(x, z, mine, workers);
    MemorySegment gradients = withEnds(dy, z, kernel.lanes(), mine);
    long blocks = Math.ceilDiv(z.k(), TASK_COLUMNS);
    workers.run(
        z.p() * blocks,
        task ->
            weightRow(kernel, pixels, gradients, z, dw, task % z.p(), task / z.p() * TASK_COLUMNS));
  }

  private static void weightRow(
      LocallyConnected2dVectorKernel kernel,
      LocallyConnected2dPlanes x,
      MemorySegment dy,
      Conv2dSizes z,
      MemorySegment dw,
      long p,
      long firstK) {
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    int lanes = kernel.lanes();
    int taps = mine.taps(z.r() * z.s());
    long terms = z.c() * taps;
    long chunk = Contract.chunk(z.n());
    long positions = z.p() * z.q();
    long image = z.c() * x.plane();
    long endK = Math.min(z.k(), firstK + TASK_COLUMNS);
    for (long begin = 0; begin < z.q(); begin += lanes) {
      long q = place(z, p, begin, lanes);
      int low = (int) Math.max(0, -q);
      int high = (int) Math.min(lanes, z.q() - q);
      long place = p * z.q() + q;
      x.taps(z, p, q, mine);
      for (long t = 0; t < terms; t += ROWS) {
        for (int i = 0; i < ROWS; i++) {
          long term = Math.min(t + i, terms - 1);
          mine.rowAt[i] = mine.tapAAt[(int) (term % taps)] + term / taps * x.plane();
        }
        for (long k = firstK; k < endK; ) {
          int width = width(kernel, endK - k);
          for (long n = 0; n < z.n(); n += chunk) {
            for (int j = 0; j < width; j++) {
              mine.columns[j] = (n * z.k() + Math.min(k + j, endK - 1)) * positions + place;
            }
            for (int i = 0; i < ROWS; i++) {
              mine.rows[i] = n * image + mine.rowAt[i];
            }
            kernel.overSamples(
                x.memory(),
                mine.rows,
                image,
                dy,
                mine.columns,
                z.k() * positions,
                Math.min(chunk, z.n() - n),
                width,
                mine.chains);
            kernel.put(
                mine.chains,
                width,
                (int) Math.min(ROWS, terms - t),
                (int) Math.min(width, endK - k),
                dw,
                (k * terms + t) * positions + place,
                positions,
                terms * positions,
                low,
                high,
                n == 0,
                null,
                0,
                0,
                false);
          }
          k += width;
        }
      }
    }
  }

  /** The tile's width where that many filters or channels are left. */
  private static int width(LocallyConnected2dVectorKernel kernel, long left) {
    return left <= 2 ? 2 : kernel.columns();
  }

  /**
   * The output of lane 0 in a row's vector that begins at {@code begin}: moved back so that the
   * vector ends in the row, or at least in the plane. In a row narrower than a vector it may be
   * negative, where the lanes before the row are those of the row above.
   */
  private static long place(Conv2dSizes z, long p, long begin, int lanes) {
    long positions = z.p() * z.q();
    if (z.q() >= lanes) {
      return Math.min(begin, z.q() - lanes);
    }
    return positions < lanes ? 0 : Math.min(0, positions - lanes - p * z.q());
  }

  /**
   * Memory in planes of outputs that may be read a vector beyond its end: itself where a plane
   * holds a vector, as {@link #place} keeps vectors inside of planes; else a copy.
   */
  private static MemorySegment withEnds(
      MemorySegment planes, Conv2dSizes z, int lanes, LocallyConnected2dScratch mine) {
    return z.p() * z.q() >= lanes ? planes : mine.withEnd(planes, lanes);
  }
}
