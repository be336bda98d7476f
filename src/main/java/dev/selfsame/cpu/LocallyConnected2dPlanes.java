package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A copy of an image's or a gradient's planes for {@link LocallyConnected2dVector}: each row with
 * +0 on both sides and its columns sorted by stride phase, each plane with a row of +0 after its
 * last, and a vector of room before and after all.
 *
 * @param memory the copy
 * @param rows rows of a plane, without the row of +0
 * @param first what column 0 of the copy's phase 0 is in the original
 * @param phases stride phases that a row's columns are sorted into
 * @param width columns of a phase
 */
record LocallyConnected2dPlanes(
    MemorySegment memory, long rows, long first, long phases, long width) {
  /** Floats of room before the first plane and after the last one: the widest vector. */
  private static final long ROOM = 16;

  /** The pixels that outputs read. */
  static LocallyConnected2dPlanes ofImage(
      MemorySegment x, Conv2dSizes z, LocallyConnected2dScratch mine, Workers workers) {
    long reach = (z.q() - 1) * z.strideW() + (z.s() - 1) * z.dilationW() + 1;
    long width = Math.ceilDiv(reach, z.strideW());
    return copy(x, z.n() * z.c(), z.h(), z.w(), -z.paddingW(), z.strideW(), width, mine, workers);
  }

  /** The outputs that pixels belong to. */
  static LocallyConnected2dPlanes ofOutputs(
      MemorySegment dy, Conv2dSizes z, LocallyConnected2dScratch mine, Workers workers) {
    long first = Math.floorDiv(z.paddingW() - (z.s() - 1) * z.dilationW(), z.strideW());
    long last = (z.w() - 1 + z.paddingW()) / z.strideW();
    return copy(dy, z.n() * z.k(), z.p(), z.q(), first, 1, last - first + 1, mine, workers);
  }

  private static LocallyConnected2dPlanes copy(
      MemorySegment from,
      long planes,
      long rows,
      long cols,
      long first,
      long phases,
      long width,
      LocallyConnected2dScratch mine,
      Workers workers) {
    long plane = Math.multiplyExact(rows + 1, Math.multiplyExact(phases, width));
    long floats = Math.addExact(Math.multiplyExact(planes, plane), 2 * ROOM);
    MemorySegment to = mine.planes(floats);
    LocallyConnected2dPlanes made = new LocallyConnected2dPlanes(to, rows, first, phases, width);
    to.asSlice(0, ROOM * 4).fill((byte) 0);
    to.asSlice((floats - ROOM) * 4, ROOM * 4).fill((byte) 0);
    workers.run(
        planes,
        i -> {
          to.asSlice((ROOM + i * plane) * 4, plane * 4).fill((byte) 0);
          for (long row = 0; row < rows; row++) {
            made.copyRow(
                from, (i * rows + row) * cols, cols, ROOM + i * plane + row * made.pitch());
          }
        });
    return made;
  }

  /** Columns [first, first + phases·width) of a row, as far as it has them. */
  private void copyRow(MemorySegment from, long at, long cols, long to) {
    for (long phase = 0; phase < phases; phase++) {
      // Column j of the phase is column first + phase + j·phases of the row.
      long origin = first + phase;
      long low = Math.max(0, Math.ceilDiv(-origin, phases));
      long high = Math.min(width, Math.ceilDiv(cols - origin, phases));
      if (phases == 1 && low < high) {
        MemorySegment.copy(from, (at + origin + low) * 4, memory, (to + low) * 4, (high - low) * 4);
        return;
      }
      for (long j = low; j < high; j++) {
        float value = from.get(ValueLayout.JAVA_FLOAT_UNALIGNED, (at + origin + j * phases) * 4);
        memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (to + phase * width + j) * 4, value);
      }
    }
  }

  private long pitch() {
    return phases * width;
  }

  /** Floats of a plane. */
  long plane() {
    return (rows + 1) * pitch();
  }

  /**
   * Where column {@code col} of a row of the first plane lies, of a copy in one phase; {@code row}
   * = rows is the row of +0.
   */
  long at(long row, long col) {
    return ROOM + row * pitch() + col - first;
  }

  /** Where the pixels lie in the first plane that each tap of outputs q, q + 1 … of row p reads. */
  void taps(Conv2dSizes z, long p, long q, LocallyConnected2dScratch mine) {
    int tap = 0;
    for (long r = 0; r < z.r(); r++) {
      long row = row(p * z.strideH() - z.paddingH() + r * z.dilationH());
      for (long s = 0; s < z.s(); s++) {
        mine.tapAAt[tap++] = row + column(s * z.dilationW()) + q;
      }
    }
  }

  /** Where row h of the first plane lies; the row of +0 where the plane has no such row. */
  long row(long h) {
    return ROOM + (h < 0 || h >= rows ? rows : h) * pitch();
  }

  /**
   * Where the pixels lie in a row that a tap in that column of a filter reads, from output 0 on.
   */
  long column(long column) {
    return column % phases * width + column / phases;
  }
}
