package dev.selfsame.grad;

import dev.selfsame.Tensor;
import dev.selfsame.op.Activation;
import dev.selfsame.op.Bias;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.ConvTranspose2d;
import dev.selfsame.op.LocallyConnected2d;
import org.jspecify.annotations.Nullable;

/**
 * The kin of {@link Functions#conv2d}: each calls one op forward and records which ops give its
 * gradients.
 */
public final class Convolutions {
  private Convolutions() {}

  /**
   * Locally connected layer over x [N, C, H, W] with w [K, C, R, S, P, Q], a filter for each
   * position, and an optional bias [K, P, Q], and an activation in the same pass: [N, K, P, Q]
   * ({@link LocallyConnected2d}).
   */
  public static Var locallyConnected2d(
      Var x, Var w, @Nullable Var bias, Conv2d.Geometry geometry, Activation activation) {
    Tape tape = x.tape();
    Tensor y =
        tape.result(x.value().size(0), w.value().size(0), w.value().size(-2), w.value().size(-1));
    LocallyConnected2d.forward(
        x.value(), w.value(), bias == null ? null : bias.value(), activation, geometry, y);
    Var out = bias == null ? tape.variable(y, x, w) : tape.variable(y, x, w, bias);
    tape.rule(
        out,
        () -> {
          Tensor dy = Functions.beforeActivation(activation, out);
          if (bias != null) {
            bias.contribute(db -> LocallyConnected2d.biasGradient(dy, db));
          }
          w.contribute(dw -> LocallyConnected2d.weightGradient(x.value(), dy, geometry, dw));
          x.contribute(dx -> LocallyConnected2d.dataGradient(dy, w.value(), geometry, dx));
        });
    return out;
  }

  /**
   * Transposed convolution of x [N, C, P, Q] with w [C, K/groups, R, S] and an optional bias [K],
   * and an activation: [N, K, H, W] ({@link ConvTranspose2d}).
   */
  public static Var convTranspose2d(
      Var x, Var w, @Nullable Var bias, ConvTranspose2d.Geometry geometry, Activation activation) {
    Tape tape = x.tape();
    Tensor y =
        tape.result(
            x.value().size(0),
            w.value().size(1) * geometry.groups(),
            geometry.outputHeight(x.value().size(2), w.value().size(2)),
            geometry.outputWidth(x.value().size(3), w.value().size(3)));
    ConvTranspose2d.forward(
        x.value(), w.value(), bias == null ? null : bias.value(), activation, geometry, y);
    Var out = bias == null ? tape.variable(y, x, w) : tape.variable(y, x, w, bias);
    tape.rule(
        out,
        () -> {
          Tensor dy = Functions.beforeActivation(activation, out);
          if (bias != null) {
            bias.contribute(db -> Bias.gradient(dy, db));
          }
          w.contribute(dw -> ConvTranspose2d.weightGradient(x.value(), dy, geometry, dw));
          x.contribute(dx -> ConvTranspose2d.dataGradient(dy, w.value(), geometry, dx));
        });
    return out;
  }
}
