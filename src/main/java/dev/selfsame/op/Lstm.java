package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.cpu.LstmVector;
import dev.selfsame.cpu.RecurrentSizes;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A layer of long short-term memory over a whole sequence (Hochreiter &amp; Schmidhuber 1997, with
 * the forget gate of Gers et al. 2000): one set of weights at every step. The gates i, f, g, o are
 * rows 0 … H−1, H … 2H−1, and so on, of the weights. For t = 0 … T−1, with h[t], c[t] the states
 * before step t:
 *
 * <pre>
 *   (i', f', g', o') = (x[t]·wIhᵀ + bias) + h[t]·wHhᵀ
 *   i = sigmoid(i'), f = sigmoid(f'), g = tanh(g'), o = sigmoid(o')
 *   c[t+1] = fma(f, c[t], i·g)
 *   h[t+1] = o · tanh(c[t+1])
 * </pre>
 *
 * Products of matrices are contractions ({@link Gemm}); every other operation written here rounds
 * once. A sample's states do not depend on the rest of the batch.
 *
 * <p>The gradient goes through time backwards (Werbos 1990). With dy[t] the gradient of h[t+1] from
 * outside, and starting from dr = +0 and dq = +0, for t = T−1 … 0, u = tanh(c[t+1]):
 *
 * <pre>
 *   dh  = dy[t] + dr
 *   dc  = fma(dh·o, fma(−u, u, 1), dq)
 *   di' = (dc·g)    · (i·(1 − i))          df' = (dc·c[t]) · (f·(1 − f))
 *   dg' = (dc·i)    · fma(−g, g, 1)        do' = (dh·u)    · (o·(1 − o))
 *   dr  = (di', df', dg', do')·wHh         dq  = dc·f
 * </pre>
 *
 * dh0 and dc0 are the last dr and dq. Because all steps share them, the gradients of wIh and wHh
 * are one contraction each, over all steps and samples in memory order of [T, B]: dwIh = Σ d'·x[t],
 * dwHh = Σ d'·h[t]. That of the bias is the run sum of d' in the same order ({@link
 * Bias#gradient}).
 */
public final class Lstm {
  private static final Kernel CELL = Kernel.of("lstm_cell");
  private static final Kernel GRADIENT = Kernel.of("lstm_cell_gradient");
  private static final int GATES = 4;

  private Lstm() {}

  /**
   * All steps.
   *
   * @param x [T, B, I], not empty
   * @param wIh [4H, I]
   * @param wHh [4H, H]
   * @param bias [4H]
   * @param h [T + 1, B, H]: on entry h[0] is the state before the first step; h[1 …] is written
   * @param c [T + 1, B, H]: the cells, in the same way
   * @param gates [T, B, 4H], written: i, f, g, o of each step, kept for the gradient
   */
  public static void forward(
      Tensor x, Tensor wIh, Tensor wHh, Tensor bias, Tensor h, Tensor c, Tensor gates) {
    String op = "lstm";
    Check.plain(op, "h", h, DType.F32);
    RecurrentSizes z = Recurrence.check(op, GATES, h, x, wIh, wHh, h);
    Recurrence.wanted(op, "bias", bias, h, z.width());
    Recurrence.states(op, "c", c, h, z);
    Recurrence.gates(op, "gates", gates, h, z);
    Recurrence.apart(
        op,
        new String[] {"x", "wIh", "wHh", "bias"},
        new Tensor[] {x, wIh, wHh, bias},
        new String[] {"h", "c", "gates"},
        h,
        c,
        gates);
    try (Scope scope = Scope.open()) {
      if (h.device() instanceof Device.Vector d) {
        LstmVector.forward(
            d.bits(),
            z,
            x.memory(),
            wIh.memory(),
            wHh.memory(),
            bias.memory(),
            h.memory(),
            c.memory(),
            gates.memory(),
            Tensor.empty(scope, d, LstmVector.scratch(d.bits(), z)).memory(),
            d.workers());
        return;
      }
      Tensor recurrent = Tensor.empty(scope, h.device(), z.batch(), z.width());
      Recurrence.project(x, wIh, bias, gates);
      for (long t = 0; t < z.steps(); t++) {
        Gemm.gemm(Recurrence.step(h, t), wHh.transpose(), recurrent);
        cell(z, t, recurrent, gates, c, h);
      }
    }
  }

  private static void cell(
      RecurrentSizes z, long t, Tensor recurrent, Tensor gates, Tensor c, Tensor h) {
    if (h.device() instanceof Device.Cuda d) {
      d.context()
          .launch(CELL)
          .grid(Math.ceilDiv(z.state(), 256L))
          .block(256)
          .arg(recurrent.address())
          .arg(Recurrence.step(gates, t).address())
          .arg(Recurrence.step(c, t).address())
          .arg(Recurrence.step(c, t + 1).address())
          .arg(Recurrence.step(h, t + 1).address())
          .arg(z.batch())
          .arg(z.hidden())
          .what(() -> "lstm, step " + t + " of " + h)
          .run();
    } else {
      scalar(z, t, recurrent.memory(), gates.memory(), c.memory(), h.memory());
    }
  }

  /**
   * The gradients of {@link #forward}; those that are null are left out.
   *
   * @param dy gradient of h[1 …] from outside, [T, B, H]
   * @param x forward's input
   * @param wIh [4H, I]
   * @param wHh [4H, H]
   * @param h of forward
   * @param c of forward
   * @param gates of forward
   * @param dx gradient of x, or null
   * @param dwIh gradient of wIh, or null
   * @param dwHh gradient of wHh, or null
   * @param dbias gradient of the bias, or null
   * @param dh0 gradient of h[0], [B, H], or null
   * @param dc0 gradient of c[0], [B, H], or null
   */
  public static void gradient(
      Tensor dy,
      Tensor x,
      Tensor wIh,
      Tensor wHh,
      Tensor h,
      Tensor c,
      Tensor gates,
      @Nullable Tensor dx,
      @Nullable Tensor dwIh,
      @Nullable Tensor dwHh,
      @Nullable Tensor dbias,
      @Nullable Tensor dh0,
      @Nullable Tensor dc0) {
    String op = "lstm gradient";
    Check.plain(op, "dy", dy, DType.F32);
    RecurrentSizes z = Recurrence.check(op, GATES, dy, x, wIh, wHh, h);
    Check.shape(op, "dy", dy, z.steps(), z.batch(), z.hidden());
    Recurrence.states(op, "c", c, dy, z);
    Recurrence.gates(op, "gates", gates, dy, z);
    Recurrence.wanted(op, "dx", dx, dy, x.shape());
    Recurrence.wanted(op, "dwIh", dwIh, dy, wIh.shape());
    Recurrence.wanted(op, "dwHh", dwHh, dy, wHh.shape());
    Recurrence.wanted(op, "dbias", dbias, dy, z.width());
    Recurrence.wanted(op, "dh0", dh0, dy, z.batch(), z.hidden());
    Recurrence.wanted(op, "dc0", dc0, dy, z.batch(), z.hidden());
    Recurrence.apart(
        op,
        new String[] {"dy", "x", "wIh", "wHh", "h", "c", "gates"},
        new Tensor[] {dy, x, wIh, wHh, h, c, gates},
        new String[] {"dx", "dwIh", "dwHh", "dbias", "dh0", "dc0"},
        dx,
        dwIh,
        dwHh,
        dbias,
        dh0,
        dc0);
    try (Scope scope = Scope.open()) {
      Device device = dy.device();
      Tensor dgates = Tensor.empty(scope, device, z.steps(), z.batch(), z.width());
      Tensor dr = Tensor.zeros(scope, device, z.batch(), z.hidden());
      Tensor dq = Tensor.zeros(scope, device, z.batch(), z.hidden());
      if (device instanceof Device.Vector d) {
        LstmVector.gradient(
            d.bits(),
            z,
            dy.memory(),
            wHh.memory(),
            c.memory(),
            gates.memory(),
            dgates.memory(),
            dr.memory(),
            dq.memory(),
            dh0 != null,
            Recurrence.scratch(scope, d, z),
            d.workers());
      } else {
        for (long t = z.steps() - 1; t >= 0; t--) {
          cellGradient(z, t, dy, dr, dq, gates, c, dgates);
          if (t > 0 || dh0 != null) {
            Gemm.gemm(Recurrence.step(dgates, t), wHh, dr);
          }
        }
      }
      if (dh0 != null) {
        dh0.copyFrom(dr);
      }
      if (dc0 != null) {
        dc0.copyFrom(dq);
      }
      Recurrence.inputGradients(dgates, x, wIh, dx, dwIh, dbias);
      Recurrence.recurrentGradient(dgates, h, dwHh);
    }
  }

  private static void cellGradient(
      RecurrentSizes z,
      long t,
      Tensor dy,
      Tensor dr,
      Tensor dq,
      Tensor gates,
      Tensor c,
      Tensor dgates) {
    if (dy.device() instanceof Device.Cuda d) {
      d.context()
          .launch(GRADIENT)
          .grid(Math.ceilDiv(z.state(), 256L))
          .block(256)
          .arg(Recurrence.step(dy, t).address())
          .arg(dr.address())
          .arg(dq.address())
          .arg(Recurrence.step(gates, t).address())
          .arg(Recurrence.step(c, t).address())
          .arg(Recurrence.step(c, t + 1).address())
          .arg(Recurrence.step(dgates, t).address())
          .arg(z.batch())
          .arg(z.hidden())
          .what(() -> "lstm gradient, step " + t + " of " + dy)
          .run();
    } else {
      scalarGradient(
          z, t, dy.memory(), dr.memory(), dq.memory(), gates.memory(), c.memory(), dgates.memory());
    }
  }

  // ---- the definition of a step

  private static void scalar(
      RecurrentSizes z,
      long t,
      MemorySegment recurrent,
      MemorySegment gates,
      MemorySegment c,
      MemorySegment h) {
    long units = z.hidden();
    for (long n = 0; n < z.batch(); n++) {
      for (long j = 0; j < units; j++) {
        long r = n * GATES * units + j;
        long a = t * z.batch() * GATES * units + r;
        float i = ExactMath.sigmoid(f32(gates, a) + f32(recurrent, r));
        float f = ExactMath.sigmoid(f32(gates, a + units) + f32(recurrent, r + units));
        float g = ExactMath.tanh(f32(gates, a + 2 * units) + f32(recurrent, r + 2 * units));
        float o = ExactMath.sigmoid(f32(gates, a + 3 * units) + f32(recurrent, r + 3 * units));
        long before = t * z.state() + n * units + j;
        long after = before + z.state();
        float cell = Math.fma(f, f32(c, before), i * g);
        f32(gates, a, i);
        f32(gates, a + units, f);
        f32(gates, a + 2 * units, g);
        f32(gates, a + 3 * units, o);
        f32(c, after, cell);
        f32(h, after, o * ExactMath.tanh(cell));
      }
    }
  }

  private static void scalarGradient(
      RecurrentSizes z,
      long t,
      MemorySegment dy,
      MemorySegment dr,
      MemorySegment dq,
      MemorySegment gates,
      MemorySegment c,
      MemorySegment dgates) {
    long units = z.hidden();
    for (long n = 0; n < z.batch(); n++) {
      for (long j = 0; j < units; j++) {
        long s = n * units + j;
        long before = t * z.state() + s;
        long a = (t * z.batch() + n) * GATES * units + j;
        float i = f32(gates, a);
        float f = f32(gates, a + units);
        float g = f32(gates, a + 2 * units);
        float o = f32(gates, a + 3 * units);
        float u = ExactMath.tanh(f32(c, before + z.state()));
        float dh = f32(dy, before) + f32(dr, s);
        float dc = Math.fma(dh * o, Math.fma(-u, u, 1f), f32(dq, s));
        f32(dgates, a, (dc * g) * (i * (1f - i)));
        f32(dgates, a + units, (dc * f32(c, before)) * (f * (1f - f)));
        f32(dgates, a + 2 * units, (dc * i) * Math.fma(-g, g, 1f));
        f32(dgates, a + 3 * units, (dh * u) * (o * (1f - o)));
        f32(dq, s, dc * f);
      }
    }
  }
}
