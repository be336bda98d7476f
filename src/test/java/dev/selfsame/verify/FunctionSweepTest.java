package dev.selfsame.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.cuda.Softcuda;
import dev.selfsame.op.Unary;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class FunctionSweepTest {
  @Test
  void theDefinitionAgreesWithTheVectorKernels() {
    List<String> done = new ArrayList<>();
    List<FunctionSweep.Outcome> outcomes =
        FunctionSweep.of(Device.scalar())
            .every(FunctionSweep.BLOCK / 64)
            .run(Duration.ofMinutes(1), (f, block) -> done.add(f + " " + block));
    assertEquals(Unary.values().length, outcomes.size());
    for (FunctionSweep.Outcome o : outcomes) {
      assertEquals(0, o.mismatches(), o.toString());
      assertEquals(64L * FunctionSweep.BLOCKS, o.inputs());
      assertEquals(64.0 * FunctionSweep.BLOCKS / 0x1p32, o.coverage());
    }
    assertEquals(FunctionSweep.BLOCKS * Unary.values().length, done.size());
  }

  @Test
  void itEndsWhenTimeIsOver() {
    List<FunctionSweep.Outcome> outcomes =
        FunctionSweep.of(Device.scalar()).every(1 << 10).run(Duration.ZERO, (f, block) -> {});
    outcomes.forEach(o -> assertEquals(1 << 12, o.inputs()));
  }

  @Test
  void anInvertedBitIsFoundWithItsInput() {
    String missing = Softcuda.probe();
    Assumptions.assumeTrue(missing == null, "NOT RUN on softcuda: " + missing);
    try {
      // The second block's first function: relu; results and inputs are equally large.
      int found = 0;
      for (int rank = 0; rank < 2; rank++) {
        Softcuda.controls().flipBit(Unary.values().length + 1, rank, 99, 3);
        List<FunctionSweep.Outcome> outcomes =
            FunctionSweep.of(Device.softcuda())
                .every(1 << 12)
                .run(Duration.ofSeconds(1), (f, block) -> {});
        for (FunctionSweep.Outcome o : outcomes) {
          if (o.mismatches() > 0) {
            found++;
            // Block 1 is the one in the middle of the range; each 4096th input of it is tried.
            assertEquals(0x80000000L + 99 * 4096, o.first().index());
          }
        }
      }
      assertTrue(found > 0);
    } finally {
      Softcuda.controls().reset();
    }
  }

  @Test
  void stepsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> FunctionSweep.of(Device.scalar()).every(3));
    assertThrows(
        IllegalArgumentException.class, () -> FunctionSweep.of(Device.scalar()).every(1 << 23));
  }
}
