package dev.selfsame.cpu;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Takes sums of {@link Conv2dVectorDataGradient}, [pixel][channel] for each stride phase, to the
 * image: a panel of channels is turned, then phases are joined row by row.
 */
final class Conv2dVectorGradientResults {
  private final Conv2dVectorGradientKernel kernel;
  private final Conv2dVectorPanelKernel mover;
  private final Conv2dVectorRowKernel rowKernel;
  private final Conv2dSizes z;
  private final Conv2dVectorPhases phases;
  private final int width;

  /**
   * @param width channels of a panel
   */
  Conv2dVectorGradientResults(
      Conv2dVectorGradientKernel kernel,
      Conv2dVectorPanelKernel mover,
      Conv2dVectorRowKernel rowKernel,
      Conv2dSizes z,
      Conv2dVectorPhases phases,
      int width) {
    this.kernel = kernel;
    this.mover = mover;
    this.rowKernel = rowKernel;
    this.z = z;
    this.phases = phases;
    this.width = width;
  }

  /**
   * Writes {@code channels} channels of a panel from {@code channel} on, of {@code count} grid
   * places from {@code first} on.
   *
   * @param at the panel's sums of the first phase that has any, {@code step} before the next one's
   */
  void write(
      MemorySegment sums,
      long at,
      long step,
      long first,
      int count,
      long channel,
      int channels,
      MemorySegment dx) {
    int lanes = mover.lanes();
    int pitch = Math.ceilDiv(count, lanes) * lanes;
    int phaseFloats = width * pitch;
    float[] turned =
        Conv2dVectorGradientScratch.mine().turned(phases.count() * phaseFloats + lanes * pitch);
    for (int phase = 0; phase < phases.count(); phase++) {
      int to = phase * phaseFloats;
      if (phases.taps(phase) == 0) {
        Arrays.fill(turned, to, to + phaseFloats, 0f);
        continue;
      }
      long from = at + phases.index(phase) * step;
      for (int i = 0; i < count; i += lanes) {
        int last = Math.min(lanes, count - i) - 1;
        mover.turn(sums, from + (long) i * width, width, last, width, turned, to + i, pitch);
      }
    }
    for (int c = 0; c < channels; c++) {
      write(turned, c * pitch, phaseFloats, first, count, channel + c, dx);
    }
  }

  private void write(
      float[] turned,
      int at,
      int phaseFloats,
      long first,
      int count,
      long channel,
      MemorySegment dx) {
    boolean dense = phases.count() == 1;
    // Places that follow each other in memory: of an image, or of a row.
    long row = phases.gridColumns();
    long run = dense ? row * phases.gridRows() : row;
    for (int done = 0, length; done < count; done += length) {
      long place = first + done;
      length = (int) Math.min(count - done, run - place % run);
      if (dense) {
        long to = (place / run * z.c() + channel) * run + place % run;
        rowKernel.finish(turned, at + done, dx, to, length, false, 0f, false);
        continue;
      }
      long u = place / row % phases.gridRows();
      long image = place / row / phases.gridRows();
      for (int h = 0; h < phases.rows() && u * z.strideH() + h < z.h(); h++) {
        long line = (image * z.c() + channel) * z.h() + u * z.strideH() + h;
        int from = at + done + h * phases.columns() * phaseFloats;
        row(turned, from, phaseFloats, length, place % row, dx, line * z.w());
      }
    }
  }

  /** Joins the column phases of a row from grid column {@code v} on. */
  private void row(
      float[] turned, int from, int phaseFloats, int length, long v, MemorySegment dx, long line) {
    if (z.strideW() == 1) {
      rowKernel.finish(turned, from, dx, line + v, length, false, 0f, false);
      return;
    }
    int joined = 0;
    if (z.strideW() == 2 && phases.columns() == 2) {
      joined = (int) Math.min(length, z.w() / 2 - v);
      kernel.zip(turned, from, from + phaseFloats, joined, dx, line + 2 * v);
    }
    for (int i = joined; i < length; i++) {
      for (int w = 0; w < phases.columns(); w++) {
        long to = (v + i) * z.strideW() + w;
        if (to < z.w()) {
          Mem.f32(dx, line + to, turned[from + w * phaseFloats + i]);
        }
      }
    }
  }
}
