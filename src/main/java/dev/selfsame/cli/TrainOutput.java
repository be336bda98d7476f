package dev.selfsame.cli;

import dev.selfsame.train.Finding;
import dev.selfsame.train.Measure;
import dev.selfsame.train.Trainer;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Prints a training run as it goes. */
final class TrainOutput implements Trainer.Listener, AutoCloseable {
  private final PrintWriter print;
  private final Trainer.Plan plan;
  private final PrintWriter err;
  private final Progress progress;
  private Measure measure = Measure.number("score");
  private @Nullable Progress measuring;
  private String task = "";

  TrainOutput(PrintWriter print, PrintWriter err, Trainer.Plan plan) {
    this.print = print;
    this.plan = plan;
    this.err = err;
    progress = Progress.of("train", plan.lastStep(), err);
  }

  @Override
  public void started(long firstStep, long lastStep, long parameters, Measure measured) {
    measure = measured;
    print.printf(
        Locale.ROOT,
        "%s%s on %s, %s data: %,d parameters, steps %,d to %,d, seed %d%n",
        plan.system().name(),
        plan.system().variants().size() == 1 ? "" : " (" + plan.settings().variant() + ")",
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
            "epoch %d  step %,d  loss %.4f  %s  %.1f s",
            e.epoch(),
            e.step(),
            e.loss(),
            measure.text(e.score()),
            e.trainSeconds()));
  }

  @Override
  public void finding(String what, long done, long total) {
    Progress shown = measuring;
    if (shown == null || !what.equals(task)) {
      progress.pause();
      if (shown != null) {
        shown.close();
      }
      shown = Progress.of(what, total, err);
      measuring = shown;
      task = what;
    }
    shown.to(done, "");
  }

  /** The last lines. */
  void finish(Trainer.Report report) {
    report
        .millisPerStep()
        .forEach(
            (device, ms) -> line(String.format(Locale.ROOT, "  %-20s %.2f ms a step", device, ms)));
    for (Finding f : report.findings()) {
      line((f.holds() ? "  HOLDS  " : "  FAILS  ") + f.claim() + ": " + f.measured());
    }
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
    if (measuring != null) {
      measuring.pause();
    }
    print.println(text);
    print.flush();
  }

  @Override
  public void close() {
    progress.close();
    if (measuring != null) {
      measuring.close();
    }
  }
}
