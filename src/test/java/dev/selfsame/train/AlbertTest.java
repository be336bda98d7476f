package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.op.Devices;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Systems in general are in SystemsTest; this is what only albert has. */
class AlbertTest {
  private static final TrainingSystem ALBERT = new Albert();

  /** A step on vectors, softcuda and the scalar device. */
  @Test
  void aStepHasTheSameBitsOnEveryDevice() {
    List<Device> devices = new ArrayList<>(List.of(Device.scalar(), Device.vector()));
    Devices.tested().stream()
        .filter(d -> d.toString().equals("softcuda"))
        .findFirst()
        .ifPresent(devices::add);
    List<TrainingRun> runs = new ArrayList<>();
    try {
      devices.forEach(d -> runs.add(ALBERT.start(d, ALBERT.settings(1, 100))));
      var difference = Lockstep.step(runs).difference();
      assertTrue(difference.isEmpty(), () -> "" + difference);
    } finally {
      runs.forEach(TrainingRun::close);
    }
  }

  @Test
  void theBlocksGradientIsTheFoldOverItsUses() {
    try (TrainingRun run = ALBERT.start(Device.vector(), ALBERT.settings(1, 100))) {
      run.step();
      Finding finding = SharedBlock.of((AlbertRun) run, Albert.SIZES).finding();
      assertTrue(finding.holds(), finding.measured());
      assertTrue(finding.measured().contains("6 uses"), finding.measured());
      assertTrue(finding.measured().endsWith("first use first: different"), finding.measured());
    }
  }

  /** A look at gradients must not change what is trained. */
  @Test
  void aLookLeavesTheRunAsItWas() {
    try (TrainingRun looked = ALBERT.start(Device.vector(), ALBERT.settings(1, 100));
        TrainingRun other = ALBERT.start(Device.vector(), ALBERT.settings(1, 100))) {
      looked.step();
      other.step();
      SharedBlock.of((AlbertRun) looked, Albert.SIZES);
      assertTrue(Lockstep.step(List.of(looked, other)).difference().isEmpty());
    }
  }

  @Test
  void parametersDoNotGrowWithTheLayers() {
    List<Long> counts = new ArrayList<>();
    for (String layers : ALBERT.variants()) {
      try (TrainingRun run = ALBERT.start(Device.vector(), ALBERT.settings(1, 9).with(layers))) {
        counts.add(run.parameters().stream().mapToLong(p -> p.value().elements()).sum());
        assertEquals(
            run.parameters().size(), run.parameters().stream().distinct().count(), "each once");
      }
    }
    assertEquals(1, counts.stream().distinct().count(), counts.toString());
  }
}
