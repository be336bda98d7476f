package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.train.CharacterModel.Cell;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CharacterModelTest {
  @ParameterizedTest
  @EnumSource(Cell.class)
  void theGradientIsTheSumOverTheStepsInBits(Cell cell) {
    TrainingSystem system = new CharacterModel(cell);
    try (TrainingRun run = system.start(Device.vector(), system.settings(1, 100))) {
      SequenceGradient parts = SequenceGradient.of(cell, (LanguageModelRun) run);
      Finding finding = parts.finding();
      assertTrue(finding.holds(), finding.measured());
      // Control: one bit of one weight's gradient.
      int last = parts.whole().length - 1;
      parts.whole()[last] = Float.intBitsToFloat(Float.floatToRawIntBits(parts.whole()[last]) ^ 1);
      assertFalse(parts.finding().holds());
    }
  }

  /** A look at gradients must not change what is trained. */
  @Test
  void aLookLeavesTheRunAsItWas() {
    TrainingSystem system = new CharacterModel(Cell.GRU);
    try (TrainingRun looked = system.start(Device.vector(), system.settings(1, 100));
        TrainingRun other = system.start(Device.vector(), system.settings(1, 100))) {
      looked.step();
      other.step();
      SequenceGradient.of(Cell.GRU, (LanguageModelRun) looked);
      assertTrue(Lockstep.step(List.of(looked, other)).difference().isEmpty());
    }
  }

  /**
   * Sequences of 20: gated units hold the first number well enough within a few hundred updates.
   */
  @Test
  void gatedUnitsLearnToAdd() {
    var problem = new AddingProblem(20, 400);
    double error = problem.error(Cell.GRU, Device.vector(), 1, (task, done, total) -> {});
    assertTrue(error < AddingProblem.BLIND / 4, "error " + error);
    var untrained = new AddingProblem(20, 0);
    double before = untrained.error(Cell.GRU, Device.vector(), 1, (task, done, total) -> {});
    assertTrue(before > AddingProblem.BLIND, "error before training " + before);
  }
}
