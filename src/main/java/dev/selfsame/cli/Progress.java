package dev.selfsame.cli;

import java.io.Console;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * Says how far a long command is, from its third second on: a bar on a terminal, a line every ten
 * seconds elsewhere. Always on the error stream, so that results can be piped.
 *
 * <pre>{@code
 * try (Progress progress = Progress.of("lenet", steps, err)) {
 *   … progress.step("loss 0.31");
 * }
 * }</pre>
 */
final class Progress implements AutoCloseable {
  private static final long QUIET_NANOS = 2_000_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;

  private final String task;
  private final long total;
  private final PrintWriter err;
  private final boolean terminal;
  private final LongSupplier clock;
  private final long start;
  private long lastLine;
  private long done;
  private @Nullable ProgressBar bar;

  Progress(String task, long total, PrintWriter err, boolean terminal, LongSupplier clock) {
    this.task = task;
    this.total = total;
    this.err = err;
    this.terminal = terminal;
    this.clock = clock;
    start = clock.getAsLong();
    lastLine = start;
  }

  /**
   * Progress of a task.
   *
   * @param task its name
   * @param total steps
   * @param err where lines go if there is no terminal
   */
  static Progress of(String task, long total, PrintWriter err) {
    Console console = System.console();
    return new Progress(
        task, total, err, console != null && console.isTerminal(), System::nanoTime);
  }

  /** One more step is done. */
  void step(String note) {
    to(done + 1, note);
  }

  /** So many steps are done. */
  void to(long steps, String note) {
    done = steps;
    long now = clock.getAsLong();
    if (now - start < QUIET_NANOS) {
      return;
    }
    if (terminal) {
      ProgressBar b = bar();
      b.stepTo(done);
      b.setExtraMessage(note);
    } else if (now - lastLine > LINE_NANOS) {
      lastLine = now;
      err.println(line(note, (now - start) / 1e9));
      err.flush();
    }
  }

  private String line(String note, double seconds) {
    return String.format(
        Locale.ROOT,
        "%s: %d of %d (%d %%), %.0f s%s",
        task,
        done,
        total,
        total == 0 ? 100 : 100 * done / total,
        seconds,
        note.isEmpty() ? "" : ", " + note);
  }

  /** Takes the bar away for a moment, so that a line can be printed; the next step shows it. */
  void pause() {
    ProgressBar b = bar;
    if (b != null) {
      b.close();
      bar = null;
    }
  }

  private ProgressBar bar() {
    ProgressBar b = bar;
    if (b == null) {
      b =
          new ProgressBarBuilder()
              .setTaskName(task)
              .setInitialMax(total)
              .setStyle(ProgressBarStyle.UNICODE_BLOCK)
              .setUpdateIntervalMillis(200)
              .startsFrom(done, Duration.ofNanos(clock.getAsLong() - start))
              .clearDisplayOnFinish()
              .build();
      bar = b;
    }
    return b;
  }

  @Override
  public void close() {
    pause();
  }
}
