package dev.selfsame.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private final AtomicLong seconds = new AtomicLong();
  private final StringWriter text = new StringWriter();

  private Progress progress(long total) {
    return new Progress(
        "lenet", total, new PrintWriter(text), false, () -> seconds.get() * 1_000_000_000L);
  }

  @Test
  void aShortTaskIsQuiet() {
    try (Progress progress = progress(2)) {
      progress.step("");
      seconds.set(1);
      progress.step("");
    }
    assertEquals("", text.toString());
  }

  @Test
  void aLongTaskSaysALineEveryTenSeconds() {
    try (Progress progress = progress(200)) {
      for (int i = 1; i <= 25; i++) {
        seconds.set(i);
        progress.step("loss 0.5");
      }
      seconds.set(40);
      progress.to(200, "");
    }
    assertEquals(
        """
        lenet: 11 of 200 (5 %), 11 s, loss 0.5
        lenet: 22 of 200 (11 %), 22 s, loss 0.5
        lenet: 200 of 200 (100 %), 40 s
        """,
        text.toString());
  }
}
