package dev.selfsame.op;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class RnnTest extends RecurrentCase {
  RnnTest() {
    super("rnn", 1, 1, List.of("h"), List.of());
  }

  @Override
  void run(Tensor dy, Tensor[] in, Tensor[] states, Tensor[] kept, Tensor[] d) {
    Rnn.forward(in[0], in[1], in[2], in[3], states[0]);
    Rnn.gradient(dy, in[0], in[1], in[2], states[0], d[0], d[1], d[2], d[3], d[4]);
  }

  @Override
  void step(double[] input, double[] product, double[][] states) {
    for (int j = 0; j < input.length; j++) {
      states[0][j] = Math.tanh(input[j] + product[j]);
    }
  }

  @Test
  void badShapesAreNamed() {
    try (Scope scope = Scope.open()) {
      Device cpu = Device.scalar();
      Tensor x = Tensor.zeros(scope, cpu, 3, 2, 4);
      Tensor w = Tensor.zeros(scope, cpu, 5, 4);
      Tensor r = Tensor.zeros(scope, cpu, 5, 5);
      Tensor b = Tensor.zeros(scope, cpu, 5);
      Tensor h = Tensor.zeros(scope, cpu, 4, 2, 5);
      refused("wHh has shape [5, 4]", () -> Rnn.forward(x, w, w, b, h));
      refused("h has shape [3, 2, 4]", () -> Rnn.forward(x, w, r, b, x));
      refused("x has shape [5, 4]", () -> Rnn.forward(w, w, r, b, h));
    }
  }
}
