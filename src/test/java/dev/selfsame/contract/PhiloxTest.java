package dev.selfsame.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** The three philox4x32-10 lines of kat_vectors in the Random123 distribution. */
  @Test
  void matchesThePublishedVectors() {
    int[] zero = {0, 0, 0, 0};
    Philox.block(zero, 0, 0);
    assertArrayEquals(new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, zero);
    int[] ones = {-1, -1, -1, -1};
    Philox.block(ones, -1, -1);
    assertArrayEquals(new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, ones);
    int[] pi = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    Philox.block(pi, 0xa4093822, 0x299f31d0);
    assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}, pi);
  }

  @Test
  void bitsAreTheWordsOfTheBlock() {
    long seed = 0x299f31d0_a4093822L;
    long stream = 0x03707344_13198a2eL;
    long block = 0x05a308d3_243f6a88L;
    int[] words = {0x243f6a88, 0x05a308d3, 0x13198a2e, 0x03707344};
    Philox.block(words, 0xa4093822, 0x299f31d0);
    for (int i = 0; i < 4; i++) {
      assertEquals(words[i], Philox.bits(seed, stream, 4 * block + i), "word " + i);
    }
  }

  @Test
  void uniformsFillTheUnitInterval() {
    double sum = 0;
    int n = 100_000;
    for (int i = 0; i < n; i++) {
      float u = Philox.uniform(42, 7, i);
      assertTrue(u >= 0 && u < 1);
      sum += u;
    }
    assertEquals(0.5, sum / n, 0.005);
  }

  @Test
  void normalsHaveMeanZeroAndVarianceOne() {
    double sum = 0;
    double squares = 0;
    int n = 100_000;
    for (int i = 0; i < n; i++) {
      float z = Philox.normal(42, 7, i);
      assertTrue(Math.abs(z) < 5.78f);
      sum += z;
      squares += (double) z * z;
    }
    assertEquals(0, sum / n, 0.015);
    assertEquals(1, squares / n, 0.02);
  }

  @Test
  void permutationsAreCompleteAndRepeatable() {
    for (int n : new int[] {0, 1, 2, 3, 10, 1797}) {
      int[] order = Philox.permutation(1, 2, n);
      assertArrayEquals(order, Philox.permutation(1, 2, n));
      int[] sorted = order.clone();
      Arrays.sort(sorted);
      for (int i = 0; i < n; i++) {
        assertEquals(i, sorted[i]);
      }
    }
    assertFalse(Arrays.equals(Philox.permutation(1, 2, 100), Philox.permutation(1, 3, 100)));
    assertThrows(IllegalArgumentException.class, () -> Philox.permutation(1, 2, -1));
  }

  @Test
  void permutationsAreEvenlySpread() {
    int[] seen = new int[6];
    int rounds = 60_000;
    for (int stream = 0; stream < rounds; stream++) {
      int[] p = Philox.permutation(5, stream, 3);
      seen[p[0] * 2 + (p[1] > p[2] ? 1 : 0)]++;
    }
    for (int count : seen) {
      assertEquals(rounds / 6.0, count, 400);
    }
  }
}
