package dev.selfsame.cpu;

/** The pieces of a fused call over many tensors: whose they are, and their handing out. */
final class Pieces {
  /** Pieces of a task: enough to outweigh its hand-over, about 10 µs. */
  private static final int TASK = 4;

  /**
   * Pieces of one tensor that are done at once, and of a task where there are many: between two
   * calls the reading of memory ahead comes to rest, which costs 0.4 µs beside the 2 µs that a
   * piece of AdamW takes from memory.
   */
  private static final int TOGETHER = 16;

  /** Pieces from which on a task has as many as can be done at once. */
  private static final int MANY = 1024;

  private Pieces() {}

  /** Some of a tensor's elements: {@code most} from one on, or as many as there are. */
  interface Piece {
    void run(int tensor, long from, int most);
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
      int task = pieces < MANY ? TASK : TOGETHER;
      workers.ranges(pieces, task, (first, count) -> some(firstPiece, piece, first, count, body));
    }
  }

  private static void some(long[] firstPiece, int piece, long first, long count, Piece body) {
    int t = tensorOf(firstPiece, first);
    long end = first + count;
    for (long p = first; p < end; ) {
      // Empty tensors own no piece.
      while (p >= firstPiece[t + 1]) {
        t++;
      }
      int some = (int) Math.min(TOGETHER, Math.min(end, firstPiece[t + 1]) - p);
      body.run(t, (p - firstPiece[t]) * piece, some * piece);
      p += some;
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
