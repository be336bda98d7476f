package dev.selfsame.verify;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.op.Bias;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.Sums;
import java.util.Locale;

/**
 * Faults on purpose, each of which the verifier must find: a check that cannot fail shows nothing.
 */
public enum NegativeControl {
  /** One output, one bit off. */
  FLIPPED_BIT(
      new OpUnderTest(
          Bias.class,
          d ->
              addition(
                  d,
                  (run, y) -> {
                    Tensor last = y.slice(y.elements() - 1, y.elements());
                    last.fill(Float.intBitsToFloat(Float.floatToRawIntBits(last.item()) ^ 1));
                  }))),

  /** −0 where +0 belongs. */
  SIGN_OF_ZERO(
      new OpUnderTest(
          Bias.class, d -> d.toCase("", run -> run.out("y", 1).fill(isFaulty(run) ? -0f : 0f)))),

  /** The sum of a contiguous axis from left to right. */
  REORDERED_SUM(new OpUnderTest(Sums.class, NegativeControl::reorderedSum)),

  /** A product rounded before it is added. */
  UNFUSED_MULTIPLY_ADD(new OpUnderTest(Gemm.class, NegativeControl::unfusedMultiplyAdd)),

  /** An output whose last element is not written. */
  UNWRITTEN_ELEMENT(
      new OpUnderTest(
          Bias.class,
          d -> d.toCase("", run -> run.out("y", 9).slice(0, isFaulty(run) ? 8 : 9).fill(1f)))),

  /** An element before the output is written. */
  WRITE_BESIDE_THE_OUTPUT(
      new OpUnderTest(
          Bias.class, d -> addition(d, (run, y) -> run.whole("y").slice(0, 1).fill(0f)))),

  /** An input is changed. */
  CHANGED_INPUT(new OpUnderTest(Bias.class, d -> addition(d, (run, y) -> run.whole("x").fill(0f))));

  private final OpUnderTest planted;

  NegativeControl(OpUnderTest planted) {
    this.planted = planted;
  }

  /** An operation that is right on the scalar device and wrong on any other. */
  public OpUnderTest planted() {
    return planted;
  }

  /** Whether the verifier finds the fault on a CPU device other than the scalar one. */
  public boolean isFound(Device device) {
    return Verifier.against(Device.scalar()).cases(4).verify(planted, device).mismatches() > 0;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  private interface Fault {
    void into(Run run, Tensor y);
  }

  private static boolean isFaulty(Run run) {
    return !(run.device() instanceof Device.Scalar);
  }

  private static OpCase addition(Draw d, Fault fault) {
    Draw.Input x = d.floats("x", Draw.Kind.RANDOM, 1, 33);
    Draw.Input bias = d.floats("bias", Draw.Kind.RANDOM, 33);
    return d.toCase(
        "",
        run -> {
          Tensor y = run.out("y", 1, 33);
          Bias.add(run.in(x), run.in(bias), y);
          if (isFaulty(run)) {
            fault.into(run, y.reshape(33));
          }
        });
  }

  private static OpCase reorderedSum(Draw d) {
    Draw.Input x = d.floats("x", Draw.Kind.RANDOM, 2100);
    return d.toCase(
        "",
        run -> {
          Tensor in = run.in(x);
          Tensor sum = run.out("sum", 1);
          if (isFaulty(run)) {
            float total = 0;
            for (float value : in.toFloatArray()) {
              total += value;
            }
            sum.fill(total);
          } else {
            Sums.sum(in, sum);
          }
        });
  }

  private static OpCase unfusedMultiplyAdd(Draw d) {
    Draw.Input a = d.floats("a", Draw.Kind.RANDOM, 1, 100);
    Draw.Input b = d.floats("b", Draw.Kind.RANDOM, 100, 1);
    return d.toCase(
        "",
        run -> {
          Tensor at = run.in(a);
          Tensor bt = run.in(b);
          Tensor out = run.out("out", 1, 1);
          if (isFaulty(run)) {
            float[] as = at.toFloatArray();
            float[] bs = bt.toFloatArray();
            float total = 0;
            for (int k = 0; k < as.length; k++) {
              total += as[k] * bs[k];
            }
            out.fill(total);
          } else {
            Gemm.gemm(at, bt, out);
          }
        });
  }
}
