package dev.selfsame.train;

import dev.selfsame.DataException;
import dev.selfsame.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Trains a system on one device and, for as many steps as asked, on others in lockstep. */
public final class Trainer {
  private Trainer() {}

  /**
   * What to do.
   *
   * @param system which model on which data
   * @param settings what the bits depend on
   * @param device that trains to the end
   * @param against devices that train in lockstep with it
   * @param againstSteps step at which they stop
   * @param lastStep step at which {@code device} stops, at most the schedule's
   * @param checkpoint written after every epoch and at the end, or null
   * @param resume whether to go on from the checkpoint
   * @param quick whether what is measured after the training shall take seconds only
   */
  public record Plan(
      TrainingSystem system,
      TrainingSystem.Settings settings,
      Device device,
      List<Device> against,
      long againstSteps,
      long lastStep,
      @Nullable Path checkpoint,
      boolean resume,
      boolean quick) {}

  /** Hears how it goes. */
  public interface Listener {
    /** Before the first step. */
    default void started(long firstStep, long lastStep, long parameters, Measure measure) {}

    /** After a step, with the number of devices that made it. */
    default void step(long step, float loss, int devices) {}

    /** When the lockstep has ended without a difference. */
    default void lockstepDone(long step, Map<String, String> hashes) {}

    /** After an epoch, or at the end of the last one, if it is cut short. */
    default void evaluated(Evaluation evaluation) {}

    /** While the system's findings are measured, once the schedule is complete. */
    default void finding(String task, long done, long total) {}
  }

  /**
   * One evaluation.
   *
   * @param epoch number, from 1
   * @param step updates done
   * @param loss mean training loss since the last evaluation
   * @param score of {@link TrainingRun#evaluate}
   * @param trainSeconds spent in the control's training steps since the last evaluation
   */
  public record Evaluation(long epoch, long step, double loss, double score, double trainSeconds) {}

  /**
   * How it went.
   *
   * @param firstStep where it began: 0, or the checkpoint's step
   * @param steps updates done in all
   * @param parameters number of trained values
   * @param losses of each step
   * @param evaluations after each epoch
   * @param lockstepSteps step up to which all devices were compared
   * @param lockstepHashes SHA-256 of all parameters at that step by device
   * @param millisPerStep mean of each device's steps in this run
   * @param hash SHA-256 of all parameters at the end, on {@code device}
   * @param measure what the evaluations measure
   * @param difference the first one, or empty
   * @param findings what the system is known for; empty unless the schedule is complete
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  public record Report(
      long firstStep,
      long steps,
      long parameters,
      float[] losses,
      List<Evaluation> evaluations,
      long lockstepSteps,
      Map<String, String> lockstepHashes,
      Map<String, Double> millisPerStep,
      String hash,
      Measure measure,
      Optional<Lockstep.Difference> difference,
      List<Finding> findings) {}

  /** Runs the plan. A difference between devices ends it at once, and the report names it. */
  public static Report train(Plan plan, Listener listener) {
    List<TrainingRun> runs = new ArrayList<>();
    try {
      runs.add(plan.system().start(plan.device(), plan.settings()));
      for (Device device : plan.against()) {
        runs.add(plan.system().start(device, plan.settings()));
      }
      return new Training(plan, listener, runs).run();
    } finally {
      runs.forEach(TrainingRun::close);
    }
  }

  /** The state of one call. */
  private static final class Training {
    private final Plan plan;
    private final Listener listener;
    private final List<TrainingRun> runs;
    private final TrainingRun control;
    private final long perEpoch;
    private final List<Float> losses = new ArrayList<>();
    private final List<Evaluation> evaluations = new ArrayList<>();
    private final Map<String, String> lockstepHashes = new LinkedHashMap<>();
    private final long[] nanos;
    private final long[] counts;
    private double lossSum;
    private long lossCount;
    private long nanosAtEvaluation;
    private long lockstepSteps;

    Training(Plan plan, Listener listener, List<TrainingRun> runs) {
      this.plan = plan;
      this.listener = listener;
      this.runs = runs;
      control = runs.getFirst();
      perEpoch = plan.system().stepsPerEpoch(plan.settings().data());
      nanos = new long[runs.size()];
      counts = new long[runs.size()];
    }

    Report run() {
      long first = resume();
      long parameters = control.parameters().stream().mapToLong(p -> p.value().elements()).sum();
      listener.started(first, plan.lastStep(), parameters, control.measure());
      Optional<Lockstep.Difference> difference = Optional.empty();
      long step = first;
      while (step < plan.lastStep() && difference.isEmpty()) {
        List<TrainingRun> stepping = step < plan.againstSteps() ? runs : runs.subList(0, 1);
        Lockstep.Outcome outcome = Lockstep.step(stepping);
        step = control.optimizer().steps();
        difference = outcome.difference();
        count(outcome);
        listener.step(step, outcome.loss(), stepping.size());
        boolean lockstepEnds = step == Math.min(plan.againstSteps(), plan.lastStep());
        if (stepping.size() > 1 && (lockstepEnds || difference.isPresent())) {
          endLockstep(step, difference.isEmpty());
        }
        if (difference.isEmpty() && (step % perEpoch == 0 || step == plan.lastStep())) {
          evaluate(step);
        }
      }
      return report(first, step, parameters, difference);
    }

    private long resume() {
      Path file = plan.checkpoint();
      if (!plan.resume()) {
        return 0;
      }
      if (file == null || !Files.exists(file)) {
        throw new DataException(
            "there is no checkpoint to resume from: "
                + (file == null ? "none was named" : file + " does not exist"));
      }
      long step = 0;
      for (TrainingRun run : runs) {
        step = Checkpoint.load(file, plan.system().name(), plan.settings(), run);
      }
      return step;
    }

    private void count(Lockstep.Outcome outcome) {
      losses.add(outcome.loss());
      lossSum += outcome.loss();
      lossCount++;
      for (int i = 0; i < outcome.nanos().length; i++) {
        nanos[i] += outcome.nanos()[i];
        counts[i]++;
      }
    }

    private void endLockstep(long step, boolean equal) {
      lockstepSteps = step;
      for (TrainingRun run : runs) {
        lockstepHashes.put(run.device().toString(), ParameterHash.of(run.parameters()));
      }
      if (equal) {
        listener.lockstepDone(step, lockstepHashes);
      }
      if (step < plan.lastStep()) {
        runs.subList(1, runs.size()).forEach(TrainingRun::close);
      }
    }

    private void evaluate(long step) {
      double seconds = (nanos[0] - nanosAtEvaluation) / 1e9;
      nanosAtEvaluation = nanos[0];
      Evaluation evaluation =
          new Evaluation(
              Math.ceilDiv(step, perEpoch), step, lossSum / lossCount, control.evaluate(), seconds);
      lossSum = 0;
      lossCount = 0;
      evaluations.add(evaluation);
      Path file = plan.checkpoint();
      if (file != null) {
        Checkpoint.save(file, plan.system().name(), plan.settings(), control);
      }
      listener.evaluated(evaluation);
    }

    private List<Finding> findings() {
      double score = evaluations.isEmpty() ? control.evaluate() : evaluations.getLast().score();
      return plan.system()
          .findings(new Trained(control, plan.settings(), plan.quick(), score, listener::finding));
    }

    private Report report(
        long first, long step, long parameters, Optional<Lockstep.Difference> difference) {
      float[] all = new float[losses.size()];
      for (int i = 0; i < all.length; i++) {
        all[i] = losses.get(i);
      }
      Map<String, Double> millis = new LinkedHashMap<>();
      for (int i = 0; i < runs.size(); i++) {
        millis.put(
            runs.get(i).device().toString(), counts[i] == 0 ? 0 : nanos[i] / 1e6 / counts[i]);
      }
      return new Report(
          first,
          step,
          parameters,
          all,
          evaluations,
          lockstepSteps,
          lockstepHashes,
          millis,
          ParameterHash.of(control.parameters()),
          control.measure(),
          difference,
          difference.isEmpty() && step == plan.settings().steps() ? findings() : List.of());
    }
  }
}
