package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Unary;
import java.util.Locale;

/** Four of the functions with their gradients, two of two elements, scaling and fma. */
final class ElementwiseCases {
  private ElementwiseCases() {}

  static OpCase draw(Draw d) {
    int n = d.size(1100, 20_000);
    Draw.Input a = d.floats("a", n);
    Draw.Input b = d.floats("b", n);
    float c = d.pick(0.5f, -0f, 1e-30f, (float) d.real(-9, 9));
    Unary[] unary = Unary.values();
    Binary[] binary = Binary.values();
    // Neighbouring cases take the next ones, so that a few cases cover all.
    int number = d.number();
    return d.toCase(
        "from " + unary[4 * number % unary.length],
        run -> {
          Tensor at = run.in(a);
          Tensor bt = run.in(b);
          for (int i = 0; i < 4; i++) {
            Unary f = unary[(4 * number + i) % unary.length];
            Tensor y = run.out(name(f), n);
            Elementwise.unary(f, at, y);
            Elementwise.gradient(f, at, y, bt, run.out(name(f) + " dx", n));
          }
          for (int i = 0; i < 2; i++) {
            Binary f = binary[(2 * number + i) % binary.length];
            Elementwise.binary(f, at, bt, run.out(name(f), n));
          }
          Elementwise.scale(at, c, run.out("scale", n));
          Elementwise.fma(at, c, bt, run.out("fma", n));
          Tensor inPlace = run.inOut(b);
          Elementwise.binary(Binary.ADD, at, inPlace, inPlace);
        });
  }

  private static String name(Enum<?> function) {
    return function.name().toLowerCase(Locale.ROOT);
  }
}
