package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Weights and bias of a layer of long short-term memory as {@link LstmSteps} reads them, packed
 * once for all steps. Block by block of as many units as two vectors have lanes, a panel for each
 * of the gates i, f, g, o. Units that only fill up the last block are copies of the last one.
 *
 * @param blocks of units
 * @param hidden wHh
 * @param inputs wIh
 * @param bias of each gate of each block
 */
record LstmWeights(int blocks, MemorySegment hidden, MemorySegment inputs, MemorySegment bias) {
  private static final int GATES = 4;

  /** Units of a block. */
  static int units(int bits) {
    return 2 * bits / Float.SIZE;
  }

  /** Gates of all blocks. */
  static long width(int bits, RecurrentSizes z) {
    return GATES * Math.ceilDiv(z.hidden(), units(bits)) * units(bits);
  }

  /** Floats that {@link #pack} needs. */
  static long floats(int bits, RecurrentSizes z) {
    return width(bits, z) * (z.hidden() + z.inputs() + 1);
  }

  /**
   * Packs the weights.
   *
   * @param to native memory of {@link #floats}
   */
  static LstmWeights pack(
      int bits,
      RecurrentSizes z,
      MemorySegment wIh,
      MemorySegment wHh,
      MemorySegment bias,
      MemorySegment to,
      Workers workers) {
    int most = units(bits);
    int blocks = (int) Math.ceilDiv(z.hidden(), most);
    long width = width(bits, z);
    MemorySegment inputs = to.asSlice(width * z.hidden() << 2);
    MemorySegment biases = inputs.asSlice(width * z.inputs() << 2);
    workers.run(
        blocks * GATES,
        panel -> {
          long unit = panel / GATES * most;
          long row = panel % GATES * z.hidden() + unit;
          int units = (int) Math.min(most, z.hidden() - unit);
          pack(bits, wHh, row, units, z.hidden(), to, panel);
          pack(bits, wIh, row, units, z.inputs(), inputs, panel);
          pack(bits, bias, row, units, 1, biases, panel);
        });
    return new LstmWeights(blocks, to, inputs, biases);
  }

  /** Packs rows of {@code terms} terms to a panel. */
  private static void pack(
      int bits, MemorySegment from, long row, int units, long terms, MemorySegment to, long panel) {
    int width = units(bits);
    float[] packed = GemmScratch.of().staging(width * OutputTile.DEPTH);
    for (long k = 0; k < terms; k += OutputTile.DEPTH) {
      int depth = (int) Math.min(OutputTile.DEPTH, terms - k);
      PanelPack.on(bits).transpose(from, row * terms + k, terms, units, depth, packed, 0, width);
      long at = (panel * terms + k) * width;
      MemorySegment.copy(packed, 0, to, JAVA_FLOAT, at << 2, depth * width);
    }
  }
}
