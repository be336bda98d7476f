package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Unary;
import org.openjdk.jmh.annotations.Param;

/** Elementwise functions and gradients over 4,096 × 1,024 elements. */
public class ElementwiseBench extends CaseBench {
  private static final long N = 4096L * 1024;

  /** Which operation. */
  public enum Pass {
    ADD,
    RELU,
    TANH,
    SIGMOID,
    GELU,
    EXP,
    LOG,
    TANH_GRADIENT,
    GELU_GRADIENT
  }

  /** Which operation. */
  @Param({"ADD", "RELU", "TANH", "SIGMOID", "GELU", "EXP", "LOG", "TANH_GRADIENT", "GELU_GRADIENT"})
  public Pass pass;

  @Override
  protected BenchCase build(Device device) {
    double arrays =
        switch (pass) {
          case ADD, TANH_GRADIENT, GELU_GRADIENT -> 3;
          default -> 2;
        };
    return ScalarChecked.build(
        pass + " 4096x1024",
        Rate.GBYTES,
        4.0 * N * arrays,
        device,
        memory -> {
          var as = memory.normal(1, N);
          var bs = memory.normal(2, N);
          var ys = memory.normal(3, N);
          var a = memory.floats(as, N);
          var b = memory.floats(bs, N);
          var y = memory.floats(ys, N);
          Runnable call =
              switch (pass) {
                case ADD -> () -> Elementwise.binary(Binary.ADD, a, b, y);
                case TANH_GRADIENT -> () -> Elementwise.gradient(Unary.TANH, a, a, b, y);
                case GELU_GRADIENT -> () -> Elementwise.gradient(Unary.GELU, a, a, b, y);
                default -> {
                  Unary op = Unary.valueOf(pass.name());
                  yield () -> Elementwise.unary(op, a, y);
                }
              };
          return new Prepared(call, ys);
        });
  }
}
