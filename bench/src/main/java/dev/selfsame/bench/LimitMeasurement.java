package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Measures {@link Limits} with a number of threads, each on memory of its own; half a minute.
 *
 * <p>As in {@link Paired}, samples go by turns over two sets of memory, each after a run that is
 * not timed: a loop that has all memory for itself finds part of it in the last cache (of a machine
 * that has hundreds of megabytes of it), which no contender of a pair does.
 */
final class LimitMeasurement implements AutoCloseable {
  /**
   * Bytes that all threads move together in a pass, from inside the caches to far beyond them;
   * close where caches end, as the bandwidth there halves within a doubling: second levels of 1 and
   * 2 MiB, last ones of 32 MiB and of hundreds. Twice as many lie in memory, for there are two
   * sets.
   */
  private static final long[] SIZES = {
    64 << 10, 256 << 10, 1 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20, 128 << 20, 256 << 20,
    512 << 20
  };

  private static final long SAMPLE_NANOS = 3_000_000;
  private static final long WINDOW_NANOS = 250_000_000;
  private static final long WARM_UP_NANOS = 1_000_000_000;
  private static final int LEAST_SAMPLES = 11;
  private static final long PIECE = 8192;

  /** Sets of memory, one for each of two contenders. */
  private static final int SETS = 2;

  private final int threads;
  private final ExecutorService pool;

  /** Keeps results alive. */
  private volatile float sink;

  private LimitMeasurement(int threads) {
    this.threads = threads;
    pool = Executors.newFixedThreadPool(threads);
  }

  static Limits measure(int threads) {
    try (var m = new LimitMeasurement(threads)) {
      long n = 4000;
      double flops = 2.0 * LimitLoops.CHAINS * LimitLoops.LANES * n * threads;
      // The scale and the shift are such that the chains stay near 1.
      Callable<Void> fma =
          () -> {
            m.sink = LimitLoops.fma(n, 0.5f, 0.5f);
            return null;
          };
      m.fastest((set, t) -> fma, WARM_UP_NANOS);
      double peak = flops / m.fastest((set, t) -> fma, WINDOW_NANOS);
      List<Limits.Bandwidth> bandwidth = new ArrayList<>();
      for (Limits.Loop loop : Limits.Loop.values()) {
        m.gbytes(loop, SIZES[0], WARM_UP_NANOS);
        for (long bytes : SIZES) {
          bandwidth.add(
              new Limits.Bandwidth(loop, bytes, Spread.round(m.gbytes(loop, bytes, WINDOW_NANOS))));
        }
      }
      return new Limits(Spread.round(peak), bandwidth);
    }
  }

  private double gbytes(Limits.Loop loop, long bytes, long window) {
    int arrays =
        switch (loop) {
          case READ -> 1;
          case COPY -> 2;
          case TRIAD -> 3;
          case UPDATE -> 4;
        };
    int moves = loop == Limits.Loop.UPDATE ? 7 : arrays;
    long step = 4L * LimitLoops.LANES;
    long n = Math.max(bytes / moves / threads / Float.BYTES / step, 1) * step;
    try (Arena arena = Arena.ofShared()) {
      List<List<MemorySegment>> memory = new ArrayList<>();
      for (int t = 0; t < SETS * threads; t++) {
        List<MemorySegment> own = new ArrayList<>();
        for (int i = 0; i < arrays; i++) {
          // Arrays that start at the same place of a page would keep one another from the cache.
          MemorySegment s = arena.allocate(n * Float.BYTES + 64L * 7 * (i + 1), 64);
          MemorySegment a = s.asSlice(64L * 7 * i, n * Float.BYTES);
          for (long j = 0; j < n; j++) {
            a.setAtIndex(JAVA_FLOAT, j, 1f);
          }
          own.add(a);
        }
        memory.add(own);
      }
      Tasks tasks = (set, t) -> task(loop, memory.get(set * threads + t), n);
      fastest(tasks, window);
      double nanos = median(tasks, window);
      return (double) moves * n * Float.BYTES * threads / nanos;
    }
  }

  private Callable<Void> task(Limits.Loop loop, List<MemorySegment> s, long n) {
    return () -> {
      for (long from = 0; from < n; from += PIECE) {
        long to = Math.min(n, from + PIECE);
        switch (loop) {
          case READ -> sink = LimitLoops.read(s.get(0), from, to);
          case COPY -> LimitLoops.copy(s.get(0), s.get(1), from, to);
          case TRIAD -> LimitLoops.triad(s.get(0), s.get(1), s.get(2), 0.5f, from, to);
          case UPDATE -> LimitLoops.update(s.get(0), s.get(1), s.get(2), s.get(3), 1e-9f, from, to);
        }
      }
      return null;
    };
  }

  /** One thread's work, by the set of memory and its number. */
  private interface Tasks {
    Callable<Void> of(int set, int thread);
  }

  /**
   * The shortest time of a run on all threads, once it has not become shorter for a while: the
   * just-in-time compiler needs its time.
   */
  private double fastest(Tasks tasks, long window) {
    double best = Double.POSITIVE_INFINITY;
    double steady = Double.POSITIVE_INFINITY; // best, when it last became notably shorter
    long since = System.nanoTime();
    long repeats = 1;
    int set = 0;
    do {
      set = (set + 1) % SETS;
      best = Math.min(best, sample(tasks, set, repeats));
      if (best < 0.98 * steady) {
        steady = best;
        since = System.nanoTime();
      }
      repeats = (long) Math.clamp(SAMPLE_NANOS / best, 1, 1_000_000);
    } while (System.nanoTime() - since < window);
    return best;
  }

  /** The median of samples, as for a contender: shares of a limit compare like with like. */
  private double median(Tasks tasks, long window) {
    double[] samples = new double[0];
    long end = System.nanoTime() + window;
    double nanos = SAMPLE_NANOS;
    for (int i = 0; i < LEAST_SAMPLES || System.nanoTime() < end; i++) {
      long repeats = (long) Math.clamp(SAMPLE_NANOS / nanos, 1, 1_000_000);
      nanos = sample(tasks, i % SETS, repeats);
      samples = Arrays.copyOf(samples, i + 1);
      samples[i] = nanos;
    }
    return Spread.of(samples).median();
  }

  /** Nanoseconds a run on all threads, after one that is not timed. */
  private double sample(Tasks tasks, int set, long repeats) {
    run(tasks, set, 1);
    long start = System.nanoTime();
    run(tasks, set, repeats);
    return (System.nanoTime() - start) / (double) repeats;
  }

  private void run(Tasks tasks, int set, long repeats) {
    List<Callable<Void>> all = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      Callable<Void> once = tasks.of(set, t);
      all.add(() -> {
        for (long i = 0; i < repeats; i++) {
          once.call();
        }
        return null;
      });
    }
    try {
      for (Future<Void> f : pool.invokeAll(all)) {
        f.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  @Override
  public void close() {
    pool.shutdown();
  }

  /** Shows them. */
  public static void main(String[] arguments) {
    Limits l = measure(arguments.length == 0 ? 1 : Integer.parseInt(arguments[0]));
    System.out.printf("FMA %.1f GFLOP/s%n", l.fmaGflops());
    l.bandwidth().forEach(System.out::println);
  }
}
