package dev.selfsame.cpu;

/** The pieces of a fused call over many tensors: whose they are, and their handing out. */
final class Pieces {
  /** Pieces of a task: enough to outweigh its hand-over, about 10 µs. */
  private static final int TASK = 4;

  private Pieces() {}

  /** A piece of a tensor, from an element on. */
  interface Piece {
    void run(int tensor, long from);
  }

  /**
   * Runs every piece.
   *
   * @param firstPiece number of the first piece of each tensor, and of all pieces
   * @param piece elements of a piece
   */
  static void run(long[] firstPiece, int piece, Workers workers, Piece body) {
    long pieces = firstPiece[firstPiece.length - 1];
    if (workers.threads() == 1) {
      some(firstPiece, piece, 0, pieces, body);
    } else {
      workers.ranges(pieces, TASK, (first, count) -> some(firstPiece, piece, first, count, body));
    }
  }

  private static void some(long[] firstPiece, int piece, long first, long count, Piece body) {
    int t = tensorOf(firstPiece, first);
    for (long p = first; p < first + count; p++) {
      // Empty tensors own no piece.
      while (p >= firstPiece[t + 1]) {
        t++;
      }
      body.run(t, (p - firstPiece[t]) * piece);
    }
  }

  /** Index t with firstPiece[t] ≤ piece &lt; firstPiece[t + 1]. */
  private static int tensorOf(long[] firstPiece, long piece) {
    int low = 0;
    int high = firstPiece.length - 2;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (firstPiece[middle] <= piece) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}
