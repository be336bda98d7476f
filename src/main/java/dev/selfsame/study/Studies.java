package dev.selfsame.study;

import java.util.List;
import java.util.stream.Collectors;

/** The studies that can be run by name. */
public final class Studies {
  /** All of them. */
  public static final List<Study> ALL =
      List.of(
          new ParametersStudy(),
          new EquivarianceStudy(),
          new VarianceStudy(),
          new CapacityStudy(),
          new HessianStudy(),
          new WeightDecayStudy(),
          new GradientSumStudy());

  private Studies() {}

  /**
   * The study of a name.
   *
   * @throws IllegalArgumentException if there is none; the message names all
   */
  public static Study find(String name) {
    return ALL.stream()
        .filter(s -> s.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "study '"
                    + name
                    + "' is unknown; studies are "
                    + ALL.stream().map(Study::name).collect(Collectors.joining(", "))));
  }
}
