package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.SelfsameException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PairsTest {
  private static final ImageSet SET = Digits.shipped().test();

  @Test
  void everyOtherPairIsOfTwoClasses() {
    Pairs pairs = new Pairs(SET, 64, 1);
    int[] seen = new int[SET.classes() * SET.classes()];
    for (long step = 0; step < 300; step++) {
      Pairs.Batch batch = pairs.batch(step);
      for (int i = 0; i < 64; i++) {
        int a = SET.label(batch.first()[i]);
        int b = SET.label(batch.second()[i]);
        assertEquals(i % 2, batch.different()[i]);
        assertEquals(i % 2 == 1, a != b);
        seen[a * SET.classes() + b]++;
      }
    }
    assertTrue(Arrays.stream(seen).allMatch(n -> n > 0), "some classes never meet");
  }

  @Test
  void aBatchDependsOnSeedAndStepOnly() {
    Pairs.Batch batch = new Pairs(SET, 64, 1).batch(7);
    Pairs again = new Pairs(SET, 64, 1);
    again.batch(3);
    assertArrayEquals(batch.first(), again.batch(7).first());
    assertArrayEquals(batch.second(), again.batch(7).second());
    assertFalse(Arrays.equals(batch.first(), again.batch(8).first()));
    assertFalse(Arrays.equals(batch.first(), new Pairs(SET, 64, 2).batch(7).first()));
  }

  @Test
  void badArguments() {
    assertThrows(SelfsameException.class, () -> new Pairs(SET, 0, 1));
    assertThrows(SelfsameException.class, () -> new Pairs(SET, 3, 1));
    ImageSet one = SET.first(1);
    assertThrows(SelfsameException.class, () -> new Pairs(one, 2, 1));
  }
}
