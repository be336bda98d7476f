package dev.selfsame.verify;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Runs operations on a control and on other devices over seeded cases and compares the bits.
 *
 * <pre>{@code
 * Verification v =
 *     Verifier.against(Device.scalar()).cases(100).verify(OpsUnderTest.of(Gemm.class), gpu);
 * if (!v.passed()) { … v.first() … }
 * }</pre>
 *
 * <p>There is no tolerance. A mismatch does not end the run, an exception ends it for its device.
 */
public final class Verifier {
  private final Device control;
  private final long seed;
  private final int firstCase;
  private final int cases;
  private final @Nullable Duration budget;
  private final Predicate<Device> slow;

  private Verifier(
      Device control,
      long seed,
      int firstCase,
      int cases,
      @Nullable Duration budget,
      Predicate<Device> slow) {
    this.control = control;
    this.seed = seed;
    this.firstCase = firstCase;
    this.cases = cases;
    this.budget = budget;
    this.slow = slow;
  }

  /** A verifier with a control, usually {@code Device.scalar()}, seed 1 and 100 cases. */
  public static Verifier against(Device control) {
    return new Verifier(control, 1, 0, 100, null, d -> false);
  }

  /** With another sequence of cases. */
  public Verifier seed(long value) {
    return new Verifier(control, value, firstCase, cases, budget, slow);
  }

  /** With another number of cases, at least 1. */
  public Verifier cases(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("cases is " + count + "; at least 1 is needed");
    }
    return new Verifier(control, seed, firstCase, count, budget, slow);
  }

  /** From another case than number 0: to run one again that failed. */
  public Verifier from(int number) {
    if (number < 0) {
      throw new IllegalArgumentException("case " + number + "; cases are numbered from 0");
    }
    return new Verifier(control, seed, number, cases, budget, slow);
  }

  /**
   * Starts no case when this much time of one {@code verify} call is over; the first case is always
   * run.
   */
  public Verifier budget(Duration time) {
    return new Verifier(control, seed, firstCase, cases, time, slow);
  }

  /** Spares devices, such as softcuda, the large cases (see {@link Draw#isLarge}). */
  public Verifier smallCasesOn(Predicate<Device> devices) {
    return new Verifier(control, seed, firstCase, cases, budget, devices);
  }

  /** Verifies one device. */
  public Verification verify(OpUnderTest op, Device device) {
    return verify(op, List.of(device), n -> {}).getFirst();
  }

  /**
   * Verifies several devices on the same cases; the control runs each case once.
   *
   * @param done is told each number of a case that is done
   * @return one result a device, in their order
   */
  public List<Verification> verify(OpUnderTest op, List<Device> devices, IntConsumer done) {
    List<Tally> tallies = new ArrayList<>();
    for (Device device : devices) {
      tallies.add(new Tally(device));
    }
    long start = System.nanoTime();
    for (int number = firstCase; number - firstCase < cases; number++) {
      boolean late = budget != null && System.nanoTime() - start > budget.toNanos();
      if (number > firstCase && late || tallies.stream().allMatch(t -> t.failure != null)) {
        break;
      }
      run(op, number, tallies);
      done.accept(number);
    }
    return tallies.stream().map(t -> t.result(op)).toList();
  }

  private void run(OpUnderTest op, int number, List<Tally> tallies) {
    OpCase test = op.draw(seed, number);
    List<Run.Output> expected;
    try {
      expected = outputs(test, control);
    } catch (RuntimeException e) {
      var failure =
          new IllegalStateException("the control, " + control + ", failed: " + e.getMessage(), e);
      tallies.forEach(t -> t.failed(number, test, failure));
      return;
    }
    for (Tally tally : tallies) {
      if (tally.failure != null || Draw.isLarge(number) && slow.test(tally.device)) {
        continue;
      }
      long start = System.nanoTime();
      try {
        List<Run.Output> actual = outputs(test, tally.device);
        tally.nanos += System.nanoTime() - start;
        tally.compare(number, test, expected, actual);
      } catch (RuntimeException e) {
        tally.nanos += System.nanoTime() - start;
        tally.failed(number, test, e);
      }
    }
  }

  private static List<Run.Output> outputs(OpCase test, Device device) {
    try (Scope scope = Scope.open()) {
      Run run = new Run(scope, device);
      test.body().on(run);
      return run.finish();
    }
  }

  /** What is known of one device so far. */
  private final class Tally {
    final Device device;
    int cases;
    long values;
    long mismatches;
    long nanos;
    Verification.@Nullable First first;
    Verification.@Nullable Failure failure;

    Tally(Device device) {
      this.device = device;
    }

    void failed(int number, OpCase test, RuntimeException cause) {
      if (failure == null) {
        failure = new Verification.Failure(number, test.description(), cause);
      }
    }

    void compare(int number, OpCase test, List<Run.Output> expected, List<Run.Output> actual) {
      if (expected.size() != actual.size()) {
        throw new IllegalStateException("a case has the same outputs on every device");
      }
      for (int k = 0; k < expected.size(); k++) {
        Run.Output e = expected.get(k);
        Run.Output a = actual.get(k);
        Bits.Difference d = Bits.difference(e.bits(), a.bits(), e.from(), e.count(), e.isFloat());
        values += e.isOutput() ? e.count() : 0;
        mismatches += d.count();
        Bits.Mismatch mismatch = d.first();
        if (first == null && mismatch != null) {
          String name = e.isOutput() ? e.name() : e.name() + " (an input)";
          first = new Verification.First(number, test.description(), name, mismatch);
        }
      }
      cases++;
    }

    Verification result(OpUnderTest op) {
      return new Verification(
          op,
          device,
          control,
          seed,
          cases,
          values,
          mismatches,
          first,
          failure,
          Duration.ofNanos(nanos));
    }
  }
}
