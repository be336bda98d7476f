package dev.selfsame.study;

import dev.selfsame.train.Finding;
import java.util.List;

/**
 * What a study measured.
 *
 * @param tables the figures
 * @param charts the picture, its panels from left to right
 * @param findings each part of the claim with its criterion's outcome; at least one
 */
public record StudyResult(List<Table> tables, List<Chart> charts, List<Finding> findings) {
  /** Copies the lists. */
  public StudyResult {
    tables = List.copyOf(tables);
    charts = List.copyOf(charts);
    findings = List.copyOf(findings);
    if (findings.isEmpty()) {
      throw new IllegalArgumentException("a study without findings has no verdict");
    }
  }

  /** How far the figures bear the claim out. */
  public enum Verdict {
    /** Every part of the claim holds. */
    BORNE_OUT("borne out"),
    /** Some parts hold, others do not. */
    IN_PART("borne out in part"),
    /** No part holds. */
    NOT("not borne out");

    private final String text;

    Verdict(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** Counted from the findings. */
  public Verdict verdict() {
    long holding = findings.stream().filter(Finding::holds).count();
    return holding == findings.size()
        ? Verdict.BORNE_OUT
        : holding == 0 ? Verdict.NOT : Verdict.IN_PART;
  }
}
