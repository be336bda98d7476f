package dev.selfsame.verify;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.Lanes;
import dev.selfsame.cpu.VectorMath;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;

/**
 * Checks that the elementary functions are correctly rounded: over any arithmetic progression of
 * the 2³² bit patterns of a float, or over all of them, the scalar definition and the vector
 * kernels of each width that the machine has are compared with {@link Elementary#nearest}.
 */
public final class ElementaryCheck {
  private static final Kernel PROBE = Kernel.of("exact_math_probe");
  private static final int BLOCK = 1 << 16;
  private static final long ALL = 1L << 32;

  private ElementaryCheck() {}

  /** One way to evaluate a function: {@code y[i] = f(x[i])} for i in 0 … n − 1. */
  @FunctionalInterface
  public interface Evaluator {
    /** Fills y. */
    void evaluate(Elementary f, MemorySegment x, MemorySegment y, int n);
  }

  /**
   * What a check found.
   *
   * @param function the function
   * @param inputs how many inputs were tried
   * @param byDigits how many of them only the reference in digits could decide
   * @param misrounded wrong results, by evaluator
   * @param firstWrong bits of an input with a wrong result
   * @param checksum Σ (2·index + 1)·bits of the expected results modulo 2⁶⁴, a NaN as 0x7fc00000
   * @param seconds wall time
   */
  public record Outcome(
      Elementary function,
      long inputs,
      long byDigits,
      Map<String, Long> misrounded,
      OptionalInt firstWrong,
      long checksum,
      double seconds) {

    /** Wrong results of all evaluators. */
    public long wrong() {
      return misrounded.values().stream().mapToLong(Long::longValue).sum();
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "| %s | %,d | %,d | %s | %016x | %.0f s |",
          function,
          inputs,
          byDigits,
          misrounded,
          checksum,
          seconds);
    }
  }

  /** The scalar definition and the vector kernels of every width that the machine has. */
  public static Map<String, Evaluator> evaluators() {
    var all = new LinkedHashMap<String, Evaluator>();
    all.put("scalar", ElementaryCheck::scalar);
    for (int bits : Lanes.WIDTHS) {
      if (Lanes.supports(bits)) {
        all.put("vector:" + bits, (f, x, y, n) -> f.apply(VectorMath.on(bits), x, y, n));
      }
    }
    return all;
  }

  private static void scalar(Elementary f, MemorySegment x, MemorySegment y, int n) {
    for (int i = 0; i < n; i++) {
      f32(y, i, f.of(f32(x, i)));
    }
  }

  /** The CUDA functions on a GPU or on softcuda. */
  public static Evaluator on(Device.Cuda device) {
    boolean soft = device.toString().startsWith("soft"); // few threads there: each is a fiber
    return (f, x, y, n) -> {
      synchronized (device.context()) {
        try (Scope scope = Scope.open()) {
          Tensor in = Tensor.empty(scope, device, n).copyFrom(x.asSlice(0, 4L * n));
          Tensor out = Tensor.empty(scope, device, n);
          device
              .context()
              .launch(PROBE)
              .grid(soft ? 4 : Math.ceilDiv(n, 256))
              .block(256)
              .arg(in.address())
              .arg(out.address())
              .arg((long) n)
              .arg(f.ordinal())
              .what(() -> f + " of " + n + " values")
              .run();
          out.copyTo(y.asSlice(0, 4L * n));
        }
      }
    };
  }

  /**
   * Checks a function at every {@code step}-th bit pattern, from 0 on; with step 1 at all.
   *
   * @param evaluators by name; each must allow calls from several threads
   */
  public static Outcome check(Elementary f, long step, Map<String, Evaluator> evaluators) {
    long start = System.nanoTime();
    var tally = new Tally(f, step, evaluators);
    long inputs = Math.ceilDiv(ALL, step);
    LongStream.range(0, Math.ceilDiv(inputs, BLOCK)).parallel().forEach(tally::block);
    return tally.outcome(inputs, (System.nanoTime() - start) / 1e9);
  }

  private static final class Tally {
    private final Elementary f;
    private final long step;
    private final Map<String, Evaluator> evaluators;
    private final List<AtomicLong> wrong = new ArrayList<>();
    private final AtomicLong byDigits = new AtomicLong();
    private final AtomicLong checksum = new AtomicLong();
    private final AtomicLong firstWrong = new AtomicLong(ALL);

    Tally(Elementary f, long step, Map<String, Evaluator> evaluators) {
      this.f = f;
      this.step = step;
      this.evaluators = evaluators;
      evaluators.forEach((name, e) -> wrong.add(new AtomicLong()));
    }

    void block(long index) {
      long first = index * BLOCK;
      int n = (int) Math.min(BLOCK, Math.ceilDiv(ALL, step) - first);
      int[] expected = new int[n];
      long digits = 0;
      long sum = 0;
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment x = arena.allocate(4L * BLOCK, 64);
        MemorySegment y = arena.allocate(4L * BLOCK, 64);
        for (int i = 0; i < n; i++) {
          float input = Float.intBitsToFloat((int) ((first + i) * step));
          f32(x, i, input);
          double d = f.inDouble(input);
          boolean decided = Elementary.decided(d);
          digits += decided ? 0 : 1;
          expected[i] = Float.floatToIntBits(decided ? (float) d : f.nearest(input));
          sum += (2 * (first + i) + 1) * (expected[i] & 0xffffffffL);
        }
        int at = 0;
        for (Evaluator e : evaluators.values()) {
          e.evaluate(f, x, y, n);
          for (int i = 0; i < n; i++) {
            if (Float.floatToIntBits(f32(y, i)) != expected[i]) {
              wrong.get(at).incrementAndGet();
              firstWrong.accumulateAndGet((first + i) * step, Math::min);
            }
          }
          at++;
        }
      }
      byDigits.addAndGet(digits);
      checksum.addAndGet(sum);
    }

    Outcome outcome(long inputs, double seconds) {
      var misrounded = new LinkedHashMap<String, Long>();
      for (String name : evaluators.keySet()) {
        misrounded.put(name, wrong.get(misrounded.size()).get());
      }
      long first = firstWrong.get();
      return new Outcome(
          f,
          inputs,
          byDigits.get(),
          misrounded,
          first == ALL ? OptionalInt.empty() : OptionalInt.of((int) first),
          checksum.get(),
          seconds);
    }
  }

  /**
   * Checks functions over all 2³² inputs, one line each: all of them or those named, on this
   * machine's CPU devices and on the CUDA devices named ({@code softcuda}, {@code cuda:0}).
   */
  public static void main(String[] names) {
    var evaluators = evaluators();
    var wanted = new ArrayList<Elementary>();
    for (String name : names) {
      if (name.contains("cuda")) {
        evaluators.put(name, on((Device.Cuda) Device.parse(name, 1)));
      } else {
        wanted.add(Elementary.valueOf(name.toUpperCase(Locale.ROOT)));
      }
    }
    System.out.println("| function | inputs | decided by digits | misrounded | checksum | wall |");
    System.out.println("|---|---|---|---|---|---|");
    long wrong = 0;
    for (Elementary f : wanted.isEmpty() ? List.of(Elementary.values()) : wanted) {
      Outcome outcome = check(f, 1, evaluators);
      System.out.println(outcome);
      wrong += outcome.wrong();
    }
    System.exit(wrong == 0 ? 0 : 1);
  }
}
