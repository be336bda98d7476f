package dev.selfsame.bench;

import java.util.List;
import java.util.function.Supplier;

/**
 * One piece of work on one set of inputs, ours and theirs.
 *
 * @param rate what its speed is shown in
 * @param work of one run
 * @param bare a loop that only moves the same bytes, by turns with the others: what then is the
 *     case's limit; or none
 * @param check must precede timing
 * @param resources frees the memory
 */
public record BenchCase(
    String name,
    Rate rate,
    Work work,
    Contender ours,
    List<Contender> theirs,
    List<Contender> bare,
    Check check,
    Runnable resources)
    implements AutoCloseable {

  /** A case whose limit the machine's limits give. */
  public BenchCase(
      String name,
      Rate rate,
      Work work,
      Contender ours,
      List<Contender> theirs,
      Check check,
      Runnable resources) {
    this(name, rate, work, ours, theirs, List.of(), check, resources);
  }

  /** Runs the check and throws if any comparison left its bound. */
  public List<Agreement> requireAgreement() {
    List<Agreement> agreements = check.run(false);
    agreements.forEach(a -> a.require(name));
    return agreements;
  }

  @Override
  public void close() {
    resources.run();
  }

  /** Runs every contender once and compares. */
  @FunctionalInterface
  public interface Check {
    /**
     * Runs ours, then theirs.
     *
     * @param control whether to change one input value in between: the comparison must then fail
     */
    List<Agreement> run(boolean control);
  }

  /** A case that takes its memory only when it is built. */
  public record Planned(String name, Supplier<BenchCase> build) {}
}
