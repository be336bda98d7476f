package dev.selfsame.cpu;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A fixed team of threads that runs numbered tasks. Which thread runs which task is open; kernels
 * therefore cut their work by the problem's size alone, and no task reads what another of the same
 * call writes. So bits cannot depend on the number of threads.
 *
 * <p>Each thread begins with a share of neighbouring tasks, the same one in each call of as many
 * tasks, since its cache may still have their data; then it helps the others with theirs.
 *
 * <p>The calling thread works along. A call from inside a task, or while another thread uses the
 * team, runs its tasks on the calling thread alone.
 */
public final class Workers {
  private static final ConcurrentHashMap<Integer, Workers> TEAMS = new ConcurrentHashMap<>();
  private static final int SPINS = 2_000;

  /** Longs between counters of two threads: two cache lines. */
  private static final int APART = 16;

  /**
   * How often a thread claims tasks, at least, where there are that many: two threads that count
   * each small task wait for the counter's cache line, 0.1 µs a task.
   */
  private static final int CLAIMS = 16;

  private final int threads;
  private final Thread[] helpers;
  private final @Nullable Placement placement;
  private final ReentrantLock busy = new ReentrantLock();
  private volatile @Nullable Job job;

  private Workers(int threads) {
    this.threads = threads;
    helpers = new Thread[threads - 1];
    placement = Placement.ofTeam(threads);
    for (int i = 0; i < helpers.length; i++) {
      int me = i;
      helpers[i] =
          Thread.ofPlatform().daemon().name("selfsame-" + threads + "-" + i).start(() -> help(me));
    }
  }

  /** The process's team of that many threads, the caller included; at least 1. */
  public static Workers of(int threads) {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException(threads + " threads; allowed are 1 to 1024");
    }
    return TEAMS.computeIfAbsent(threads, Workers::new);
  }

  /** Threads of this team, the caller included. */
  public int threads() {
    return threads;
  }

  /**
   * Runs tasks 0 … {@code tasks}−1, each once, and returns when all are done. The first exception
   * is thrown on.
   */
  public void run(long tasks, LongConsumer task) {
    // So short that it is inlined: where no other thread is to know the task, it is no object.
    if (tasks <= 1 || threads == 1) {
      for (long i = 0; i < tasks; i++) {
        task.accept(i);
      }
    } else {
      share(tasks, task);
    }
  }

  /** Some of neighbouring elements, rows or other parts of a problem. */
  public interface Range {
    void run(long from, long count);
  }

  /** Runs ranges of {@code size} out of {@code n}, the last one shorter, as tasks. */
  public void ranges(long n, long size, Range range) {
    if (threads == 1) {
      // Without a task around the range, which would be an object.
      for (long from = 0; from < n; from += size) {
        range.run(from, Math.min(size, n - from));
      }
    } else {
      run(Math.ceilDiv(n, size), task -> range.run(task * size, Math.min(size, n - task * size)));
    }
  }

  private void share(long tasks, LongConsumer task) {
    if (busy.isHeldByCurrentThread() || !busy.tryLock()) {
      for (long i = 0; i < tasks; i++) {
        task.accept(i);
      }
      return;
    }
    try {
      Job mine = new Job(tasks, task, threads);
      if (placement != null) {
        placement.apart();
      }
      job = mine;
      for (int i = 0; i < helpers.length && i < tasks - 1; i++) {
        LockSupport.unpark(helpers[i]);
      }
      mine.work(0);
      // No helper may still run a task of this call when it returns.
      for (int spin = 0; mine.finished.get() < tasks; spin++) {
        if (spin < SPINS) {
          Thread.onSpinWait();
        } else {
          Thread.yield();
        }
      }
      job = null;
      mine.rethrow();
    } finally {
      busy.unlock();
    }
  }

  private void help(int me) {
    if (placement != null) {
      placement.helper(me);
    }
    Job last = null;
    while (true) {
      Job next = job;
      for (int spin = 0; spin < SPINS && (next == null || next == last); spin++) {
        Thread.onSpinWait();
        next = job;
      }
      if (next == null || next == last) {
        last = null;
        LockSupport.park(this);
      } else {
        next.work(me + 1);
        last = next;
      }
    }
  }

  private static final class Job {
    private final long tasks;
    private final LongConsumer task;
    private final int threads;
    private final long claim;

    /** The next task of each thread's share, {@value #APART} apart. */
    private final AtomicLongArray next;

    private final AtomicLong finished = new AtomicLong();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    Job(long tasks, LongConsumer task, int threads) {
      this.tasks = tasks;
      this.task = task;
      this.threads = threads;
      claim = Math.max(1, tasks / ((long) threads * CLAIMS));
      next = new AtomicLongArray(threads * APART);
      for (int i = 0; i < threads; i++) {
        next.set(i * APART, begin(i));
      }
    }

    private long begin(int share) {
      return tasks * share / threads;
    }

    void work(int me) {
      for (int i = 0; i < threads; i++) {
        share((me + i) % threads);
      }
    }

    private void share(int of) {
      long end = begin(of + 1);
      int at = of * APART;
      for (long from = next.getAndAdd(at, claim); from < end; from = next.getAndAdd(at, claim)) {
        long to = Math.min(end, from + claim);
        try {
          for (long t = from; t < to && failure.get() == null; t++) {
            task.accept(t);
          }
        } catch (Throwable t) {
          failure.compareAndSet(null, t);
        } finally {
          finished.addAndGet(to - from);
        }
      }
    }

    void rethrow() {
      switch (failure.get()) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable t -> throw new IllegalStateException(t);
      }
    }
  }
}
