package dev.selfsame.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.contract.Mem;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class PanelPackTest {
  private static final int[] WIDTHS = {1, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 24, 31, 32};
  private static final int[] DEPTHS = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 47, 48, 49, 50, 51, 64};

  @Test
  void everyTermGoesToItsPlaceAndNothingElseIsTouched() {
    for (int bits : Lanes.WIDTHS) {
      if (Lanes.supports(bits)) {
        for (int width : WIDTHS) {
          for (int depth : DEPTHS) {
            for (int count = 1; count <= width; count++) {
              check(PanelPack.on(bits), width, depth, count);
            }
          }
        }
      }
    }
  }

  private static void check(PanelPack pack, int width, int depth, int count) {
    int step = depth + 2;
    int at = 3;
    int before = 5;
    try (Arena arena = Arena.ofConfined()) {
      // Exactly as long as what may be read.
      MemorySegment from = arena.allocate(4L * (at + (count - 1) * step + depth));
      for (int i = 0; i < from.byteSize() / 4; i++) {
        Mem.f32(from, i, i);
      }
      float[] to = new float[before + depth * width + before];
      java.util.Arrays.fill(to, -1f);
      pack.transpose(from, at, step, count, depth, to, before, width);
      String what = width + " wide, " + depth + " deep, " + count + " rows";
      for (int i = 0; i < to.length; i++) {
        int t = Math.floorDiv(i - before, width);
        int j = Math.floorMod(i - before, width);
        float expected =
            i < before || t >= depth ? -1f : at + (float) Math.min(j, count - 1) * step + t;
        assertEquals(expected, to[i], () -> what);
      }
    }
  }
}
