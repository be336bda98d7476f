package dev.selfsame.grad;

import dev.selfsame.DType;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.op.Activation;
import dev.selfsame.op.BatchNorm;
import dev.selfsame.op.Bias;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.CrossEntropy;
import dev.selfsame.op.Dropout;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gather;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.LayerNorm;
import dev.selfsame.op.Pool2d;
import dev.selfsame.op.ScatterAdd;
import dev.selfsame.op.Softmax;
import dev.selfsame.op.Sums;
import dev.selfsame.op.Unary;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The differentiable functions: each calls one op forward and records which ops give its gradients.
 * All arithmetic is in the ops; the shapes and errors are theirs.
 */
public final class Functions {
  private Functions() {}

  /**
   * Convolution of x [N, C, H, W] with w [K, C/groups, R, S] and an optional bias [K]: [N, K, P,
   * Q].
   */
  public static Var conv2d(Var x, Var w, @Nullable Var bias, Conv2d.Geometry geometry) {
    return conv2d(x, w, bias, geometry, Activation.NONE);
  }

  /** {@link #conv2d(Var, Var, Var, Conv2d.Geometry)} and an activation, in one pass. */
  public static Var conv2d(
      Var x, Var w, @Nullable Var bias, Conv2d.Geometry geometry, Activation activation) {
    Tape tape = x.tape();
    Tensor y =
        tape.result(
            x.value().size(0),
            w.value().size(0),
            geometry.outputHeight(x.value().size(2), w.value().size(2)),
            geometry.outputWidth(x.value().size(3), w.value().size(3)));
    Conv2d.forward(
        x.value(), w.value(), bias == null ? null : bias.value(), activation, geometry, y);
    Var out = bias == null ? tape.variable(y, x, w) : tape.variable(y, x, w, bias);
    tape.rule(
        out,
        () -> {
          Tensor dy = beforeActivation(activation, out);
          if (bias != null) {
            bias.contribute(db -> Bias.gradient(dy, db));
          }
          w.contribute(dw -> Conv2d.weightGradient(x.value(), dy, geometry, dw));
          x.contribute(dx -> Conv2d.dataGradient(dy, w.value(), geometry, dx));
        });
    return out;
  }

  /** Fully connected layer: x [N, I] · wᵀ with w [O, I], plus an optional bias [O]: [N, O]. */
  public static Var linear(Var x, Var w, @Nullable Var bias) {
    return linear(x, w, bias, Activation.NONE);
  }

  /** {@link #linear(Var, Var, Var)} and an activation, in one pass. */
  public static Var linear(Var x, Var w, @Nullable Var bias, Activation activation) {
    return product(x, w.transposed(), bias, activation);
  }

  /**
   * The gradient of what the activation was given, in the place of {@code out}'s own, which nobody
   * needs any more. Bits as {@link #unary} has them.
   */
  static Tensor beforeActivation(Activation activation, Var out) {
    Tensor dy = out.gradient();
    if (activation == Activation.RELU) {
      // Its gradient reads no input but y.
      Elementwise.gradient(Unary.RELU, out.value(), out.value(), dy, dy);
    }
    return dy;
  }

  /**
   * Matrix product of a [M, K] and b [K, N], or of batches [B, M, K] and [B, K, N]. Either may be
   * {@link Var#transposed}; its gradient then has the layout of the variable itself.
   */
  public static Var matmul(Var a, Var b) {
    return product(a, b, null, Activation.NONE);
  }

  private static Var product(Var a, Var b, @Nullable Var bias, Activation activation) {
    Tape tape = a.tape();
    Tensor av = a.value();
    Tensor bv = b.value();
    long[] sizes = av.shape().sizes();
    if (sizes.length < 2) {
      throw new ShapeException(
          "matmul: a has shape " + av.shape() + "; [M, K] or [B, M, K] is needed");
    }
    sizes[sizes.length - 1] = bv.size(-1);
    Tensor y = tape.result(sizes);
    Gemm.gemm(av, bv, bias == null ? null : bias.value(), activation, y);
    Var out = bias == null ? tape.variable(y, a, b) : tape.variable(y, a, b, bias);
    tape.rule(
        out,
        () -> {
          Tensor dy = beforeActivation(activation, out);
          if (bias != null) {
            bias.contribute(db -> Bias.gradient(rows(dy), db));
          }
          Var bBase = b.transposedFrom();
          if (bBase != null) {
            bBase.contribute(d -> Gemm.gemm(dy.transpose(), av, d));
          } else {
            b.contribute(d -> Gemm.gemm(av.transpose(), dy, d));
          }
          Var aBase = a.transposedFrom();
          if (aBase != null) {
            aBase.contribute(d -> Gemm.gemm(bv, dy.transpose(), d));
          } else {
            a.contribute(d -> Gemm.gemm(dy, bv.transpose(), d));
          }
        });
    return out;
  }

  /** [R, F] for [R, F] or [B, M, F]. */
  private static Tensor rows(Tensor t) {
    return t.shape().rank() == 2 ? t : t.reshape(t.size(0) * t.size(1), t.size(2));
  }

  /** Adds bias [F] to x [N, F], or bias [C] to x [N, C, H, W]. */
  public static Var bias(Var x, Var bias) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, x.value().shape());
    Bias.add(x.value(), bias.value(), y);
    Var out = tape.variable(y, x, bias);
    tape.rule(
        out,
        () -> {
          bias.contribute(db -> Bias.gradient(out.gradient(), db));
          x.takeGradientOf(out);
        });
    return out;
  }

  /**
   * Rows of table [R, D] by index [n]: [n, D]. The gradient is a scatter-add into the sum of the
   * table's gradients so far.
   */
  public static Var embedding(Var table, Tensor indices) {
    Tape tape = table.tape();
    Tensor y = tape.result(indices.elements(), table.value().size(1));
    Gather.gather(table.value(), indices, y);
    Var out = tape.variable(y, table);
    tape.rule(
        out,
        () -> table.contributeByAdding(d -> ScatterAdd.scatterAdd(out.gradient(), indices, d)));
    return out;
  }

  /**
   * The same with a padding index: the positions that hold it give the gradient nothing, so its row
   * stays as it is.
   */
  public static Var embedding(Var table, Tensor indices, int paddingIndex) {
    Tape tape = table.tape();
    ScatterAdd.checkPadding("embedding", paddingIndex, table.value().size(0));
    Tensor y = tape.result(indices.elements(), table.value().size(1));
    Gather.gather(table.value(), indices, y);
    Var out = tape.variable(y, table);
    tape.rule(
        out,
        () ->
            table.contributeByAdding(
                d -> ScatterAdd.scatterAdd(out.gradient(), indices, paddingIndex, d)));
    return out;
  }

  /** An elementwise function. */
  public static Var unary(Unary function, Var x) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, x.value().shape());
    Elementwise.unary(function, x.value(), y);
    Var out = tape.variable(y, x);
    tape.rule(
        out,
        () -> x.contribute(dx -> Elementwise.gradient(function, x.value(), y, out.gradient(), dx)));
    return out;
  }

  /** maximum(x, +0). */
  public static Var relu(Var x) {
    return unary(Unary.RELU, x);
  }

  /** a + b of one shape. */
  public static Var add(Var a, Var b) {
    Var out = binary(Binary.ADD, a, b);
    a.tape()
        .rule(
            out,
            () -> {
              b.contribute(d -> d.copyFrom(out.gradient()));
              a.takeGradientOf(out);
            });
    return out;
  }

  /** a − b of one shape. */
  public static Var subtract(Var a, Var b) {
    Var out = binary(Binary.SUB, a, b);
    a.tape()
        .rule(
            out,
            () -> {
              b.contribute(d -> Elementwise.unary(Unary.NEG, out.gradient(), d));
              a.takeGradientOf(out);
            });
    return out;
  }

  /** a · b, element by element. */
  public static Var multiply(Var a, Var b) {
    Var out = binary(Binary.MUL, a, b);
    a.tape()
        .rule(
            out,
            () -> {
              b.contribute(d -> Elementwise.binary(Binary.MUL, out.gradient(), a.value(), d));
              a.contribute(d -> Elementwise.binary(Binary.MUL, out.gradient(), b.value(), d));
            });
    return out;
  }

  private static Var binary(Binary function, Var a, Var b) {
    Tensor y = a.tape().result(DType.F32, a.value().shape());
    Elementwise.binary(function, a.value(), b.value(), y);
    return a.tape().variable(y, a, b);
  }

  /** x · c. */
  public static Var scale(Var x, float c) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, x.value().shape());
    Elementwise.scale(x.value(), c, y);
    Var out = tape.variable(y, x);
    tape.rule(out, () -> x.contribute(dx -> Elementwise.scale(out.gradient(), c, dx)));
    return out;
  }

  /** The largest element of each window. */
  public static Var maxPool2d(Var x, Pool2d.Geometry geometry) {
    Tape tape = x.tape();
    Shape shape = geometry.outputShape(x.value().shape());
    Tensor y = tape.result(DType.F32, shape);
    Tensor argmax = tape.result(DType.I32, shape);
    Pool2d.max(x.value(), geometry, y, argmax);
    Var out = tape.variable(y, x);
    tape.rule(
        out, () -> x.contribute(dx -> Pool2d.maxGradient(out.gradient(), argmax, geometry, dx)));
    return out;
  }

  /** The mean of each window. */
  public static Var averagePool2d(Var x, Pool2d.Geometry geometry) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, geometry.outputShape(x.value().shape()));
    Pool2d.average(x.value(), geometry, y);
    Var out = tape.variable(y, x);
    tape.rule(out, () -> x.contribute(dx -> Pool2d.averageGradient(out.gradient(), geometry, dx)));
    return out;
  }

  /** The same elements in another shape. */
  public static Var reshape(Var x, long... sizes) {
    Tape tape = x.tape();
    Var out = tape.variable(x.value().reshape(sizes), x);
    tape.rule(out, () -> x.takeGradientOf(out));
    return out;
  }

  /** Softmax of each row of x [R, C]. */
  public static Var softmax(Var x) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, x.value().shape());
    Softmax.softmax(x.value(), y);
    Var out = tape.variable(y, x);
    tape.rule(out, () -> x.contribute(dx -> Softmax.softmaxGradient(y, out.gradient(), dx)));
    return out;
  }

  /** Logarithm of the softmax of each row of x [R, C]. */
  public static Var logSoftmax(Var x) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, x.value().shape());
    Softmax.logSoftmax(x.value(), y);
    Var out = tape.variable(y, x);
    tape.rule(out, () -> x.contribute(dx -> Softmax.logSoftmaxGradient(y, out.gradient(), dx)));
    return out;
  }

  /** Layer normalization of each row of x [R, C] with scale gamma [C] and shift beta [C]. */
  public static Var layerNorm(Var x, Var gamma, Var beta, float eps) {
    Tape tape = x.tape();
    Tensor xv = x.value();
    Tensor y = tape.result(DType.F32, xv.shape());
    Tensor mean = tape.result(xv.size(0));
    Tensor rstd = tape.result(xv.size(0));
    LayerNorm.forward(xv, gamma.value(), beta.value(), eps, y, mean, rstd);
    Var out = tape.variable(y, x, gamma, beta);
    tape.rule(
        out,
        () -> {
          // All in one call: it reads x and dy once.
          boolean input = x.needsGradient();
          Var.contribute(
              input ? List.of(beta, gamma, x) : List.of(beta, gamma),
              d ->
                  LayerNorm.gradient(
                      out.gradient(),
                      xv,
                      gamma.value(),
                      mean,
                      rstd,
                      input ? d.get(2) : null,
                      d.get(1),
                      d.get(0)));
        });
    return out;
  }

  /**
   * Batch normalization of each channel of x [N, C, …] by the batch's statistics, with scale gamma
   * [C] and shift beta [C].
   *
   * @param running updated, or null
   */
  public static Var batchNorm(
      Var x, Var gamma, Var beta, float eps, BatchNorm.@Nullable Running running) {
    Tape tape = x.tape();
    Tensor xv = x.value();
    Tensor scale = gamma.value();
    Tensor y = tape.result(DType.F32, xv.shape());
    Tensor mean = tape.result(DType.F32, scale.shape());
    Tensor rstd = tape.result(DType.F32, scale.shape());
    BatchNorm.forward(xv, scale, beta.value(), eps, running, y, mean, rstd);
    Var out = tape.variable(y, x, gamma, beta);
    tape.rule(
        out,
        () -> {
          // All in one call: it reads x and dy once.
          boolean input = x.needsGradient();
          Var.contribute(
              input ? List.of(beta, gamma, x) : List.of(beta, gamma),
              d ->
                  BatchNorm.gradient(
                      out.gradient(),
                      xv,
                      scale,
                      mean,
                      rstd,
                      input ? d.get(2) : null,
                      d.get(1),
                      d.get(0)));
        });
    return out;
  }

  /** The same by the running statistics, for evaluation: a backward sweep through it is refused. */
  public static Var batchNormEvaluation(
      Var x, Var gamma, Var beta, float eps, BatchNorm.Running running) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, x.value().shape());
    BatchNorm.evaluate(
        x.value(), gamma.value(), beta.value(), eps, running.mean(), running.variance(), y);
    Var out = tape.variable(y, x, gamma, beta);
    tape.rule(
        out,
        () -> {
          throw new SelfsameException("batchNorm: evaluation has no gradient; switch to training");
        });
    return out;
  }

  /** Drops the elements that the mask doesn't keep, and scales the others. */
  public static Var dropout(Var x, Dropout.Mask mask) {
    Tape tape = x.tape();
    Tensor y = tape.result(DType.F32, x.value().shape());
    Dropout.dropout(x.value(), mask, y);
    Var out = tape.variable(y, x);
    tape.rule(out, () -> x.contribute(dx -> Dropout.gradient(out.gradient(), mask, dx)));
    return out;
  }

  /** Mean cross-entropy of logits [R, C] against INT32 labels [R], a single value. */
  public static Var crossEntropy(Var logits, Tensor labels) {
    Tape tape = logits.tape();
    Tensor losses = tape.result(logits.value().size(0));
    Tensor loss = tape.result(1);
    CrossEntropy.forward(logits.value(), labels, losses, loss);
    Var out = tape.variable(loss, logits);
    tape.rule(
        out,
        () ->
            logits.contribute(
                d -> CrossEntropy.gradient(logits.value(), labels, tape.gradientOf(out), d)));
    return out;
  }

  /** Sum of all elements, a single value. */
  public static Var sum(Var x) {
    Tape tape = x.tape();
    Tensor y = tape.result(1);
    Sums.sum(x.value(), y);
    Var out = tape.variable(y, x);
    tape.rule(out, () -> x.contribute(dx -> dx.fill(tape.gradientOf(out))));
    return out;
  }
}
