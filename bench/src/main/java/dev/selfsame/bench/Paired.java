package dev.selfsame.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Times ours and theirs by turns in one process, so that a machine that slows down or is shared
 * slows both.
 *
 * <p>A sample is one untimed run (it brings back caches and sleeping threads) and then as many
 * timed runs as take about {@value #SAMPLE_MILLIS} ms. Rounds go forward and backward in turn
 * (ours, theirs; theirs, ours). Between samples the process rests; with several threads until it
 * uses no processor time any more: OpenMP's and OpenBLAS's teams spin after their work, OpenBLAS's
 * for 2²⁶ cycles or more, and would take the cores from the next in turn. A ratio is formed within
 * a round only.
 */
final class Paired {
  private static final double SAMPLE_MILLIS = 10;
  private static final long REST_NANOS = 2_000_000;

  /** Of two ticks of the processor's clock for processes. */
  private static final long WINDOW_NANOS = 20_000_000;

  private static final int MOST_WINDOWS = 50;
  private static final int LEAST_ROUNDS = 11;
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /** Of a warm-up: long enough for ours to be compiled meanwhile; theirs needs caches only. */
  private static final double OUR_WINDOW_SECONDS = 0.3;

  private static final double THEIR_WINDOW_SECONDS = 0.1;
  private static final long QUIET_MILLIS = 20;
  private static final double MOST_WARM_UP_SECONDS = 15;

  /** Nanoseconds a run: one row a contender (ours first), one column a round. */
  record Times(double[][] nanos) {
    int rounds() {
      return nanos[0].length;
    }

    Spread nanosOf(int contender) {
      return Spread.of(nanos[contender]);
    }

    /** Their time over ours, round by round: above 1, ours is faster. */
    Spread ratioOf(int contender) {
      double[] ratios = new double[rounds()];
      for (int i = 0; i < ratios.length; i++) {
        ratios[i] = nanos[contender][i] / nanos[0][i];
      }
      return Spread.of(ratios);
    }
  }

  private Paired() {}

  /** Warms up for about a third of the time, then takes rounds for the rest. */
  static Times measure(List<Contender> contenders, int threads, double seconds) {
    int n = contenders.size();
    int[] repeats = new int[n];
    for (int i = 0; i < n; i++) {
      repeats[i] =
          i == 0
              ? warmUp(contenders.get(i), seconds / 3 / n)
              : warmUp(contenders.get(i), seconds / 3 / n, THEIR_WINDOW_SECONDS);
    }
    long end = System.nanoTime() + (long) (seconds * 2 / 3 * 1e9);
    List<double[]> rounds = new ArrayList<>();
    while (rounds.size() < LEAST_ROUNDS || System.nanoTime() < end) {
      double[] round = new double[n];
      for (int turn = 0; turn < n; turn++) {
        int i = rounds.size() % 2 == 0 ? turn : n - 1 - turn;
        round[i] = sample(contenders.get(i).run(), repeats[i], threads);
      }
      rounds.add(round);
    }
    double[][] nanos = new double[n][rounds.size()];
    for (int i = 0; i < n; i++) {
      for (int r = 0; r < rounds.size(); r++) {
        nanos[i][r] = rounds.get(r)[i];
      }
    }
    return new Times(nanos);
  }

  /** Ours alone, until it is compiled. */
  static int warmUp(Contender ours, double seconds) {
    return warmUp(ours, seconds, OUR_WINDOW_SECONDS);
  }

  /**
   * Runs for at least the given time and until it gets no faster and nothing has been compiled, but
   * not for ever; how many runs make a sample. After each window the compilers get the cores to
   * themselves: where ours takes them all, a compilation lasts for seconds, and is counted only
   * when it ends.
   */
  private static int warmUp(Contender contender, double seconds, double leastWindow) {
    CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    long start = System.nanoTime();
    double before = Double.POSITIVE_INFINITY;
    while (true) {
      long compiled = compiler.getTotalCompilationTime();
      double best = fastest(contender.run(), Math.max(seconds / 2, leastWindow));
      idle();
      double elapsed = (System.nanoTime() - start) / 1e9;
      boolean quiet = compiler.getTotalCompilationTime() - compiled <= QUIET_MILLIS;
      if (quiet && best > 0.97 * before && elapsed >= seconds || elapsed > MOST_WARM_UP_SECONDS) {
        return (int) Math.clamp(SAMPLE_MILLIS * 1e6 / best, 1, 100_000);
      }
      before = Math.min(best, before);
    }
  }

  private static double fastest(Runnable run, double seconds) {
    long end = System.nanoTime() + (long) (seconds * 1e9);
    double best = Double.POSITIVE_INFINITY;
    do {
      long t = System.nanoTime();
      run.run();
      best = Math.min(best, System.nanoTime() - t);
    } while (System.nanoTime() < end);
    return best;
  }

  private static double sample(Runnable run, int repeats, int threads) {
    rest(threads);
    run.run();
    long start = System.nanoTime();
    for (int i = 0; i < repeats; i++) {
      run.run();
    }
    return (System.nanoTime() - start) / (double) repeats;
  }

  private static void rest(int threads) {
    if (threads == 1) {
      LockSupport.parkNanos(REST_NANOS);
    } else if (!idle()) {
      System.err.println(
          "warning: some thread of the process never rests, and takes a core from all");
    }
  }

  /** Waits until the process uses no processor time; false if that took too long. */
  private static boolean idle() {
    long before = PROCESS.getProcessCpuTime();
    for (int i = 0; i < MOST_WINDOWS; i++) {
      LockSupport.parkNanos(WINDOW_NANOS);
      long now = PROCESS.getProcessCpuTime();
      if (now == before) {
        return true;
      }
      before = now;
    }
    return false;
  }
}
