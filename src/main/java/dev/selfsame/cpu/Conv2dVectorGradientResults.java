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
      float[] sums,
      int at,
      int step,
      long first,
      int count,
      long channel,
      int channels,
      MemorySegment dx) {
    int lanes = mover.lanes();
    int pitch = Math.ceilDiv(count, lanes) * lanes;
    int phaseFloats = width * pitch;
    Conv2dVectorGradientScratch mine = Conv2dVectorGradientScratch.mine();
    float[] turned = mine.turned(phases.count() * phaseFloats + lanes * pitch);
    int[] place = mine.base(lanes);
    for (int phase = 0; phase < phases.count(); phase++) {
      int to = phase * phaseFloats;
      if (phases.taps(phase) == 0) {
        Arrays.fill(turned, to, to + phaseFloats, 0f);
        continue;
      }
      int from = at + phases.index(phase) * step;
      for (int i = 0; i < count; i += lanes) {
        for (int j = 0; j < lanes; j++) {
          place[j] = Math.min(i + j, count - 1) * width;
        }
        mover.turn(sums, from, place, 0, width, turned, to + i, pitch);
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
      long v = place % row;
      long rows = Math.min(phases.rows(), z.h() - u * z.strideH());
      for (int h = 0; h < rows; h++) {
        long line = (image * z.c() + channel) * z.h() + u * z.strideH() + h;
        int from = at + done + h * phases.columns() * phaseFloats;
        // Of the next line, what is written after this one.
        int next =
            h + 1 < rows ? (v == 0 ? length : 0) : Math.min(count - done - length, (int) row);
        boolean whole = v + length == row && (h + 1 < rows || u + 1 < phases.gridRows());
        long room = whole ? Math.min(next * z.strideW(), z.w()) : 0;
        row(turned, from, phaseFloats, length, v, dx, line * z.w(), room);
      }
    }
  }

  /**
   * Joins the column phases of a row from grid column {@code v} on.
   *
   * @param room floats after what is written that may be overwritten
   */
  private void row(
      float[] turned,
      int from,
      int phaseFloats,
      int length,
      long v,
      MemorySegment dx,
      long line,
      long room) {
    if (z.strideW() == 1) {
      rowKernel.finish(turned, from, dx, line + v, length, false, 0f, false);
      return;
    }
    int joined = 0;
    if (z.strideW() == 2 && phases.columns() == 2) {
      joined = (int) Math.min(length, z.w() / 2 - v);
      kernel.zip(turned, from, from + phaseFloats, joined, dx, line + 2 * v, room);
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
