package dev.selfsame.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.cpu.Lanes;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every operation on tensors over Java arrays ({@link dev.selfsame.Tensor#wrap}): the bits of
 * native memory, whatever kernels expect.
 */
class ArraysTest {
  private static final long SEED = 20261123;
  private static final int CASES = 40;

  static List<OpUnderTest> ops() {
    return OpsUnderTest.all();
  }

  @ParameterizedTest
  @MethodSource("ops")
  void arraysGiveTheBitsOfNativeMemory(OpUnderTest op) {
    for (int bits : Lanes.WIDTHS) {
      if (Lanes.supports(bits)) {
        for (int number = 0; number < CASES; number++) {
          Device device = Device.vector(bits, 2);
          OpCase drawn = op.draw(SEED, number);
          compare(results(drawn, device, false), results(drawn, device, true), drawn, bits);
        }
      }
    }
  }

  private static List<Run.Output> results(OpCase drawn, Device device, boolean arrays) {
    try (Scope scope = Scope.open()) {
      Run run = new Run(scope, device, arrays);
      drawn.body().on(run);
      return run.finish();
    }
  }

  private static void compare(
      List<Run.Output> expected, List<Run.Output> found, OpCase drawn, int bits) {
    assertEquals(expected.size(), found.size());
    for (int i = 0; i < expected.size(); i++) {
      Run.Output output = expected.get(i);
      assertArrayEquals(
          bits(output),
          bits(found.get(i)),
          () -> "%s of %s, %d bits".formatted(output.name(), drawn.description(), bits));
    }
  }

  /** With every NaN as the canonical one: which it is, the contract leaves open. */
  private static int[] bits(Run.Output output) {
    int[] bits = output.bits().clone();
    for (int i = 0; output.isFloat() && i < bits.length; i++) {
      bits[i] = Float.floatToIntBits(Float.intBitsToFloat(bits[i]));
    }
    return bits;
  }
}
