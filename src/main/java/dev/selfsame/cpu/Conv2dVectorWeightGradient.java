package dev.selfsame.cpu;

import static dev.selfsame.cpu.Conv2dVectorKernel.LDA;
import static dev.selfsame.cpu.Conv2dVectorKernel.STEPS;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * dw[k, (c, r, s)] = Σ over (n, p, q) of x[n, c, pixel]·dy[n, k, p, q]: lanes across k, rows of a
 * tile across (c, r, s).
 *
 * <p>A task is a block of k and of (c, r, s) of one group. Where these are too few to share, chunks
 * of the contraction are tasks of their own; their chains are stored, and added in order
 * afterwards.
 */
final class Conv2dVectorWeightGradient {
  private static final long MIN_TASKS = 16;
  private static final int BLOCK_ROWS = 240;
  private static final long PARTIAL_FLOATS = 1 << 23;

  private final Conv2dVectorKernel kernel;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dSizes z;
  private final int rows;
  private final int lanes;
  private final long terms;
  private final long chunk;
  private final int vectors;
  private final int panel;

  // The partition.
  private final int blockLanes;
  private final int blockRows;
  private final long laneBlocks;
  private final long rowBlocks;
  private final long parts;

  Conv2dVectorWeightGradient(
      Conv2dVectorKernel kernel, Conv2dVectorRowKernel rowKernel, Conv2dSizes z) {
    this.kernel = kernel;
    this.rowKernel = rowKernel;
    this.z = z;
    rows = Math.toIntExact(z.groupC() * z.r() * z.s());
    lanes = Math.toIntExact(z.groupK());
    terms = z.n() * z.p() * z.q();
    chunk = Contract.chunk(terms);
    vectors = lanes <= kernel.lanes() ? 1 : 2;
    panel = vectors * kernel.lanes();
    blockLanes = Math.min(Math.ceilDiv(lanes, panel) * panel, Math.max(panel, 256));
    laneBlocks = Math.ceilDiv(lanes, blockLanes);
    long few = Math.ceilDiv(MIN_TASKS, z.groups() * laneBlocks);
    blockRows =
        (int) Math.min(BLOCK_ROWS, Math.max(48, Math.ceilDiv(Math.ceilDiv(rows, few), 12) * 12));
    rowBlocks = Math.ceilDiv(rows, blockRows);
    long tasks = z.groups() * laneBlocks * rowBlocks;
    long chunks = Math.ceilDiv(terms, chunk);
    parts =
        tasks < MIN_TASKS && tasks * chunks * blockRows * blockLanes <= PARTIAL_FLOATS ? chunks : 1;
  }

  void run(MemorySegment x, MemorySegment dy, MemorySegment dw, Workers workers) {
    int[] base = Conv2dVectorScratch.mine().ints(STEPS);
    for (int t = 0; t < STEPS; t++) {
      base[t] = t * panel;
    }
    long blocks = z.groups() * laneBlocks * rowBlocks;
    if (parts == 1) {
      workers.run(
          blocks,
          block -> {
            float[] total =
                Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.TOTAL, blockFloats());
            block(block, 0, terms, x, dy, base, total, 0);
            write(block, total, 0, dw);
          });
      return;
    }
    long size = blockFloats();
    float[] partials =
        Conv2dVectorScratch.mine().floats(Conv2dVectorScratch.SHARED, blocks * parts * size);
    workers.run(
        blocks * parts,
        id -> {
          long first = id % parts * chunk;
          block(
              id / parts,
              first,
              Math.min(terms, first + chunk),
              x,
              dy,
              base,
              partials,
              (int) (id * size));
        });
    workers.run(
        blocks,
        block -> {
          int at = (int) (block * parts * size);
          for (int part = 1; part < parts; part++) {
            rowKernel.fold(partials, at, partials, (int) (at + part * size), (int) size);
          }
          write(block, partials, at, dw);
        });
  }

  private long blockFloats() {
    return (long) (Math.min(rows, blockRows) + 12) * blockLanes;
  }

  /**
   * Terms {@code begin} … {@code end} − 1 of a block's outputs, from a chunk's first term on, into
   * {@code total}.
   */
  private void block(
      long block,
      long begin,
      long end,
      MemorySegment x,
      MemorySegment dy,
      int[] base,
      float[] total,
      int to) {
    long group = block / (laneBlocks * rowBlocks);
    int firstRow = (int) (block % rowBlocks) * blockRows;
    int firstLane = (int) (block / rowBlocks % laneBlocks) * blockLanes;
    int rowCount = Math.min(blockRows, rows - firstRow);
    int laneCount = Math.min(blockLanes, lanes - firstLane);
    int ld = blockLanes;

    Conv2dVectorScratch mine = Conv2dVectorScratch.mine();
    float[] outputs = mine.floats(Conv2dVectorScratch.WINDOW, (long) STEPS * blockLanes);
    float[] pixels = mine.floats(Conv2dVectorScratch.SCALARS, 12 * LDA);
    float[] chains = mine.floats(Conv2dVectorScratch.CHAIN, blockFloats());
    Arrays.fill(total, to, to + (int) blockFloats(), 0f);

    int taps = (int) (z.r() * z.s());
    int firstChannel = firstRow / taps;
    int channels = (firstRow + rowCount - 1) / taps - firstChannel + 1;
    Conv2dVectorRuns runs = new Conv2dVectorRuns(z, rowKernel, kernel.lanes());

    for (long t = begin; t < end; t += STEPS) {
      int n = (int) Math.min(STEPS, end - t);
      boolean first = t < begin + chunk;
      boolean starts = !first && t % chunk == 0;
      boolean ends = !first && ((t + n) % chunk == 0 || t + n == end);
      if (starts) {
        Arrays.fill(chains, 0, (int) blockFloats(), 0f);
      }
      for (int lane = 0; lane < laneCount; lane += panel) {
        long k = group * lanes + firstLane + lane;
        gather(dy, k, Math.min(panel, laneCount - lane), t, n, outputs, lane * STEPS);
      }
      boolean windowed = runs.fill(x, group, firstChannel, channels, t, n);
      float[] c = first ? total : chains;
      int at = first ? to : 0;
      for (int row = 0; row < rowCount; ) {
        int left = rowCount - row;
        int tileRows = kernel.tileRows(left, vectors);
        for (int i = 0; i < Math.min(left, tileRows); i++) {
          int tap = firstRow + row + i;
          if (windowed) {
            read(runs, tap, firstChannel, pixels, i * LDA);
          } else {
            scan(x, group, tap, t, n, pixels, i * LDA);
          }
        }
        for (int lane = 0; lane < laneCount; lane += panel) {
          kernel.tile(
              tileRows,
              vectors,
              pixels,
              0,
              outputs,
              base,
              0,
              lane * STEPS,
              n,
              c,
              at + row * ld + lane,
              ld);
        }
        row += tileRows;
      }
      if (ends) {
        rowKernel.fold(total, to, chains, 0, rowCount * ld);
      }
    }
  }

  /** dy of {@code count} channels from {@code k} on at terms t … t+n−1, as [term][lane]. */
  private void gather(MemorySegment dy, long k, int count, long t, int n, float[] to, int at) {
    long image = z.p() * z.q();
    for (int done = 0; done < n; ) {
      long position = (t + done) % image;
      int run = (int) Math.min(n - done, image - position);
      long from = ((t + done) / image * z.k() + k) * image + position;
      int row = at + done * panel;
      int lane = 0;
      for (; lane <= count - 4; lane += 4) {
        gather4(dy, from + lane * image, image, run, to, row + lane);
      }
      for (; lane < count; lane++) {
        for (int i = 0; i < run; i++) {
          to[row + lane + i * panel] =
              dy.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (from + lane * image + i) * 4);
        }
      }
      done += run;
    }
  }

  private void gather4(MemorySegment dy, long from, long stride, int run, float[] to, int at) {
    for (int i = 0; i < run; i++) {
      int row = at + i * panel;
      to[row] = dy.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (from + i) * 4);
      to[row + 1] = dy.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (from + stride + i) * 4);
      to[row + 2] = dy.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (from + 2 * stride + i) * 4);
      to[row + 3] = dy.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (from + 3 * stride + i) * 4);
    }
  }

  private void read(Conv2dVectorRuns runs, int row, int firstChannel, float[] to, int at) {
    int s = (int) (row % z.s());
    int r = (int) (row / z.s() % z.r());
    runs.read((int) (row / (z.s() * z.r())) - firstChannel, r, s, to, at);
  }

  /**
   * The pixels that weight {@code row} = (c, r, s) meets at terms t … t+n−1; +0 outside of the
   * image.
   */
  private void scan(MemorySegment x, long group, int row, long t, int n, float[] to, int at) {
    long s = row % z.s();
    long r = row / z.s() % z.r();
    long channel = group * z.groupC() + row / (z.s() * z.r());
    long left = s * z.dilationW() - z.paddingW();
    long inside = Math.ceilDiv(-left, z.strideW());
    long outside = Math.floorDiv(z.w() - 1 - left, z.strideW()) + 1;
    long q = t % z.q();
    long p = t / z.q() % z.p();
    long image = t / (z.q() * z.p());
    for (int done = 0; done < n; ) {
      int run = (int) Math.min(n - done, z.q() - q);
      int place = at + done;
      long h = p * z.strideH() - z.paddingH() + r * z.dilationH();
      int lo = h < 0 || h >= z.h() ? run : Math.clamp(inside - q, 0, run);
      int hi = Math.clamp(outside - q, lo, run);
      for (int i = 0; i < lo; i++) {
        to[place + i] = 0f;
      }
      long from = ((image * z.c() + channel) * z.h() + h) * z.w() + left + (q + lo) * z.strideW();
      rowKernel.copy(x, from, z.strideW(), to, place + lo, hi - lo);
      for (int i = hi; i < run; i++) {
        to[place + i] = 0f;
      }
      done += run;
      q = 0;
      if (++p == z.p()) {
        p = 0;
        image++;
      }
    }
  }

  private void write(long block, float[] total, int at, MemorySegment dw) {
    long group = block / (laneBlocks * rowBlocks);
    int firstRow = (int) (block % rowBlocks) * blockRows;
    int firstLane = (int) (block / rowBlocks % laneBlocks) * blockLanes;
    int rowCount = Math.min(blockRows, rows - firstRow);
    int laneCount = Math.min(blockLanes, lanes - firstLane);
    for (int lane = 0; lane < laneCount; lane++) {
      long to = (group * lanes + firstLane + lane) * rows + firstRow;
      for (int row = 0; row < rowCount; row++) {
        dw.set(
            ValueLayout.JAVA_FLOAT_UNALIGNED, (to + row) * 4, total[at + row * blockLanes + lane]);
      }
    }
  }
}
