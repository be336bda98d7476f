package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.cpu.RecurrentSizes;
import dev.selfsame.cpu.RnnVector;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A simple recurrent layer over a whole sequence (Elman 1990): one set of weights at every step.
 * For t = 0 … T−1, with h[t] the state before step t:
 *
 * <pre>
 *   h[t+1] = tanh((x[t]·wIhᵀ + bias) + h[t]·wHhᵀ)
 * </pre>
 *
 * Products of matrices are contractions ({@link Gemm}); every other operation written here rounds
 * once. A sample's states do not depend on the rest of the batch.
 *
 * <p>The gradient goes through time backwards (Werbos 1990). With dy[t] the gradient of h[t+1] from
 * outside, and starting from dr = +0, for t = T−1 … 0, u = h[t+1]:
 *
 * <pre>
 *   d' = (dy[t] + dr) · fma(−u, u, 1)
 *   dr = d'·wHh
 * </pre>
 *
 * dh0 is the last dr. The gradients of wIh and wHh are one contraction each, over all steps and
 * samples in memory order of [T, B]: dwIh = Σ d'·x[t], dwHh = Σ d'·h[t]; that of the bias is the
 * run sum of d' in the same order ({@link Bias#gradient}).
 */
public final class Rnn {
  private static final Kernel CELL = Kernel.of("rnn_cell");
  private static final Kernel GRADIENT = Kernel.of("rnn_cell_gradient");

  private Rnn() {}

  /**
   * All steps.
   *
   * @param x [T, B, I], not empty
   * @param wIh [H, I]
   * @param wHh [H, H]
   * @param bias [H]
   * @param h [T + 1, B, H]: on entry h[0] is the state before the first step; h[1 …] is written
   */
  public static void forward(Tensor x, Tensor wIh, Tensor wHh, Tensor bias, Tensor h) {
    String op = "rnn";
    Check.plain(op, "h", h, DType.F32);
    RecurrentSizes z = Recurrence.check(op, 1, h, x, wIh, wHh, h);
    Recurrence.wanted(op, "bias", bias, h, z.width());
    Recurrence.apart(
        op,
        new String[] {"x", "wIh", "wHh", "bias"},
        new Tensor[] {x, wIh, wHh, bias},
        new String[] {"h"},
        h);
    try (Scope scope = Scope.open()) {
      if (h.device() instanceof Device.Vector d) {
        RnnVector.forward(
            d.bits(),
            z,
            x.memory(),
            wIh.memory(),
            wHh.memory(),
            bias.memory(),
            h.memory(),
            Recurrence.scratch(scope, d, z),
            d.workers());
        return;
      }
      Tensor recurrent = Tensor.empty(scope, h.device(), z.batch(), z.hidden());
      Recurrence.project(x, wIh, bias, h.slice(1, z.steps() + 1));
      for (long t = 0; t < z.steps(); t++) {
        Gemm.gemm(Recurrence.step(h, t), wHh.transpose(), recurrent);
        cell(z, t, recurrent, h);
      }
    }
  }

  private static void cell(RecurrentSizes z, long t, Tensor recurrent, Tensor h) {
    if (h.device() instanceof Device.Cuda d) {
      d.context()
          .launch(CELL)
          .grid(Math.ceilDiv(z.state(), 256L))
          .block(256)
          .arg(recurrent.address())
          .arg(Recurrence.step(h, t + 1).address())
          .arg(z.state())
          .what(() -> "rnn, step " + t + " of " + h)
          .run();
    } else {
      scalar(z, t, recurrent.memory(), h.memory());
    }
  }

  /**
   * The gradients of {@link #forward}; those that are null are left out.
   *
   * @param dy gradient of h[1 …] from outside, [T, B, H]
   * @param x forward's input
   * @param wIh [H, I]
   * @param wHh [H, H]
   * @param h of forward
   * @param dx gradient of x, or null
   * @param dwIh gradient of wIh, or null
   * @param dwHh gradient of wHh, or null
   * @param dbias gradient of the bias, or null
   * @param dh0 gradient of h[0], [B, H], or null
   */
  public static void gradient(
      Tensor dy,
      Tensor x,
      Tensor wIh,
      Tensor wHh,
      Tensor h,
      @Nullable Tensor dx,
      @Nullable Tensor dwIh,
      @Nullable Tensor dwHh,
      @Nullable Tensor dbias,
      @Nullable Tensor dh0) {
    String op = "rnn gradient";
    Check.plain(op, "dy", dy, DType.F32);
    RecurrentSizes z = Recurrence.check(op, 1, dy, x, wIh, wHh, h);
    Recurrence.gates(op, "dy", dy, dy, z);
    Recurrence.wanted(op, "dx", dx, dy, x.shape());
    Recurrence.wanted(op, "dwIh", dwIh, dy, wIh.shape());
    Recurrence.wanted(op, "dwHh", dwHh, dy, wHh.shape());
    Recurrence.wanted(op, "dbias", dbias, dy, z.width());
    Recurrence.wanted(op, "dh0", dh0, dy, z.batch(), z.hidden());
    Recurrence.apart(
        op,
        new String[] {"dy", "x", "wIh", "wHh", "h"},
        new Tensor[] {dy, x, wIh, wHh, h},
        new String[] {"dx", "dwIh", "dwHh", "dbias", "dh0"},
        dx,
        dwIh,
        dwHh,
        dbias,
        dh0);
    try (Scope scope = Scope.open()) {
      Tensor d = Tensor.empty(scope, dy.device(), z.steps(), z.batch(), z.hidden());
      Tensor dr = Tensor.zeros(scope, dy.device(), z.batch(), z.hidden());
      if (dy.device() instanceof Device.Vector v) {
        RnnVector.gradient(
            v.bits(),
            z,
            dy.memory(),
            wHh.memory(),
            h.memory(),
            d.memory(),
            dr.memory(),
            dh0 != null,
            Recurrence.scratch(scope, v, z),
            v.workers());
      } else {
        for (long t = z.steps() - 1; t >= 0; t--) {
          cellGradient(z, t, dy, dr, h, d);
          if (t > 0 || dh0 != null) {
            Gemm.gemm(Recurrence.step(d, t), wHh, dr);
          }
        }
      }
      if (dh0 != null) {
        dh0.copyFrom(dr);
      }
      Recurrence.inputGradients(d, x, wIh, dx, dwIh, dbias);
      Recurrence.recurrentGradient(d, h, dwHh);
    }
  }

  private static void cellGradient(
      RecurrentSizes z, long t, Tensor dy, Tensor dr, Tensor h, Tensor d) {
    if (dy.device() instanceof Device.Cuda c) {
      c.context()
          .launch(GRADIENT)
          .grid(Math.ceilDiv(z.state(), 256L))
          .block(256)
          .arg(Recurrence.step(dy, t).address())
          .arg(dr.address())
          .arg(Recurrence.step(h, t + 1).address())
          .arg(Recurrence.step(d, t).address())
          .arg(z.state())
          .what(() -> "rnn gradient, step " + t + " of " + dy)
          .run();
    } else {
      scalarGradient(z, t, dy.memory(), dr.memory(), h.memory(), d.memory());
    }
  }

  // ---- the definition of a step

  private static void scalar(RecurrentSizes z, long t, MemorySegment recurrent, MemorySegment h) {
    for (long s = 0; s < z.state(); s++) {
      long after = (t + 1) * z.state() + s;
      f32(h, after, ExactMath.tanh(f32(h, after) + f32(recurrent, s)));
    }
  }

  private static void scalarGradient(
      RecurrentSizes z,
      long t,
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment h,
      MemorySegment d) {
    for (long s = 0; s < z.state(); s++) {
      long before = t * z.state() + s;
      float u = f32(h, before + z.state());
      f32(d, before, (f32(dy, before) + f32(dr, s)) * Math.fma(-u, u, 1f));
    }
  }
}
