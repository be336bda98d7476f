package dev.selfsame.train;

import java.util.List;
import java.util.stream.Collectors;

/** The systems that can be trained by name. */
public final class Systems {
  /** All of them. */
  public static final List<TrainingSystem> ALL =
      List.of(
          new LeNet(),
          new LocallyConnected(),
          new Albert(),
          new Siamese(),
          new TiedAutoencoder(),
          new Multitask(),
          new Distill(),
          new CharacterModel(CharacterModel.Cell.RNN),
          new CharacterModel(CharacterModel.Cell.LSTM),
          new CharacterModel(CharacterModel.Cell.GRU),
          new TiedLanguageModel());

  private Systems() {}

  /**
   * The system of a name.
   *
   * @throws IllegalArgumentException if there is none; the message names all
   */
  public static TrainingSystem find(String name) {
    return ALL.stream()
        .filter(s -> s.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "system '"
                    + name
                    + "' is unknown; systems are "
                    + ALL.stream().map(TrainingSystem::name).collect(Collectors.joining(", "))));
  }
}
