package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MaskedTextTest {
  private static final int LENGTH = 20;
  private static final int HIDDEN = 4;
  private static final int BATCH = 3;
  private static final int SIZE = 100;

  private static int[] tokens() {
    return new Random(3).ints(1000, 0, SIZE).toArray();
  }

  private static MaskedText text(long seed) {
    return new MaskedText(tokens(), SIZE, LENGTH, HIDDEN, BATCH, seed);
  }

  private record Batch(int[] inputs, int[] places, int[] targets) {
    static Batch of(MaskedText text, long number) {
      try (Scope scope = Scope.open()) {
        Tensor in = Tensor.empty(scope, Device.scalar(), DType.I32, Shape.of(BATCH * LENGTH));
        Tensor at = Tensor.empty(scope, Device.scalar(), DType.I32, Shape.of(BATCH * HIDDEN));
        Tensor were = Tensor.empty(scope, Device.scalar(), DType.I32, Shape.of(BATCH * HIDDEN));
        text.fill(number, in, at, were);
        return new Batch(in.toIntArray(), at.toIntArray(), were.toIntArray());
      }
    }

    /** The text before words were hidden. */
    int[] whole() {
      int[] whole = inputs.clone();
      for (int i = 0; i < places.length; i++) {
        whole[places[i]] = targets[i];
      }
      return whole;
    }
  }

  @Test
  void anEpochHasEachPieceOnce() {
    MaskedText text = text(1);
    assertEquals(16, text.perEpoch());
    assertEquals(12, text.guesses());
    Set<String> pieces = new HashSet<>();
    for (int i = 0; i + LENGTH <= 1000; i += LENGTH) {
      pieces.add(Arrays.toString(Arrays.copyOfRange(tokens(), i, i + LENGTH)));
    }
    for (long epoch = 0; epoch < 2; epoch++) {
      Set<String> seen = new HashSet<>();
      for (long n = 0; n < 16; n++) {
        int[] whole = Batch.of(text, epoch * 16 + n).whole();
        for (int b = 0; b < BATCH; b++) {
          String piece = Arrays.toString(Arrays.copyOfRange(whole, b * LENGTH, (b + 1) * LENGTH));
          assertTrue(pieces.contains(piece), piece);
          assertTrue(seen.add(piece), "twice: " + piece);
        }
      }
    }
    assertFalse(Arrays.equals(Batch.of(text, 0).whole(), Batch.of(text, 16).whole()));
  }

  @Test
  void aBatchDependsOnSeedAndNumberAlone() {
    MaskedText read = text(1);
    for (long n = 0; n < 40; n++) {
      Batch.of(read, n);
    }
    assertArrayEquals(Batch.of(text(1), 5).inputs, Batch.of(read, 5).inputs);
    assertFalse(Arrays.equals(Batch.of(text(2), 5).inputs, Batch.of(read, 5).inputs));
  }

  /** 80, 10 and 10 of 100; within five standard deviations. */
  @Test
  void mostWordsAreMaskedSomeReplacedSomeStay() {
    MaskedText text = text(9);
    int masked = 0;
    int stay = 0;
    int n = 0;
    for (long number = 0; number < 500; number++) {
      Batch batch = Batch.of(text, number);
      for (int i = 0; i < batch.places.length; i++, n++) {
        int now = batch.inputs[batch.places[i]];
        assertTrue(batch.targets[i] > Vocabulary.END, "a special token was chosen");
        masked += now == Vocabulary.MASK ? 1 : 0;
        stay += now == batch.targets[i] ? 1 : 0;
      }
      int[] whole = batch.whole();
      long changed = Arrays.stream(batch.places).distinct().count();
      assertEquals(batch.places.length, changed, "places are different");
      assertEquals(BATCH * LENGTH, whole.length);
    }
    double deviation = Math.sqrt(0.16 / n);
    assertEquals(0.8, masked / (double) n, 5 * deviation);
    assertEquals(0.1, stay / (double) n, 5 * deviation);
  }

  @Test
  void specialTokensAreChosenWhereWordsRunOut() {
    int[] few = new int[60];
    few[7] = 50;
    MaskedText text = new MaskedText(few, SIZE, LENGTH, HIDDEN, BATCH, 1);
    Batch batch = Batch.of(text, 0); // all of the text, its pieces in some order
    assertEquals(1, Arrays.stream(batch.whole()).filter(t -> t == 50).count());
    assertEquals(1, Arrays.stream(batch.targets).filter(t -> t == 50).count());
    assertEquals(BATCH * HIDDEN, Arrays.stream(batch.places).distinct().count());
  }

  @Test
  void badSizesAreRefused() {
    for (int hidden : new int[] {0, 21}) {
      var e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new MaskedText(tokens(), SIZE, LENGTH, hidden, BATCH, 1));
      assertEquals("hidden is " + hidden + "; 1 to 20 are allowed", e.getMessage());
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> new MaskedText(tokens(), SIZE, LENGTH, HIDDEN, 51, 1));
    assertThrows(
        IllegalArgumentException.class, () -> new MaskedText(tokens(), 5, LENGTH, HIDDEN, 1, 1));
  }
}
