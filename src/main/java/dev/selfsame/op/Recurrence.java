package dev.selfsame.op;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.RecurrentSizes;
import dev.selfsame.cpu.RecurrentSteps;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What the recurrent operations have in common: the layout of their tensors, its checks, and the
 * matrix products before and after the steps. A cell has H units of {@code gates} numbers each; the
 * matrices' rows are gate by gate.
 */
final class Recurrence {
  private Recurrence() {}

  /** x, parameters and states; {@code first} is the destination that names the device. */
  static RecurrentSizes check(
      String op, int gates, Tensor first, Tensor x, Tensor wIh, Tensor wHh, Tensor h) {
    Check.input(op, "x", x, first);
    Check.rank(op, "x", x, 3, "[T, B, I]");
    Check.notEmpty(op, "x", x);
    Check.input(op, "wHh", wHh, first);
    Check.rank(op, "wHh", wHh, 2, "[" + (gates == 1 ? "" : gates + "·") + "H, H]");
    Check.notEmpty(op, "wHh", wHh);
    RecurrentSizes z = new RecurrentSizes(x.size(0), x.size(1), x.size(2), wHh.size(1), gates);
    Check.shape(op, "wHh", wHh, z.width(), z.hidden());
    Check.input(op, "wIh", wIh, first);
    Check.shape(op, "wIh", wIh, z.width(), z.inputs());
    states(op, "h", h, first, z);
    return z;
  }

  /** The states before the first step and after each. */
  static void states(String op, String name, Tensor t, Tensor first, RecurrentSizes z) {
    Check.input(op, name, t, first);
    Check.shape(op, name, t, z.steps() + 1, z.batch(), z.hidden());
  }

  /** One number for each unit's gate at each step. */
  static void gates(String op, String name, Tensor t, Tensor first, RecurrentSizes z) {
    Check.input(op, name, t, first);
    Check.shape(op, name, t, z.steps(), z.batch(), z.width());
  }

  /** A tensor of the stated sizes, unless it is null. */
  static void wanted(String op, String name, @Nullable Tensor t, Tensor first, long... sizes) {
    if (t != null) {
      Check.input(op, name, t, first);
      Check.shape(op, name, t, sizes);
    }
  }

  /** A tensor of the stated shape, unless it is null. */
  static void wanted(String op, String name, @Nullable Tensor t, Tensor first, Shape shape) {
    if (t != null) {
      Check.input(op, name, t, first);
      Check.shape(op, name, t, shape);
    }
  }

  /** No destination shares memory with an input or with another destination. */
  static void apart(
      String op,
      String[] inputNames,
      Tensor[] inputs,
      String[] names,
      @Nullable Tensor... destinations) {
    for (int d = 0; d < destinations.length; d++) {
      Tensor destination = destinations[d];
      if (destination == null) {
        continue;
      }
      Check.plain(op, names[d], destination, DType.F32);
      for (int i = 0; i < inputs.length; i++) {
        Check.apart(op, inputNames[i], inputs[i], names[d], destination);
      }
      for (int e = 0; e < d; e++) {
        Tensor other = destinations[e];
        if (other != null) {
          Check.apart(op, names[e], other, names[d], destination);
        }
      }
    }
  }

  /** All steps as rows of one matrix. */
  static Tensor rows(Tensor t) {
    return t.reshape(t.size(0) * t.size(1), t.size(2));
  }

  /** One step's matrix of {@code t} [T, B, …]. */
  static Tensor step(Tensor t, long step) {
    return t.slice(step, step + 1).reshape(t.size(1), t.size(2));
  }

  /** Scratch of a pass on vectors. */
  static MemorySegment scratch(Scope scope, Device.Vector device, RecurrentSizes z) {
    return Tensor.empty(scope, device, RecurrentSteps.scratch(device.bits(), z)).memory();
  }

  /** gates = x·wIhᵀ + bias, for all steps at once. */
  static void project(Tensor x, Tensor wIh, Tensor bias, Tensor gates) {
    Gemm.gemm(rows(x), wIh.transpose(), bias, Activation.NONE, rows(gates));
  }

  /**
   * Gradients of the input and its weights from those of the gates: each weight's is one
   * contraction over all steps and samples, in memory order of [T, B].
   */
  static void inputGradients(
      Tensor dgates,
      Tensor x,
      Tensor wIh,
      @Nullable Tensor dx,
      @Nullable Tensor dwIh,
      @Nullable Tensor dbias) {
    Tensor rows = rows(dgates);
    if (dwIh != null) {
      Gemm.gemm(rows.transpose(), rows(x), dwIh);
    }
    if (dbias != null) {
      Bias.gradient(rows, dbias);
    }
    if (dx != null) {
      Gemm.gemm(rows, wIh, rows(dx));
    }
  }

  /** dwHh = Σ over steps and samples of dgates · the state before the step. */
  static void recurrentGradient(Tensor dgates, Tensor h, @Nullable Tensor dwHh) {
    if (dwHh != null) {
      Tensor before = h.slice(0, h.size(0) - 1);
      Gemm.gemm(rows(dgates).transpose(), rows(before), dwHh);
    }
  }
}
