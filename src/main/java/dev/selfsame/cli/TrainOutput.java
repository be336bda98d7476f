package dev.selfsame.cli;

import dev.selfsame.train.Trainer;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Prints a training run as it goes. */
final class TrainOutput implements Trainer.Listener, AutoCloseable {
  private final PrintWriter print;
  private final Trainer.Plan plan;
  private final Progress progress;
  private String measure = "score";

  TrainOutput(PrintWriter print, PrintWriter err, Trainer.Plan plan) {
    this.print = print;
    this.plan = plan;
    progress = Progress.of("train", plan.lastStep(), err);
  }

  @Override
  public void started(long firstStep, long lastStep, long parameters, String measured) {
    measure = measured;
    print.printf(
        Locale.ROOT,
        "%s on %s, %s data: %,d parameters, steps %,d to %,d, seed %d%n",
        plan.system().name(),
        plan.device(),
        plan.settings().data(),
        parameters,
        firstStep,
        lastStep,
        plan.settings().seed());
    if (!plan.against().isEmpty()) {
      print.printf(
          Locale.ROOT,
          "in lockstep with %s up to step %,d: losses and all parameters are compared after each"
              + " step%n",
          String.join(", ", plan.against().stream().map(Object::toString).toList()),
          plan.againstSteps());
    }
    print.flush();
  }

  @Override
  public void step(long step, float loss, int devices) {
    progress.to(step, String.format(Locale.ROOT, "loss %.4f", loss));
  }

  @Override
  public void lockstepDone(long step, Map<String, String> hashes) {
    line(String.format(Locale.ROOT, "after %,d steps, SHA-256 of all parameters:", step));
    hashes.forEach((device, hash) -> line(String.format(Locale.ROOT, "  %-20s %s", device, hash)));
    // Every value was compared; the hashes only say it in short.
    boolean same = Set.copyOf(hashes.values()).size() == 1;
    line(
        same ? "  selfsame: " + hashes.size() + " devices, no bit differs" : "  the hashes differ");
  }

  @Override
  public void evaluated(Trainer.Evaluation e) {
    line(
        String.format(
            Locale.ROOT,
            "epoch %d  step %,d  loss %.4f  %s %.2f %%  %.1f s",
            e.epoch(),
            e.step(),
            e.loss(),
            measure,
            100 * e.score(),
            e.trainSeconds()));
  }

  /** The last lines. */
  void finish(Trainer.Report report) {
    report
        .millisPerStep()
        .forEach(
            (device, ms) -> line(String.format(Locale.ROOT, "  %-20s %.2f ms a step", device, ms)));
    report
        .difference()
        .ifPresent(d -> {
          line("DIFFERENT BITS: " + d);
          report
              .lockstepHashes()
              .forEach(
                  (device, hash) -> line(String.format(Locale.ROOT, "  %-20s %s", device, hash)));
        });
    line(
        String.format(
            Locale.ROOT,
            "after %,d steps on %s: sha256 %s",
            report.steps(),
            plan.device(),
            report.hash()));
  }

  private void line(String text) {
    progress.pause();
    print.println(text);
    print.flush();
  }

  @Override
  public void close() {
    progress.close();
  }
}
