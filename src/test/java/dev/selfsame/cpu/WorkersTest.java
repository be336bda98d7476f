package dev.selfsame.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class WorkersTest {
  @Test
  void everyTaskRunsOnce() {
    for (int threads : new int[] {1, 2, 3, 8}) {
      for (int tasks : new int[] {0, 1, 2, 7, 1000}) {
        for (int round = 0; round < 50; round++) {
          AtomicIntegerArray runs = new AtomicIntegerArray(Math.max(1, tasks));
          Workers.of(threads).run(tasks, i -> runs.incrementAndGet((int) i));
          for (int i = 0; i < tasks; i++) {
            assertEquals(1, runs.get(i));
          }
        }
      }
    }
  }

  @Test
  void nestedCallsRunOnTheirThread() {
    AtomicLong sum = new AtomicLong();
    Workers team = Workers.of(3);
    team.run(10, i -> team.run(10, j -> sum.addAndGet(i * 10 + j)));
    assertEquals(99 * 100 / 2, sum.get());
  }

  @Test
  void failuresReachTheCallerAndTheTeamLivesOn() {
    Workers team = Workers.of(3);
    for (int round = 0; round < 20; round++) {
      assertThrows(
          IllegalStateException.class,
          () ->
              team.run(
                  100,
                  i -> {
                    if (i == 57) {
                      throw new IllegalStateException("planned");
                    }
                  }));
    }
    everyTaskRunsOnce();
  }
}
