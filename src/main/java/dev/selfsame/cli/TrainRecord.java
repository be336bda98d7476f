package dev.selfsame.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.train.Finding;
import dev.selfsame.train.Trainer;

/** What a training run gave, as JSON. */
final class TrainRecord {
  private TrainRecord() {}

  /** Adds plan and report to a record that {@link Json#report} began. */
  static void fill(ObjectNode record, Trainer.Plan plan, Trainer.Report report) {
    record.put("system", plan.system().name());
    record.put("data", plan.settings().data());
    record.put("variant", plan.settings().variant());
    record.put("seed", plan.settings().seed());
    record.put("device", plan.device().toString());
    record.put("parameters", report.parameters());
    record.put("firstStep", report.firstStep());
    record.put("steps", report.steps());
    record.put("scheduleSteps", plan.settings().steps());
    record.put("measure", report.measure().name());
    ArrayNode evaluations = record.putArray("evaluations");
    for (Trainer.Evaluation e : report.evaluations()) {
      ObjectNode row = evaluations.addObject();
      row.put("epoch", e.epoch());
      row.put("step", e.step());
      row.put("loss", e.loss());
      row.put("score", e.score());
      row.put("trainSeconds", e.trainSeconds());
    }
    if (!report.evaluations().isEmpty()) {
      record.put("score", report.measure().value(report.evaluations().getLast().score()));
    }
    report.millisPerStep().forEach(record.putObject("millisPerStep")::put);
    record.put("sha256", report.hash());
    record.put("lockstepSteps", report.lockstepSteps());
    report.lockstepHashes().forEach(record.putObject("lockstepSha256")::put);
    ArrayNode findings = record.putArray("findings");
    for (Finding f : report.findings()) {
      findings
          .addObject()
          .put("claim", f.claim())
          .put("measured", f.measured())
          .put("holds", f.holds());
    }
    record.put("difference", report.difference().map(Object::toString).orElse(null));
  }
}
