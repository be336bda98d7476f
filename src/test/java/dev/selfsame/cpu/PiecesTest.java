package dev.selfsame.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class PiecesTest {
  private static final int PIECE = 10;

  /** Tensors of one piece, none, 17 and so many that tasks are larger. */
  private static final long[] FIRST = {0, 1, 1, 18, 1200};

  @Test
  void everyPieceOnceAndOfOneTensor() {
    for (int threads : new int[] {1, 2, 3}) {
      AtomicIntegerArray seen = new AtomicIntegerArray((int) FIRST[FIRST.length - 1]);
      Pieces.run(
          FIRST,
          PIECE,
          Workers.of(threads),
          (tensor, from, most) -> {
            assertEquals(0, from % PIECE);
            assertTrue(most > 0 && most <= 16 * PIECE && most % PIECE == 0, "most " + most);
            long first = FIRST[tensor] + from / PIECE;
            long end = first + most / PIECE;
            assertTrue(end <= FIRST[tensor + 1], "pieces beyond tensor " + tensor);
            for (long p = first; p < end; p++) {
              seen.incrementAndGet((int) p);
            }
          });
      for (int p = 0; p < seen.length(); p++) {
        assertEquals(1, seen.get(p), "piece " + p + " with " + threads + " threads");
      }
    }
  }
}
