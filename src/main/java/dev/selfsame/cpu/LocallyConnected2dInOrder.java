package dev.selfsame.cpu;

import static dev.selfsame.cpu.LocallyConnected2dVectorOrderKernel.FILTERS;
import static dev.selfsame.cpu.LocallyConnected2dVectorOrderKernel.SAMPLES;

import dev.selfsame.contract.Contract;
import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;

/**
 * Gradients of a locally connected layer of few samples, whose weights are more than all else: they
 * are read and written once, in the order of memory, plane of positions after plane. {@link
 * LocallyConnected2dVector} reads a row of each plane for a row of pixels, so that a line of memory
 * comes again for each of the rows that share it.
 *
 * <p>The data gradient holds a channel's chains and takes them on by each row of taps (k, r), the
 * order of a pixel's terms. The weight gradient's chains are over samples.
 */
final class LocallyConnected2dInOrder {
  /** Samples up to which gradients go this way. */
  private static final long FEW_SAMPLES = 8;

  private static final long MAX_CHAIN_FLOATS = 1 << 17;

  private final LocallyConnected2dVectorOrderKernel kernel;
  private final Conv2dSizes z;
  private final long positions;

  LocallyConnected2dInOrder(LocallyConnected2dVectorOrderKernel kernel, Conv2dSizes z) {
    this.kernel = kernel;
    this.z = z;
    positions = z.p() * z.q();
  }

  /**
   * Whether the data gradient is of few samples and one chunk of terms, with a task for each
   * thread.
   */
  static boolean takesData(Conv2dSizes z, int threads) {
    return z.n() <= FEW_SAMPLES
        && z.k() * z.r() * z.s() <= Contract.CHUNK
        && z.n() * z.h() * (z.w() + 16) <= MAX_CHAIN_FLOATS
        && z.c() >= threads;
  }

  /** Whether the weight gradient is of few samples, with a task for each thread. */
  static boolean takesWeights(Conv2dSizes z, int threads) {
    return z.n() <= FEW_SAMPLES
        && z.p() <= 1 << 20
        && z.q() <= 1 << 20
        && weightTasks(z) >= threads;
  }

  private static long weightTasks(Conv2dSizes z) {
    return Math.ceilDiv(z.k(), FILTERS) * z.c();
  }

  void dataGradient(MemorySegment dy, MemorySegment w, MemorySegment dx, Workers workers) {
    LocallyConnected2dPlanes gradients =
        LocallyConnected2dPlanes.ofOutputs(dy, z, LocallyConnected2dScratch.mine(), workers);
    workers.run(
        z.c(),
        c -> {
          for (long v = 0; v < Math.min(z.strideW(), z.w()); v++) {
            channel(gradients, w, dx, c, v);
          }
        });
  }

  /** The pixels of channel c whose column has the stride phase of v. */
  private void channel(
      LocallyConnected2dPlanes dy, MemorySegment w, MemorySegment dx, long c, long v) {
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    int lanes = kernel.lanes();
    int pixels = (int) Math.ceilDiv(z.w() - v, z.strideW());
    int vectors = Math.ceilDiv(pixels, lanes);
    long pitch = (long) vectors * lanes;
    long plane = z.h() * pitch;
    int taps = mine.tapsW(v + z.paddingW(), z.s(), z.dilationW(), z.strideW());
    mine.taps(taps);
    int[] mask = mine.masks(taps * vectors * lanes);
    long low = 0;
    long high = 0;
    for (int i = 0; i < taps; i++) {
      long q = (v + z.paddingW() - mine.tapW[i] * z.dilationW()) / z.strideW();
      mine.tapAAt[i] = dy.at(0, q);
      mine.tapBAt[i] = mine.tapW[i] * positions + q;
      low = Math.min(low, mine.tapBAt[i]);
      high = Math.max(high, mine.tapBAt[i] + pitch);
      for (int u = 0; u < pitch; u++) {
        mask[(int) (i * pitch) + u] = u < pixels && q + u >= 0 && q + u < z.q() ? -1 : 0;
      }
    }
    MemorySegment chains = mine.panel(z.n() * plane);
    chains.asSlice(0, z.n() * plane * 4).fill((byte) 0);
    for (long k = 0; taps > 0 && k < z.k(); k++) {
      for (long r = 0; r < z.r(); r++) {
        rowOfTaps(dy, w, k, (k * z.c() + c) * z.r() + r, r, taps, vectors, low, high, chains);
      }
    }
    for (long n = 0; n < z.n(); n++) {
      for (long h = 0; h < z.h(); h++) {
        long from = n * plane + h * pitch;
        long to = ((n * z.c() + c) * z.h() + h) * z.w() + v;
        if (z.strideW() == 1) {
          MemorySegment.copy(chains, from * 4, dx, to * 4, pixels * 4L);
        } else {
          for (int u = 0; u < pixels; u++) {
            Mem.f32(dx, to + u * z.strideW(), Mem.f32(chains, from + u));
          }
        }
      }
    }
  }

  /** The terms of filter k's taps in row r, whose planes of weights are {@code run}. */
  private void rowOfTaps(
      LocallyConnected2dPlanes dy,
      MemorySegment w,
      long k,
      long run,
      long r,
      int taps,
      int vectors,
      long low,
      long high,
      MemorySegment chains) {
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    long pitch = (long) vectors * kernel.lanes();
    long plane = z.h() * pitch;
    // Pixel row h meets output row p where h = p·stride − reach.
    long reach = z.paddingH() - r * z.dilationH();
    long firstP = Math.max(0, Math.ceilDiv(reach, z.strideH()));
    long endP =
        Math.clamp(
            Math.floorDiv(z.h() - 1 + reach, z.strideH()) + 1, firstP, Math.max(firstP, z.p()));
    // Rows of the phase before and after those have terms +0.
    long phase = Math.floorMod(-reach, z.strideH());
    for (long h = phase; h < z.h(); h += z.strideH()) {
      long p = Math.floorDiv(h + reach, z.strideH());
      if (p < firstP || p >= endP) {
        for (long n = 0; n < z.n(); n++) {
          kernel.addZero(chains, n * plane + h * pitch, vectors);
        }
      }
    }
    int rows = (int) (endP - firstP);
    if (rows <= 0) {
      return;
    }
    long begin = run * z.s() * positions;
    long first = begin + firstP * z.q();
    long beyond = first + (rows - 1) * z.q();
    MemorySegment weights = w;
    if (first + low < 0 || (beyond + high) * 4 > w.byteSize()) {
      // At the ends of memory, where vectors would be read from beyond.
      long room = -low;
      weights = mine.withRoom(w, begin, z.s() * positions, room, high);
      first += room - begin;
    }
    long h = firstP * z.strideH() - reach;
    for (long n = 0; n < z.n(); n += SAMPLES) {
      int count = (int) Math.min(SAMPLES, z.n() - n);
      for (int i = 0; i < SAMPLES; i++) {
        mine.rows[i] =
            ((n + Math.min(i, count - 1)) * z.k() + k) * dy.plane() + firstP * dy.width();
        mine.columns[i] = (n + Math.min(i, count - 1)) * plane + h * pitch;
      }
      if (count == SAMPLES) {
        reach(SAMPLES, dy, weights, first, taps, rows, vectors, chains, mine);
      } else {
        for (int i = 0; i < count; i++) {
          mine.rows[0] = mine.rows[i];
          mine.columns[0] = mine.columns[i];
          reach(1, dy, weights, first, taps, rows, vectors, chains, mine);
        }
      }
    }
  }

  private void reach(
      int samples,
      LocallyConnected2dPlanes dy,
      MemorySegment w,
      long first,
      int taps,
      int rows,
      int vectors,
      MemorySegment chains,
      LocallyConnected2dScratch mine) {
    kernel.reach(
        samples,
        dy.memory(),
        mine.rows,
        dy.width(),
        mine.tapAAt,
        w,
        first,
        z.q(),
        mine.tapBAt,
        mine.masks(0),
        taps,
        rows,
        vectors,
        chains,
        mine.columns,
        z.strideH() * vectors * kernel.lanes());
  }

  void weightGradient(MemorySegment x, MemorySegment dy, MemorySegment dw, Workers workers) {
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    LocallyConnected2dPlanes pixels = LocallyConnected2dPlanes.ofImage(x, z, mine, workers);
    MemorySegment outputs = z.q() >= kernel.lanes() ? dy : mine.withEnd(dy, kernel.lanes());
    workers.run(
        weightTasks(z), task -> planes(pixels, outputs, dw, task / z.c() * FILTERS, task % z.c()));
  }

  /** The weights of channel c in four filters. */
  private void planes(
      LocallyConnected2dPlanes x, MemorySegment dy, MemorySegment dw, long k, long c) {
    LocallyConnected2dScratch mine = LocallyConnected2dScratch.mine();
    int filters = (int) Math.min(FILTERS, z.k() - k);
    long[] rowAt = mine.rowsAt(z.p());
    for (long r = 0; r < z.r(); r++) {
      for (int p = 0; p < z.p(); p++) {
        rowAt[p] = x.row(p * z.strideH() - z.paddingH() + r * z.dilationH());
      }
      for (long s = 0; s < z.s(); s++) {
        for (int j = 0; j < FILTERS; j++) {
          long filter = k + Math.min(j, filters - 1);
          mine.columns[j] = filter * positions;
          mine.rows[j] = (((filter * z.c() + c) * z.r() + r) * z.s() + s) * positions;
        }
        kernel.plane(
            x.memory(),
            c * x.plane() + x.column(s * z.dilationW()),
            rowAt,
            z.c() * x.plane(),
            dy,
            mine.columns,
            z.k() * positions,
            z.n(),
            dw,
            mine.rows,
            filters,
            (int) z.p(),
            (int) z.q());
      }
    }
  }
}
