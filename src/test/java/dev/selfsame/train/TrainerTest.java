package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DataException;
import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.op.Devices;
import dev.selfsame.optim.Optimizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
  private static final TrainingSystem LENET = new LeNet();
  private static final TrainingSystem.Settings SETTINGS = LENET.settings(1, 40);

  private static Trainer.Report train(
      TrainingSystem system,
      List<Device> against,
      long steps,
      @Nullable Path checkpoint,
      boolean resume) {
    Trainer.Plan plan =
        new Trainer.Plan(
            system, SETTINGS, Device.vector(), against, steps, steps, checkpoint, resume, true);
    return Trainer.train(plan, new Trainer.Listener() {});
  }

  @Test
  void allDevicesReachTheSameParameters() {
    Trainer.Report report = train(LENET, List.of(Device.scalar()), 3, null, false);
    assertTrue(report.difference().isEmpty(), () -> report.difference().toString());
    assertEquals(Set.of(report.hash()), Set.copyOf(report.lockstepHashes().values()));
    for (Device device : Devices.tested()) {
      // Softcuda is slow: two steps of the same schedule tell as much.
      long steps = device instanceof Device.Cuda ? 2 : 3;
      Trainer.Report r =
          Trainer.train(
              new Trainer.Plan(
                  LENET,
                  SETTINGS,
                  Device.vector(),
                  List.of(device),
                  steps,
                  steps,
                  null,
                  false,
                  true),
              new Trainer.Listener() {});
      assertTrue(r.difference().isEmpty(), () -> device + ": " + r.difference());
    }
  }

  @Test
  void aResumedRunHasTheBitsOfAnUninterruptedOne(@TempDir Path dir) {
    Path file = dir.resolve("checkpoint.safetensors");
    Trainer.Report whole = train(LENET, List.of(), 20, null, false);
    train(LENET, List.of(), 7, file, false);
    Trainer.Report resumed = train(LENET, List.of(), 20, file, true);
    assertEquals(7, resumed.firstStep());
    assertEquals(whole.hash(), resumed.hash());
    assertNotEquals(whole.hash(), train(LENET, List.of(), 19, null, false).hash());
  }

  @Test
  void aDamagedCheckpointIsRefused(@TempDir Path dir) throws IOException {
    Path file = dir.resolve("checkpoint.safetensors");
    train(LENET, List.of(), 2, file, false);
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 5));
    assertThrows(DataException.class, () -> train(LENET, List.of(), 3, file, true));
    String header = new String(bytes, StandardCharsets.ISO_8859_1);
    Files.writeString(
        file, header.replace("\"step\":\"2\"", "\"step\":\"-\""), StandardCharsets.ISO_8859_1);
    DataException badStep =
        assertThrows(DataException.class, () -> train(LENET, List.of(), 3, file, true));
    assertTrue(badStep.getMessage().contains("step is '-'"), badStep.getMessage());
    Files.write(file, bytes);
    TrainingSystem.Settings other = LENET.settings(2, 40);
    DataException e =
        assertThrows(
            DataException.class,
            () -> {
              try (TrainingRun run = LENET.start(Device.vector(), other)) {
                Checkpoint.load(file, "lenet", other, run);
              }
            });
    assertTrue(e.getMessage().contains("seed = 1, but this run has 2"), e.getMessage());
  }

  /**
   * Negative control: one bit of one parameter flipped on the other device after its second step.
   */
  @Test
  void oneFlippedBitEndsTheRun() {
    Trainer.Report report = train(new Flipping(), List.of(Device.scalar()), 5, null, false);
    assertFalse(report.difference().isEmpty());
    Lockstep.Difference d = report.difference().get();
    assertEquals(2, d.step());
    assertEquals("conv2.weight", d.what());
    assertEquals(17, d.mismatch().index());
    assertEquals(1, d.mismatch().ulps());
    assertEquals(2, report.steps());
    assertNotEquals(
        report.lockstepHashes().get(Device.vector().toString()),
        report.lockstepHashes().get("scalar"));
  }

  private static final class Flipping implements TrainingSystem {
    @Override
    public String name() {
      return LENET.name();
    }

    @Override
    public String summary() {
      return LENET.summary();
    }

    @Override
    public int defaultEpochs() {
      return 1;
    }

    @Override
    public int quickEpochs() {
      return 1;
    }

    @Override
    public long stepsPerEpoch(String data) {
      return LENET.stepsPerEpoch(data);
    }

    @Override
    public List<String> dataSets() {
      return LENET.dataSets();
    }

    @Override
    public TrainingRun start(Device device, Settings settings) {
      TrainingRun run = LENET.start(device, settings);
      return device instanceof Device.Scalar ? new FlippingRun(run) : run;
    }
  }

  private record FlippingRun(TrainingRun run) implements TrainingRun {
    @Override
    public float step() {
      float loss = run.step();
      if (run.optimizer().steps() == 2) {
        Tensor w =
            run.parameters().stream()
                .filter(p -> p.name().equals("conv2.weight"))
                .findFirst()
                .orElseThrow()
                .value();
        float[] values = w.toFloatArray();
        values[17] = Float.intBitsToFloat(Float.floatToRawIntBits(values[17]) ^ 1);
        w.copyFrom(java.lang.foreign.MemorySegment.ofArray(values));
      }
      return loss;
    }

    @Override
    public Device device() {
      return run.device();
    }

    @Override
    public List<Parameter> parameters() {
      return run.parameters();
    }

    @Override
    public Optimizer optimizer() {
      return run.optimizer();
    }

    @Override
    public double evaluate() {
      return run.evaluate();
    }

    @Override
    public Measure measure() {
      return run.measure();
    }

    @Override
    public void close() {
      run.close();
    }
  }
}
