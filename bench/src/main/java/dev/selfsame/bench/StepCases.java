package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import java.util.ArrayList;
import java.util.List;

/** Whole training steps of the shipped systems, see {@link TrainingStep}. */
final class StepCases {
  private StepCases() {}

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>(DigitSteps.all(device));
    cases.addAll(TiedSteps.all(device));
    cases.addAll(LanguageModelSteps.all(device));
    cases.add(AlbertStep.planned(device));
    return cases;
  }
}
