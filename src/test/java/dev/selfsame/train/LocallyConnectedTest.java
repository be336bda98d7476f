package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.verify.Bits;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What it is known for, after a short run; bits and resuming are in {@link SystemsTest}. */
class LocallyConnectedTest {
  private static final long STEPS = 80;

  @Test
  void itTrainsHasMoreParametersAndSuffersFromShifts() {
    LocallyConnected system = new LocallyConnected();
    TrainingSystem.Settings settings = system.settings(1, STEPS);
    try (TrainingRun run = system.start(Device.vector(), settings)) {
      float first = run.step();
      float last = first;
      for (long step = 1; step < STEPS; step++) {
        last = run.step();
      }
      assertTrue(last < first / 2, first + " to " + last);
      float[] before = run.parameters().getFirst().value().toFloatArray();
      List<Finding> findings =
          system.findings(new Trained(run, settings, true, run.evaluate(), (task, i, n) -> {}));
      Bits.assertSame("untouched", before, run.parameters().getFirst().value().toFloatArray());
      assertEquals(3, findings.size());
      assertTrue(findings.get(1).holds(), findings.get(1).toString());
      assertTrue(findings.get(1).measured().contains("122,304"), findings.get(1).measured());
      assertTrue(findings.get(2).holds(), findings.get(2).toString());
    }
  }
}
