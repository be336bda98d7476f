package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class LstmTest extends RecurrentCase {
  LstmTest() {
    super("lstm", 4, 1, List.of("h", "c"), List.of("gates"));
  }

  @Override
  void run(Tensor dy, Tensor[] in, Tensor[] states, Tensor[] kept, Tensor[] d) {
    Tensor h = states[0];
    Tensor c = states[1];
    Lstm.forward(in[0], in[1], in[2], in[3], h, c, kept[0]);
    Lstm.gradient(dy, in[0], in[1], in[2], h, c, kept[0], d[0], d[1], d[2], d[3], d[4], d[5]);
  }

  @Override
  void step(double[] input, double[] product, double[][] states) {
    double[] c = states[1];
    int units = c.length;
    for (int j = 0; j < units; j++) {
      double i = sigmoid(input[j] + product[j]);
      double f = sigmoid(input[units + j] + product[units + j]);
      double g = Math.tanh(input[2 * units + j] + product[2 * units + j]);
      double o = sigmoid(input[3 * units + j] + product[3 * units + j]);
      c[j] = f * c[j] + i * g;
      states[0][j] = o * Math.tanh(c[j]);
    }
  }

  @Test
  void badInputIsRefusedBeforeAnythingIsWritten() {
    try (Scope scope = Scope.open()) {
      Device cpu = Device.scalar();
      Tensor x = Tensor.zeros(scope, cpu, 3, 2, 4);
      Tensor wIh = Tensor.zeros(scope, cpu, 20, 4);
      Tensor wHh = Tensor.zeros(scope, cpu, 20, 5);
      Tensor bias = Tensor.zeros(scope, cpu, 20);
      Tensor h = Tensor.zeros(scope, cpu, 4, 2, 5).fill(7f);
      Tensor c = Tensor.zeros(scope, cpu, 4, 2, 5);
      Tensor gates = Tensor.zeros(scope, cpu, 3, 2, 20);
      Tensor wrong = Tensor.zeros(scope, cpu, 19, 5);
      Tensor few = Tensor.zeros(scope, cpu, 3, 2, 5);
      refused("wHh has shape [19, 5]", () -> Lstm.forward(x, wIh, wrong, bias, h, c, gates));
      refused("c has shape [3, 2, 5]", () -> Lstm.forward(x, wIh, wHh, bias, h, few, gates));
      refused("c shares memory with h", () -> Lstm.forward(x, wIh, wHh, bias, h, h, gates));
      refused("gates has shape", () -> Lstm.forward(x, wIh, wHh, bias, h, c, few));
      refused("x has shape [20, 4]", () -> Lstm.forward(wIh, wIh, wHh, bias, h, c, gates));
      refused(
          "dx shares memory with x",
          () -> Lstm.gradient(few, x, wIh, wHh, h, c, gates, x, null, null, null, null, null));
      for (float value : h.toFloatArray()) {
        assertEquals(7f, value);
      }
    }
  }
}
