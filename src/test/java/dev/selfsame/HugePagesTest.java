package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class HugePagesTest {
  private static final Path SETTING = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");

  @Test
  void largeTensorsAskForThem() throws IOException {
    assumeTrue(Files.exists(SETTING), "no Linux with huge pages");
    try (Scope scope = Scope.open()) {
      // Sizes that no other test is likely to have left on a free list.
      Tensor large = Tensor.zeros(scope, Device.vector(), (37L << 20) / 4);
      long first = large.memory().address();
      assertEquals(0, first % HugePages.PAGE);
      assertTrue(advised(first), "its first page");
      assertTrue(advised(first + (36L << 20)), "a later page");
      Tensor small = Tensor.zeros(scope, Device.vector(), (HugePages.LEAST - 4) / 5 / 4);
      assertFalse(advised(small.memory().address()), "the control: a small tensor does not");
    }
  }

  /** What is asked for is given back first: nothing that counts may be in it by then. */
  @Test
  void aLargeTensorHoldsWhatIsWritten() {
    try (Scope scope = Scope.open()) {
      long n = (21L << 20) / 4 + 1;
      Tensor x = Tensor.zeros(scope, Device.vector(), n);
      for (long i : List.of(0L, n / 2, n - 1)) {
        assertEquals(0f, x.memory().getAtIndex(ValueLayout.JAVA_FLOAT, i));
        x.memory().setAtIndex(ValueLayout.JAVA_FLOAT, i, i + 1f);
        assertEquals(i + 1f, x.memory().getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
    }
  }

  /** Whether the mapping that holds an address is marked "hg", huge pages asked for. */
  private static boolean advised(long address) throws IOException {
    boolean inside = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      String head = line.substring(0, line.indexOf(' '));
      if (!head.endsWith(":")) {
        String[] ends = head.split("-");
        inside =
            Long.parseUnsignedLong(ends[0], 16) <= address
                && address < Long.parseUnsignedLong(ends[1], 16);
      } else if (inside && head.equals("VmFlags:")) {
        return List.of(line.split(" ")).contains("hg");
      }
    }
    throw new AssertionError("no mapping holds " + Long.toHexString(address));
  }
}
