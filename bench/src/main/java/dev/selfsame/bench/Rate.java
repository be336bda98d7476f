package dev.selfsame.bench;

import java.util.stream.Stream;

/** What a case's work is counted in. */
public enum Rate {
  /** Floating-point operations, an addition and a multiplication counted as two. */
  GFLOPS("GFLOP/s"),
  /** Bytes that must cross the memory bus at least once. */
  GBYTES("GB/s"),
  /** Whole training steps. */
  STEPS("steps/s");

  private final String label;

  Rate(String label) {
    this.label = label;
  }

  /** The one with this label. */
  static Rate of(String label) {
    return Stream.of(values()).filter(r -> r.label.equals(label)).findFirst().orElseThrow();
  }

  public String label() {
    return label;
  }
}
