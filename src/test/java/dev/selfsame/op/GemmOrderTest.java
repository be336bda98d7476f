package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.contract.Contract;
import dev.selfsame.verify.Bits;
import org.junit.jupiter.api.Test;

/**
 * The scalar definition against loops of its own, and wrong orders that the comparison must see.
 */
class GemmOrderTest {
  /**
   * Integers whose sums are exact in any order, against 64-bit integer arithmetic: shows the
   * wiring.
   */
  @Test
  void integersAreExact() {
    for (int form = 0; form < 4; form++) {
      boolean ta = (form & 1) != 0;
      boolean tb = (form & 2) != 0;
      GemmCase c =
          GemmCase.of(2, false, 7, 9, 700, ta, tb, true, Activation.NONE, GemmCase.integers(form));
      float[] expected = new float[2 * 7 * 9];
      for (int g = 0; g < 2; g++) {
        for (int i = 0; i < 7; i++) {
          for (int j = 0; j < 9; j++) {
            long sum = (long) c.bias()[j];
            for (int k = 0; k < 700; k++) {
              sum +=
                  (long) c.a()[g * 4900 + (ta ? k * 7 + i : i * 700 + k)]
                      * (long) c.b()[g * 6300 + (tb ? j * 700 + k : k * 9 + j)];
            }
            expected[(g * 7 + i) * 9 + j] = sum;
          }
        }
      }
      Bits.assertSame(c.toString(), expected, c.on(Devices.control()));
      c.check();
    }
  }

  /** A product in a stated order, spelled again: chunk length, direction, fusing. */
  private static float[] ordered(GemmCase c, long chunk, boolean reversed, boolean fused) {
    float[] out = new float[c.m() * c.n()];
    for (int i = 0; i < c.m(); i++) {
      for (int j = 0; j < c.n(); j++) {
        float total = 0;
        float acc = 0;
        for (int t = 0; t < c.k(); t++) {
          int k = reversed ? c.k() - 1 - t : t;
          float x = c.a()[i * c.k() + k];
          float y = c.b()[k * c.n() + j];
          acc = fused ? Math.fma(x, y, acc) : x * y + acc;
          if ((t + 1) % chunk == 0 || t + 1 == c.k()) {
            total = t < chunk ? acc : total + acc;
            acc = 0;
          }
        }
        out[i * c.n() + j] = total;
      }
    }
    return out;
  }

  @Test
  void orderIsTheContracts() {
    for (int k : new int[] {100, 512, 513, 2000, 20_000}) {
      GemmCase c = GemmCase.plain(3, 4, k, GemmCase.random(k));
      Bits.assertSame(
          "k " + k, ordered(c, Contract.chunk(k), false, true), c.on(Devices.control()));
    }
  }

  /** Negative controls: each wrong order must be seen. */
  @Test
  void wrongOrdersAreSeen() {
    GemmCase c = GemmCase.plain(6, 6, 1500, GemmCase.random(13));
    float[] right = c.on(Devices.control());
    assertFalse(Bits.compare(right, ordered(c, 512, false, true)).isPresent(), "the right order");
    assertTrue(Bits.compare(right, ordered(c, 512, true, true)).isPresent(), "reversed k");
    assertTrue(Bits.compare(right, ordered(c, 256, false, true)).isPresent(), "chunks of 256");
    assertTrue(Bits.compare(right, ordered(c, 1500, false, true)).isPresent(), "no chunks");
    assertTrue(Bits.compare(right, ordered(c, 512, false, false)).isPresent(), "unfused");
    float[] flipped = right.clone();
    flipped[17] = Float.intBitsToFloat(Float.floatToRawIntBits(flipped[17]) ^ 1);
    assertTrue(Bits.compare(right, flipped).isPresent(), "one flipped bit");
  }
}
