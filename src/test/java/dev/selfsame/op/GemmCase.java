package dev.selfsame.op;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One product with its values. {@code batch} 0 is the 2-D form. */
record GemmCase(
    long batch,
    boolean shared,
    int m,
    int n,
    int k,
    boolean aTransposed,
    boolean bTransposed,
    boolean biased,
    Activation activation,
    float[] a,
    float[] b,
    float[] bias) {

  /** Multiply-adds up to which the software device takes part: it is slow. */
  private static final long SOFT = 150_000;

  static GemmCase plain(int m, int n, int k, Consumer<float[]> fill) {
    return of(0, false, m, n, k, false, false, false, Activation.NONE, fill);
  }

  /** {@code batch} 0 is the 2-D form. */
  static GemmCase of(
      long batch,
      boolean shared,
      int m,
      int n,
      int k,
      boolean ta,
      boolean tb,
      boolean biased,
      Activation activation,
      Consumer<float[]> fill) {
    int products = (int) Math.max(1, batch);
    float[] a = new float[products * m * k];
    float[] b = new float[(shared ? 1 : products) * k * n];
    float[] bias = new float[n];
    fill.accept(a);
    fill.accept(b);
    fill.accept(bias);
    return new GemmCase(batch, shared, m, n, k, ta, tb, biased, activation, a, b, bias);
  }

  Tensor a(Scope scope, Device device) {
    return operand(scope, device, a, batch, m, k, aTransposed);
  }

  Tensor b(Scope scope, Device device) {
    return operand(scope, device, b, shared ? 0 : batch, k, n, bTransposed);
  }

  @Nullable Tensor bias(Scope scope, Device device) {
    return biased ? Tensor.of(scope, device, bias, n) : null;
  }

  /** Poisoned. */
  Tensor out(Scope scope, Device device) {
    Tensor out =
        batch == 0 ? Tensor.empty(scope, device, m, n) : Tensor.empty(scope, device, batch, m, n);
    return out.fill(Float.NaN);
  }

  float[] on(Device device) {
    try (Scope scope = Scope.open()) {
      Tensor out = out(scope, device);
      Gemm.gemm(a(scope, device), b(scope, device), bias(scope, device), activation, out);
      return out.toFloatArray();
    }
  }

  private static Tensor operand(
      Scope scope, Device device, float[] v, long batch, long rows, long cols, boolean transposed) {
    long r = transposed ? cols : rows;
    long c = transposed ? rows : cols;
    Tensor t =
        batch == 0 ? Tensor.of(scope, device, v, r, c) : Tensor.of(scope, device, v, batch, r, c);
    return transposed ? t.transpose() : t;
  }

  long work() {
    return Math.max(1, batch) * m * n * k;
  }

  void check() {
    float[] expected = on(Devices.control());
    for (Device device : Devices.tested()) {
      if (device instanceof Device.Cuda c && c.name().startsWith("soft") && work() > SOFT) {
        continue;
      }
      Bits.assertSame(this + " on " + device, expected, on(device));
    }
  }

  @Override
  public String toString() {
    return "gemm batch "
        + batch
        + (shared ? " (b shared) " : " ")
        + m
        + "x"
        + n
        + "x"
        + k
        + (aTransposed ? " aT" : "")
        + (bTransposed ? " bT" : "")
        + (biased ? " bias " : " ")
        + activation;
  }

  static Consumer<float[]> random(long seed) {
    SplittableRandom r = new SplittableRandom(seed);
    return v -> {
      for (int i = 0; i < v.length; i++) {
        v[i] = (float) r.nextDouble(-1, 1) * (r.nextInt(8) == 0 ? 64f : 1f);
      }
    };
  }

  static Consumer<float[]> integers(long seed) {
    SplittableRandom r = new SplittableRandom(seed);
    return v -> {
      for (int i = 0; i < v.length; i++) {
        v[i] = r.nextInt(-8, 9);
      }
    };
  }

  static Consumer<float[]> special(long seed, int oneIn) {
    SplittableRandom r = new SplittableRandom(seed);
    float[] kinds = {
      0f,
      -0f,
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      0x1p-127f,
      -0x1p-130f,
      0x1p-75f,
      -0x1p-75f,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN
    };
    return v -> {
      for (int i = 0; i < v.length; i++) {
        // The last three spread over whole rows, so they are rarer.
        int kind = r.nextInt(r.nextInt(oneIn) == 0 ? kinds.length : kinds.length - 3);
        v[i] = r.nextInt(3) == 0 ? (float) r.nextDouble(-1, 1) : kinds[kind];
      }
    };
  }
}
