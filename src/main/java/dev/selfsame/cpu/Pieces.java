package dev.selfsame.cpu;

/** Finds the tensor that a piece of a fused call belongs to. */
final class Pieces {
  private Pieces() {}

  /** Index t with firstPiece[t] ≤ piece &lt; firstPiece[t + 1]; empty tensors own no piece. */
  static int tensorOf(long[] firstPiece, long piece) {
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
