package dev.selfsame.op;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class GruTest extends RecurrentCase {
  GruTest() {
    super("gru", 3, 2, List.of("h"), List.of("gates", "recurrent"));
  }

  @Override
  void run(Tensor dy, Tensor[] in, Tensor[] states, Tensor[] kept, Tensor[] d) {
    Tensor h = states[0];
    Gru.forward(in[0], in[1], in[2], in[3], in[4], h, kept[0], kept[1]);
    Gru.gradient(dy, in[0], in[1], in[2], h, kept[0], kept[1], d[0], d[1], d[2], d[3], d[4], d[5]);
  }

  @Override
  void step(double[] input, double[] product, double[][] states) {
    double[] h = states[0];
    int units = h.length;
    for (int j = 0; j < units; j++) {
      double r = sigmoid(input[j] + product[j]);
      double z = sigmoid(input[units + j] + product[units + j]);
      double candidate = Math.tanh(input[2 * units + j] + r * product[2 * units + j]);
      h[j] = z * h[j] + (1 - z) * candidate;
    }
  }

  @Test
  void badShapesAreNamed() {
    try (Scope scope = Scope.open()) {
      Device cpu = Device.scalar();
      Tensor x = Tensor.zeros(scope, cpu, 3, 2, 4);
      Tensor w = Tensor.zeros(scope, cpu, 15, 4);
      Tensor r = Tensor.zeros(scope, cpu, 15, 5);
      Tensor b = Tensor.zeros(scope, cpu, 15);
      Tensor h = Tensor.zeros(scope, cpu, 4, 2, 5);
      Tensor gates = Tensor.zeros(scope, cpu, 3, 2, 15);
      refused("wHh has shape [15, 4]", () -> Gru.forward(x, w, w, b, b, h, gates, gates));
      refused("recurrent shares", () -> Gru.forward(x, w, r, b, b, h, gates, gates));
      refused("gates has shape", () -> Gru.forward(x, w, r, b, b, h, h, gates));
    }
  }
}
