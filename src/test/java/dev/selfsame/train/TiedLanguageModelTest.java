package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import org.junit.jupiter.api.Test;

class TiedLanguageModelTest {
  private static final TrainingSystem SYSTEM = new TiedLanguageModel();

  private static TrainingRun start(String variant) {
    return SYSTEM.start(Device.vector(), SYSTEM.settings(1, 100).with(variant));
  }

  @Test
  void theGradientIsTheSumOfBothUsesInBits() {
    try (TrainingRun run = start("tied")) {
      run.step();
      TiedGradient parts = TiedGradient.of((LanguageModelRun) run);
      assertTrue(parts.finding().holds(), parts.finding().measured());
      // Control: one bit of a number that no word was looked up for.
      int last = parts.tied().length - 1;
      parts.tied()[last] = Float.intBitsToFloat(Float.floatToRawIntBits(parts.tied()[last]) ^ 1);
      assertFalse(parts.finding().holds());
    }
  }

  /** One matrix of 2,000 words by 128 numbers less. */
  @Test
  void tyingSavesAMatrix() {
    assertEquals(2_000L * 128, parameters("untied") - parameters("tied"));
  }

  private static long parameters(String variant) {
    try (TrainingRun run = start(variant)) {
      return run.parameters().stream().mapToLong(p -> p.value().elements()).sum();
    }
  }
}
