package dev.selfsame.cli;

import dev.selfsame.study.Study;
import dev.selfsame.study.StudyResult;
import dev.selfsame.study.Table;
import dev.selfsame.train.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * The studies' page, in Markdown: claims, verdicts, tables and pictures. No times: it can be
 * compared with that of another machine.
 */
final class StudyReport {
  private StudyReport() {}

  /** Writes the page; pictures are named as the studies and lie beside it. */
  static void write(Path file, Study.Settings settings, Map<Study, StudyResult> results) {
    StringBuilder page = new StringBuilder("# Studies\n\n");
    page.append("What theory says of shared and tied parameters, measured with the kernels of this")
        .append(
            " library. The figures depend on the\nseed alone: they are the same on every device.");
    page.append("\n\n    scripts/selfsame study all --out docs/studies\n\n");
    page.append("Seed ").append(settings.seed()).append(settings.quick() ? ", --quick.\n" : ".\n");
    page.append("\n| study | verdict |\n|---|---|\n");
    results.forEach((study, result) ->
        page.append(
            "| [%s](#%s) | %s |\n".formatted(study.name(), study.name(), result.verdict())));
    results.forEach((study, result) -> section(page, study, result));
    try {
      Files.writeString(file, page);
    } catch (IOException e) {
      throw new Main.Failed("the page can't be written to " + file + ": " + e);
    }
  }

  private static void section(StringBuilder page, Study study, StudyResult result) {
    page.append("\n## ").append(study.name()).append("\n\n");
    page.append("**Claim.** ").append(study.claim()).append("\n\n");
    page.append("**Verdict: ").append(result.verdict()).append(".**\n\n");
    for (Finding f : result.findings()) {
      page.append("- ").append(f.holds() ? "Holds: " : "**Does not hold:** ");
      page.append(f.claim()).append(". Measured: ").append(f.measured()).append(".\n");
    }
    page.append("\n![%s](%s.png)\n".formatted(study.name(), study.name()));
    for (Table table : result.tables()) {
      page.append("\n").append(table.title()).append(":\n\n").append(table.markdown());
    }
  }
}
