package dev.selfsame.bench;

/** Says on standard error which case is being measured, and how long the rest will take. */
final class Progress {
  private final int cases;
  private final long start = System.nanoTime();
  private long first;
  private int begun;

  Progress(int cases) {
    this.cases = cases;
  }

  /** A case begins. */
  void next(String name) {
    if (begun == 0) {
      first = System.nanoTime();
    }
    String left = "";
    if (begun > 1) {
      double each = (System.nanoTime() - first) / (double) begun;
      left = ", about " + time(each * (cases - begun)) + " left";
    }
    begun++;
    System.err.printf("[%d/%d%s] %s%n", begun, cases, left, name);
  }

  String elapsed() {
    return time(System.nanoTime() - start);
  }

  private static String time(double nanos) {
    long seconds = Math.round(nanos / 1e9);
    return "%d:%02d".formatted(seconds / 60, seconds % 60);
  }
}
