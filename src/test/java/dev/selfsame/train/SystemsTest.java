package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.op.Devices;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every system and each of its variants: same bits on all devices, and resuming. */
class SystemsTest {
  private static final long SCHEDULE = 20;

  /** A system in one of its forms. */
  private record Form(TrainingSystem system, String variant) {
    @Override
    public String toString() {
      return system.name() + " " + variant;
    }
  }

  private static Stream<Form> forms() {
    return Systems.ALL.stream()
        .flatMap(s -> s.variants().stream().map(variant -> new Form(s, variant)));
  }

  private static Trainer.Report train(
      Form form, List<Device> against, long steps, @Nullable Path checkpoint, boolean resume) {
    return Trainer.train(
        new Trainer.Plan(
            form.system(),
            form.system().settings(1, SCHEDULE).with(form.variant()),
            Device.vector(),
            against,
            steps,
            steps,
            checkpoint,
            resume,
            true),
        new Trainer.Listener() {});
  }

  @ParameterizedTest
  @MethodSource("forms")
  void twoStepsHaveTheSameBitsOnEveryDevice(Form form) {
    List<Device> others = new ArrayList<>(Devices.oneOfEachKind());
    others.add(Device.scalar());
    Trainer.Report report = train(form, others, 2, null, false);
    assertTrue(report.difference().isEmpty(), () -> report.difference().toString());
    assertEquals(2, report.lockstepSteps());
    assertTrue(others.size() > 1, "only " + others);
  }

  @ParameterizedTest
  @MethodSource("forms")
  void aResumedRunHasTheBitsOfAnUninterruptedOne(Form form, @TempDir Path dir) {
    Path file = dir.resolve("checkpoint.safetensors");
    Trainer.Report whole = train(form, List.of(), 5, null, false);
    Trainer.Report part = train(form, List.of(), 3, file, false);
    assertNotEquals(whole.hash(), part.hash());
    assertEquals(whole.hash(), train(form, List.of(), 5, file, true).hash());
  }
}
