package dev.selfsame.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PlacementTest {
  @Test
  void aHelperMayRunAnywhereButOnItsCallersProcessor() throws Exception {
    int processors = Runtime.getRuntime().availableProcessors();
    assumeTrue(
        System.getProperty("os.name").equals("Linux") && processors >= 2 && processors <= 8,
        "placement is for Linux with 2 to 8 processors");
    Placement placement = Placement.ofTeam(2);
    CountDownLatch known = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    Thread helper =
        Thread.ofPlatform()
            .start(() -> {
              placement.helper(0);
              known.countDown();
              try {
                end.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    try {
      known.await(10, TimeUnit.SECONDS);
      byte[] before = placement.maskOf(0);
      placement.apart();
      int caller = placement.caller();
      byte[] expected = before.clone();
      expected[caller >> 3] &= (byte) ~(1 << (caller & 7));
      assertNotEquals(before[caller >> 3], expected[caller >> 3], "the control: it might before");
      assertArrayEquals(expected, placement.maskOf(0));
    } finally {
      end.countDown();
      helper.join();
    }
  }

  @Test
  void oneThreadAndMoreThreadsThanProcessorsAreLeftAlone() {
    assertNull(Placement.ofTeam(1));
    assertNull(Placement.ofTeam(Runtime.getRuntime().availableProcessors() + 1));
  }

  @Test
  void aHelperThatHasNotStartedIsMetLater() {
    Placement placement = Placement.ofTeam(2);
    assumeTrue(placement != null, "placement is for Linux with 2 to 8 processors");
    placement.apart();
    assertEquals(-1, placement.caller());
  }
}
