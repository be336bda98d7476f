package dev.selfsame.verify;

import dev.selfsame.DType;
import dev.selfsame.Shape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;

/**
 * The sizes and values of one case: a function of (operation, seed, number of the case) only, so a
 * case that failed can be run again by its number.
 *
 * <p>Sizes lie around the lanes, tiles, runs and chunks of kernels: 1, and one below, at and one
 * above powers of two, three times them and one more. Every eighth case is a large one.
 */
public final class Draw {
  /** Sizes at which kernels change their path. */
  private static final int[] EDGES = {
    1, 1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 96, 97,
    127, 128, 129, 193, 255, 256, 257, 385, 511, 512, 513, 769, 1023, 1024, 1025, 1537, 2047, 2048,
    2049, 3073, 4095, 4096, 4097, 8193, 16383, 16384, 16385, 32767, 32768, 32769, 33793, 65537
  };

  private static final float[] SPECIAL = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    1e-40f,
    -1e-40f,
    Float.MIN_NORMAL,
    -Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN
  };

  /** What the values of an input are. */
  public enum Kind {
    /** Normal size, many binades: a sum of them depends on its order. */
    RANDOM,
    /** Small whole numbers: sums are exact, so a difference is a wiring error. */
    INTEGERS,
    /** Random with signed zeros, subnormals, infinities, NaNs and the largest floats among them. */
    SPECIAL,
    /** Exponents over the whole range: overflow, underflow and subnormals on the way. */
    WIDE
  }

  /**
   * An input of a case.
   *
   * @param name its name in the operation
   * @param dtype its type
   * @param shape its shape
   * @param data its elements; not to be changed
   */
  public record Input(String name, DType dtype, Shape shape, MemorySegment data) {}

  private final SplittableRandom random;
  private final int number;
  private final Kind kind;
  private final int offset;
  private final List<Input> inputs = new ArrayList<>();

  /**
   * A draw.
   *
   * @param stream apart for each operation
   * @param seed any
   * @param number of the case, from 0
   */
  public Draw(String stream, long seed, int number) {
    this.number = number;
    // One generator a case, split off by its number, so that a case needs no earlier one.
    long mixed = new SplittableRandom(seed ^ ((long) stream.hashCode() << 32)).nextLong();
    random = new SplittableRandom(new SplittableRandom(mixed + number).nextLong());
    // Every kind for the large cases, too.
    kind = Kind.values()[(number + number / 8) % Kind.values().length];
    offset = random.nextInt(3) == 0 ? random.nextInt(1, 4) : 0;
  }

  /** Whether this is one of the few large cases. */
  public boolean isLarge() {
    return isLarge(number);
  }

  /** Whether the case of that number is a large one. */
  public static boolean isLarge(int number) {
    return number % 8 == 7;
  }

  /** The number of the case. */
  public int number() {
    return number;
  }

  /** The kind of values of this case. */
  public Kind kind() {
    return kind;
  }

  /** Elements that inputs and outputs lie off an aligned address: most cases 0, some 1 to 3. */
  int offset() {
    return offset;
  }

  /** A size of an axis from 1 to {@code most}, in large cases to {@code mostLarge}. */
  public int size(int most, int mostLarge) {
    int limit = isLarge() ? mostLarge : most;
    if (random.nextInt(3) == 0) {
      return random.nextInt(1, limit + 1);
    }
    int edges = 0;
    while (edges < EDGES.length && EDGES[edges] <= limit) {
      edges++;
    }
    // The upper half twice as often: small edges are many.
    int from = random.nextBoolean() ? edges / 2 : 0;
    return EDGES[random.nextInt(from, edges)];
  }

  /** A whole number from {@code from} to {@code to}, both included. */
  public int between(int from, int to) {
    return random.nextInt(from, to + 1);
  }

  /** True once in {@code n} on average. */
  public boolean oneIn(int n) {
    return random.nextInt(n) == 0;
  }

  /** One of the values. */
  @SafeVarargs
  public final <T> T pick(T... values) {
    return values[random.nextInt(values.length)];
  }

  /** A double from {@code from} to {@code to}. */
  public double real(double from, double to) {
    return from + random.nextDouble() * (to - from);
  }

  /** An FP32 input with values of this case's kind. */
  public Input floats(String name, long... sizes) {
    return floats(name, kind, sizes);
  }

  /** An FP32 input with values of a kind. */
  public Input floats(String name, Kind of, long... sizes) {
    Shape shape = Shape.of(sizes);
    float[] values = new float[Math.toIntExact(shape.elements())];
    // One special value spoils a whole sum, so some inputs hold many and some only a few.
    int rarity = pick(4, 64, 1024);
    for (int i = 0; i < values.length; i++) {
      values[i] = value(of, rarity);
    }
    return add(new Input(name, DType.F32, shape, MemorySegment.ofArray(values)));
  }

  private float value(Kind of, int rarity) {
    return switch (of) {
      case RANDOM -> normal();
      case INTEGERS -> random.nextInt(-4, 5);
      case SPECIAL ->
          random.nextInt(rarity) == 0 ? SPECIAL[random.nextInt(SPECIAL.length)] : normal();
      case WIDE -> {
        // Exponents up to 2^63, whose square is finite; rarely any bits but NaN and infinity.
        int bits = random.nextInt();
        int exponent = random.nextInt(rarity) == 0 ? bits >>> 23 & 0xff : random.nextInt(1, 191);
        yield Float.intBitsToFloat(bits & 0x807fffff | Math.min(exponent, 254) << 23);
      }
    };
  }

  private float normal() {
    float unit = random.nextInt(-(1 << 24), 1 << 24) * 0x1p-24f;
    return random.nextInt(8) == 0 ? unit * 1000f : unit;
  }

  /** An FP32 input whose values are not negative: a second moment. */
  public Input positives(String name, long... sizes) {
    Input signed = floats(name, sizes);
    float[] values = signed.data.toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.abs(values[i]);
    }
    inputs.removeLast();
    return add(new Input(name, DType.F32, signed.shape, MemorySegment.ofArray(values)));
  }

  /** An INT32 input of {@code n} values, {@code value} of each position. */
  public Input ints(String name, int n, IntUnaryOperator value) {
    int[] values = new int[n];
    for (int i = 0; i < n; i++) {
      values[i] = value.applyAsInt(i);
    }
    return add(new Input(name, DType.I32, Shape.of(n), MemorySegment.ofArray(values)));
  }

  /**
   * An INT32 input of {@code n} indices below {@code limit} in one of the patterns that break
   * kernels: uniform, all the same, one hot row, ascending, few rows.
   */
  public Input indices(String name, int n, int limit) {
    int pattern = random.nextInt(5);
    int hot = random.nextInt(limit);
    int few = Math.min(limit, 3);
    return ints(
        name,
        n,
        i ->
            switch (pattern) {
              case 0 -> random.nextInt(limit);
              case 1 -> hot;
              case 2 -> random.nextInt(4) == 0 ? random.nextInt(limit) : hot;
              case 3 -> i % limit;
              default -> random.nextInt(few);
            });
  }

  private Input add(Input input) {
    inputs.add(input);
    return input;
  }

  /**
   * The case with the inputs drawn so far.
   *
   * @param settings what else describes it; may be empty
   * @param body the calls
   */
  public OpCase toCase(String settings, OpCase.Body body) {
    StringBuilder text = new StringBuilder();
    for (Input input : inputs) {
      text.append(input.name).append(input.shape).append(' ');
    }
    text.append(kind.name().toLowerCase(Locale.ROOT)).append(" values");
    if (offset > 0) {
      text.append(", ").append(offset * Float.BYTES).append(" bytes off alignment");
    }
    if (!settings.isEmpty()) {
      text.append(", ").append(settings);
    }
    return new OpCase(
        text.toString(),
        run -> {
          run.place(offset);
          body.on(run);
        });
  }
}
