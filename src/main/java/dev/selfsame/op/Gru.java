package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.cpu.GruVector;
import dev.selfsame.cpu.RecurrentSizes;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A layer of gated recurrent units over a whole sequence (Cho et al. 2014; the reset gate after the
 * product, as in cuDNN and PyTorch): one set of weights at every step. The gates r, z, n are rows 0
 * … H−1, H … 2H−1, 2H … 3H−1 of the weights. For t = 0 … T−1, with h[t] the state before step t:
 *
 * <pre>
 *   (a, b, e) = x[t]·wIhᵀ + bias,  (p, q, m) = h[t]·wHhᵀ + recurrentBias
 *   r = sigmoid(a + p), z = sigmoid(b + q), n = tanh(fma(r, m, e))
 *   h[t+1] = fma(z, h[t], (1 − z)·n)
 * </pre>
 *
 * Products of matrices are contractions, then one add of the bias ({@link Gemm}); every other
 * operation written here rounds once. A sample's states do not depend on the rest of the batch.
 *
 * <p>The gradient goes through time backwards (Werbos 1990). With dy[t] the gradient of h[t+1] from
 * outside, and starting from dr = dk = +0, for t = T−1 … 0:
 *
 * <pre>
 *   dh = dy[t] + (dr + dk)
 *   dn' = (dh·(1 − z)) · fma(−n, n, 1)      dm = dn'·r
 *   dr' = (dn'·m) · (r·(1 − r))             dz' = (dh·(h[t] − n)) · (z·(1 − z))
 *   dr = (dr', dz', dm)·wHh                 dk = dh·z
 * </pre>
 *
 * dh0 is the last dr + dk. The gradients of wIh and wHh are one contraction each, over all steps
 * and samples in memory order of [T, B]: dwIh = Σ (dr', dz', dn')·x[t], dwHh = Σ (dr', dz',
 * dm)·h[t]; those of the biases are run sums in the same order ({@link Bias#gradient}).
 */
public final class Gru {
  private static final Kernel CELL = Kernel.of("gru_cell");
  private static final Kernel GRADIENT = Kernel.of("gru_cell_gradient");
  private static final int GATES = 3;

  private Gru() {}

  /**
   * All steps.
   *
   * @param x [T, B, I], not empty
   * @param wIh [3H, I]
   * @param wHh [3H, H]
   * @param bias [3H]
   * @param recurrentBias [3H]
   * @param h [T + 1, B, H]: on entry h[0] is the state before the first step; h[1 …] is written
   * @param gates [T, B, 3H], written: r, z, n of each step, kept for the gradient
   * @param recurrent [T, B, 3H], written: p, q, m of each step, kept for the gradient
   */
  public static void forward(
      Tensor x,
      Tensor wIh,
      Tensor wHh,
      Tensor bias,
      Tensor recurrentBias,
      Tensor h,
      Tensor gates,
      Tensor recurrent) {
    String op = "gru";
    Check.plain(op, "h", h, DType.F32);
    RecurrentSizes z = Recurrence.check(op, GATES, h, x, wIh, wHh, h);
    Recurrence.wanted(op, "bias", bias, h, z.width());
    Recurrence.wanted(op, "recurrentBias", recurrentBias, h, z.width());
    Recurrence.gates(op, "gates", gates, h, z);
    Recurrence.gates(op, "recurrent", recurrent, h, z);
    Recurrence.apart(
        op,
        new String[] {"x", "wIh", "wHh", "bias", "recurrentBias"},
        new Tensor[] {x, wIh, wHh, bias, recurrentBias},
        new String[] {"h", "gates", "recurrent"},
        h,
        gates,
        recurrent);
    if (h.device() instanceof Device.Vector d) {
      try (Scope scope = Scope.open()) {
        GruVector.forward(
            d.bits(),
            z,
            x.memory(),
            wIh.memory(),
            wHh.memory(),
            bias.memory(),
            recurrentBias.memory(),
            h.memory(),
            gates.memory(),
            recurrent.memory(),
            Recurrence.scratch(scope, d, z),
            d.workers());
      }
      return;
    }
    Recurrence.project(x, wIh, bias, gates);
    for (long t = 0; t < z.steps(); t++) {
      Tensor product = Recurrence.step(recurrent, t);
      Gemm.gemm(Recurrence.step(h, t), wHh.transpose(), recurrentBias, Activation.NONE, product);
      cell(z, t, recurrent, gates, h);
    }
  }

  private static void cell(RecurrentSizes z, long t, Tensor recurrent, Tensor gates, Tensor h) {
    if (h.device() instanceof Device.Cuda d) {
      d.context()
          .launch(CELL)
          .grid(Math.ceilDiv(z.state(), 256L))
          .block(256)
          .arg(Recurrence.step(recurrent, t).address())
          .arg(Recurrence.step(gates, t).address())
          .arg(Recurrence.step(h, t).address())
          .arg(Recurrence.step(h, t + 1).address())
          .arg(z.batch())
          .arg(z.hidden())
          .what(() -> "gru, step " + t + " of " + h)
          .run();
    } else {
      scalar(z, t, recurrent.memory(), gates.memory(), h.memory());
    }
  }

  /**
   * The gradients of {@link #forward}; those that are null are left out.
   *
   * @param dy gradient of h[1 …] from outside, [T, B, H]
   * @param x forward's input
   * @param wIh [3H, I]
   * @param wHh [3H, H]
   * @param h of forward
   * @param gates of forward
   * @param recurrent of forward
   * @param dx gradient of x, or null
   * @param dwIh gradient of wIh, or null
   * @param dwHh gradient of wHh, or null
   * @param dbias gradient of the bias, or null
   * @param dRecurrentBias gradient of the recurrent bias, or null
   * @param dh0 gradient of h[0], [B, H], or null
   */
  public static void gradient(
      Tensor dy,
      Tensor x,
      Tensor wIh,
      Tensor wHh,
      Tensor h,
      Tensor gates,
      Tensor recurrent,
      @Nullable Tensor dx,
      @Nullable Tensor dwIh,
      @Nullable Tensor dwHh,
      @Nullable Tensor dbias,
      @Nullable Tensor dRecurrentBias,
      @Nullable Tensor dh0) {
    String op = "gru gradient";
    Check.plain(op, "dy", dy, DType.F32);
    RecurrentSizes z = Recurrence.check(op, GATES, dy, x, wIh, wHh, h);
    Check.shape(op, "dy", dy, z.steps(), z.batch(), z.hidden());
    Recurrence.gates(op, "gates", gates, dy, z);
    Recurrence.gates(op, "recurrent", recurrent, dy, z);
    Recurrence.wanted(op, "dx", dx, dy, x.shape());
    Recurrence.wanted(op, "dwIh", dwIh, dy, wIh.shape());
    Recurrence.wanted(op, "dwHh", dwHh, dy, wHh.shape());
    Recurrence.wanted(op, "dbias", dbias, dy, z.width());
    Recurrence.wanted(op, "dRecurrentBias", dRecurrentBias, dy, z.width());
    Recurrence.wanted(op, "dh0", dh0, dy, z.batch(), z.hidden());
    Recurrence.apart(
        op,
        new String[] {"dy", "x", "wIh", "wHh", "h", "gates", "recurrent"},
        new Tensor[] {dy, x, wIh, wHh, h, gates, recurrent},
        new String[] {"dx", "dwIh", "dwHh", "dbias", "dRecurrentBias", "dh0"},
        dx,
        dwIh,
        dwHh,
        dbias,
        dRecurrentBias,
        dh0);
    try (Scope scope = Scope.open()) {
      Device device = dy.device();
      Tensor dgates = Tensor.empty(scope, device, z.steps(), z.batch(), z.width());
      Tensor drecurrent = Tensor.empty(scope, device, z.steps(), z.batch(), z.width());
      Tensor dr = Tensor.zeros(scope, device, z.batch(), z.hidden());
      Tensor dk = Tensor.zeros(scope, device, z.batch(), z.hidden());
      if (device instanceof Device.Vector d) {
        GruVector.gradient(
            d.bits(),
            z,
            dy.memory(),
            wHh.memory(),
            h.memory(),
            gates.memory(),
            recurrent.memory(),
            dgates.memory(),
            drecurrent.memory(),
            dr.memory(),
            dk.memory(),
            dh0 != null,
            Recurrence.scratch(scope, d, z),
            d.workers());
      } else {
        for (long t = z.steps() - 1; t >= 0; t--) {
          cellGradient(z, t, dy, dr, dk, gates, recurrent, h, dgates, drecurrent);
          if (t > 0 || dh0 != null) {
            Gemm.gemm(Recurrence.step(drecurrent, t), wHh, dr);
          }
        }
      }
      if (dh0 != null) {
        Elementwise.binary(Binary.ADD, dr, dk, dh0);
      }
      Recurrence.inputGradients(dgates, x, wIh, dx, dwIh, dbias);
      Recurrence.recurrentGradient(drecurrent, h, dwHh);
      if (dRecurrentBias != null) {
        Bias.gradient(Recurrence.rows(drecurrent), dRecurrentBias);
      }
    }
  }

  private static void cellGradient(
      RecurrentSizes z,
      long t,
      Tensor dy,
      Tensor dr,
      Tensor dk,
      Tensor gates,
      Tensor recurrent,
      Tensor h,
      Tensor dgates,
      Tensor drecurrent) {
    if (dy.device() instanceof Device.Cuda d) {
      d.context()
          .launch(GRADIENT)
          .grid(Math.ceilDiv(z.state(), 256L))
          .block(256)
          .arg(Recurrence.step(dy, t).address())
          .arg(dr.address())
          .arg(dk.address())
          .arg(Recurrence.step(gates, t).address())
          .arg(Recurrence.step(recurrent, t).address())
          .arg(Recurrence.step(h, t).address())
          .arg(Recurrence.step(dgates, t).address())
          .arg(Recurrence.step(drecurrent, t).address())
          .arg(z.batch())
          .arg(z.hidden())
          .what(() -> "gru gradient, step " + t + " of " + dy)
          .run();
    } else {
      scalarGradient(
          z,
          t,
          dy.memory(),
          dr.memory(),
          dk.memory(),
          gates.memory(),
          recurrent.memory(),
          h.memory(),
          dgates.memory(),
          drecurrent.memory());
    }
  }

  // ---- the definition of a step

  private static void scalar(
      RecurrentSizes s, long t, MemorySegment recurrent, MemorySegment gates, MemorySegment h) {
    long units = s.hidden();
    for (long k = 0; k < s.batch(); k++) {
      for (long j = 0; j < units; j++) {
        long before = (t * s.batch() + k) * units + j;
        long a = (t * s.batch() + k) * GATES * units + j;
        float r = ExactMath.sigmoid(f32(gates, a) + f32(recurrent, a));
        float z = ExactMath.sigmoid(f32(gates, a + units) + f32(recurrent, a + units));
        float m = f32(recurrent, a + 2 * units);
        float n = ExactMath.tanh(Math.fma(r, m, f32(gates, a + 2 * units)));
        f32(gates, a, r);
        f32(gates, a + units, z);
        f32(gates, a + 2 * units, n);
        f32(h, before + s.state(), Math.fma(z, f32(h, before), (1f - z) * n));
      }
    }
  }

  private static void scalarGradient(
      RecurrentSizes s,
      long t,
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment dk,
      MemorySegment gates,
      MemorySegment recurrent,
      MemorySegment h,
      MemorySegment dgates,
      MemorySegment drecurrent) {
    long units = s.hidden();
    for (long k = 0; k < s.batch(); k++) {
      for (long j = 0; j < units; j++) {
        long c = k * units + j;
        long before = t * s.state() + c;
        long a = (t * s.batch() + k) * GATES * units + j;
        float r = f32(gates, a);
        float z = f32(gates, a + units);
        float n = f32(gates, a + 2 * units);
        float dh = f32(dy, before) + (f32(dr, c) + f32(dk, c));
        float dn = (dh * (1f - z)) * Math.fma(-n, n, 1f);
        float reset = (dn * f32(recurrent, a + 2 * units)) * (r * (1f - r));
        float update = (dh * (f32(h, before) - n)) * (z * (1f - z));
        f32(dgates, a, reset);
        f32(dgates, a + units, update);
        f32(dgates, a + 2 * units, dn);
        f32(drecurrent, a, reset);
        f32(drecurrent, a + units, update);
        f32(drecurrent, a + 2 * units, dn * r);
        f32(dk, c, dh * z);
      }
    }
  }
}
