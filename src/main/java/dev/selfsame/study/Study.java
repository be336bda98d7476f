package dev.selfsame.study;

import dev.selfsame.Device;

/** A claim about shared or tied parameters and the way to measure it. */
public interface Study {
  /** Name on the command line. */
  String name();

  /** What theory says, in a sentence or two. */
  String claim();

  /**
   * Measures it. The result depends on the seed and on {@code quick}, never on the device.
   *
   * @param progress hears how far the work is
   */
  StudyResult run(Settings settings, Progress progress);

  /**
   * What a result depends on, and where it is computed.
   *
   * @param device on which every kernel runs
   * @param seed of all random numbers
   * @param quick whether smaller sizes will do
   */
  record Settings(Device device, long seed, boolean quick) {}

  /** Hears how far a study is. */
  @FunctionalInterface
  interface Progress {
    /**
     * So much is done.
     *
     * @param done parts done, up to {@code total}
     * @param what the part, in a few words
     */
    void at(long done, long total, String what);
  }
}
