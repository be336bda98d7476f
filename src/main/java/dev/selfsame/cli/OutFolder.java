package dev.selfsame.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The folder that {@code --out} names. */
final class OutFolder {
  private OutFolder() {}

  /**
   * Makes it; before the work, so that an unusable folder is told at once and not after it.
   *
   * @throws Main.Failed if it can't be made
   */
  static void make(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new Main.Failed("--out " + folder + " can't be made: " + e);
    }
  }
}
