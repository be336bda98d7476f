package dev.selfsame.train;

import dev.selfsame.DataException;
import dev.selfsame.Parameter;
import dev.selfsame.SelfsameException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.io.ElementType;
import dev.selfsame.io.Safetensors;
import dev.selfsame.io.StoredArray;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A run's whole state in one safetensors file: parameters under their names, the optimizer's
 * tensors under {@code optimizer.}, other state under {@code state.}, and in the metadata the
 * system, its settings and the step. A run that continues from it has the bits of one that was
 * never interrupted.
 */
public final class Checkpoint {
  private static final String OPTIMIZER = "optimizer.";
  private static final String STATE = "state.";

  private Checkpoint() {}

  /** Writes the state; the file appears whole or not at all. */
  public static void save(
      Path file, String system, TrainingSystem.Settings settings, TrainingRun run) {
    Map<String, String> metadata = describe(system, settings);
    metadata.put("step", Long.toString(run.optimizer().steps()));
    Safetensors.writeTensors(file, metadata, tensors(run));
  }

  /**
   * Reads the state into a fresh run of the same system and settings. The file is checked whole
   * before the run is touched.
   *
   * @return the step that it was saved at
   * @throws DataException if the file is corrupt or of another run
   */
  public static long load(
      Path file, String system, TrainingSystem.Settings settings, TrainingRun run) {
    try (Safetensors saved = Safetensors.open(file)) {
      describe(system, settings)
          .forEach((key, expected) -> {
            String found = saved.metadata().get(key);
            if (!expected.equals(found)) {
              throw new DataException(
                  file
                      + ": the checkpoint has "
                      + key
                      + " = "
                      + found
                      + ", but this run has "
                      + expected);
            }
          });
      long step = step(file, saved.metadata().get("step"));
      Map<String, Tensor> tensors = tensors(run);
      if (!saved.names().equals(tensors.keySet())) {
        throw new DataException(
            file
                + ": the checkpoint has tensors "
                + saved.names()
                + ", but the run has "
                + tensors.keySet());
      }
      // Sizes first, so that a bad file changes nothing.
      tensors.forEach((name, t) -> {
        StoredArray array = saved.get(name);
        if (array.type() != ElementType.F32 || !array.shape().equals(t.shape())) {
          throw new DataException(
              file
                  + ": "
                  + name
                  + " is "
                  + array.type()
                  + " "
                  + array.shape()
                  + ", but the run has "
                  + t);
        }
      });
      tensors.forEach(saved::read);
      run.optimizer().resumeAt(step);
      return step;
    }
  }

  private static long step(Path file, @Nullable String text) {
    try {
      long step = Long.parseLong(String.valueOf(text));
      if (step >= 0) {
        return step;
      }
      throw new NumberFormatException("negative");
    } catch (NumberFormatException e) {
      throw new DataException(file + ": the checkpoint's step is '" + text + "'", e);
    }
  }

  private static Map<String, String> describe(String system, TrainingSystem.Settings settings) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("system", system);
    metadata.put("contract", Integer.toString(Contract.VERSION));
    metadata.put("seed", Long.toString(settings.seed()));
    metadata.put("steps", Long.toString(settings.steps()));
    metadata.put("data", settings.data());
    metadata.put("variant", settings.variant());
    return metadata;
  }

  private static Map<String, Tensor> tensors(TrainingRun run) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Parameter p : run.parameters()) {
      put(tensors, p.name(), p.value());
    }
    run.optimizer().state().forEach((name, t) -> put(tensors, OPTIMIZER + name, t));
    run.state().forEach((name, t) -> put(tensors, STATE + name, t));
    return tensors;
  }

  private static void put(Map<String, Tensor> tensors, String name, Tensor t) {
    if (tensors.put(name, t) != null) {
      throw new SelfsameException("two tensors of the run are named " + name);
    }
  }
}
