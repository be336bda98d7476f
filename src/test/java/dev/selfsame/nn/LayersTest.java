package dev.selfsame.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Devices;
import dev.selfsame.op.Unary;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.optim.ParameterGroup;
import dev.selfsame.optim.Sgd;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Layers that stand in several places, on every device. */
class LayersTest {
  private static final Device CPU = Device.scalar();

  /** The control first. */
  private static List<Device> devices() {
    List<Device> all = new ArrayList<>(List.of(CPU));
    all.addAll(Devices.tested());
    return all;
  }

  @Test
  void aLayerThatStandsTwiceIsOneSetOfWeights() {
    try (Scope scope = Scope.open()) {
      float[] expected = null;
      for (Device device : devices()) {
        Initializer init = new Initializer(scope, device, 3);
        Linear shared = Linear.of(init, "shared", 4, 4);
        Linear head = Linear.of(init, "head", 4, 1);
        Layer tanh = Layers.activation(Unary.TANH);
        Sequential model = Sequential.of(shared, tanh, shared, tanh, head);
        assertEquals(4, model.parameters().size());
        assertEquals(4 * 4 + 4 + 4 + 1, model.parameterCount());
        assertSame(shared.weight(), model.parameters().getFirst());
        Sgd sgd =
            new Sgd(
                scope,
                List.of(new ParameterGroup(model.parameters(), LearningRate.constant(0.5), 0)),
                0,
                false);
        step(model, device);
        Tensor sum = shared.weight().gradient().to(scope, CPU);
        sgd.step();
        assertTrue(!shared.weight().hasGradient());
        float[] after = shared.weight().value().toFloatArray();
        expected = expected == null ? after : expected;
        assertEquals(Optional.empty(), Bits.compare(expected, after), device.toString());
        assertUpdatedOnce(sum.toFloatArray(), after);
      }
    }
  }

  private static void step(Layer model, Device device) {
    try (Tape tape = Tape.open(device)) {
      Tensor x = Tensor.of(tape.scope(), device, new float[] {1, -2, 3, 0.5f, 2, 1, -1, 4}, 2, 4);
      tape.backward(Functions.sum(model.forward(tape.constant(x))));
    }
  }

  /** One update of p − lr·g, not one for each place. */
  private static void assertUpdatedOnce(float[] gradient, float[] after) {
    try (Scope scope = Scope.open()) {
      float[] before =
          Linear.of(new Initializer(scope, CPU, 3), "shared", 4, 4).weight().value().toFloatArray();
      for (int i = 0; i < before.length; i++) {
        assertEquals(Math.fma(-0.5f, gradient[i], before[i]), after[i]);
      }
    }
  }

  /** The padding row is zero at first, is looked up, and no step changes it. */
  @Test
  void aPaddingRowStaysZero() {
    try (Scope scope = Scope.open()) {
      float[] expected = null;
      for (Device device : devices()) {
        Embedding embedding =
            Embedding.of(new Initializer(scope, device, 5), "table", 6, 3, 0.5f, 2);
        float[] start = embedding.weight().value().toFloatArray();
        AdamW optimizer =
            new AdamW(scope, embedding.parameters(), LearningRate.constant(0.1), 0.01);
        for (int step = 0; step < 3; step++) {
          try (Tape tape = Tape.open(device)) {
            Tensor words = Tensor.of(tape.scope(), device, new int[] {4, 2, 0, 2, 2, 4}, 6);
            Var y = embedding.forward(tape, words);
            assertEquals(0f, y.value().toFloatArray()[3]);
            tape.backward(Functions.sum(Functions.multiply(y, y)));
            float[] gradient = embedding.weight().gradient().toFloatArray();
            for (int i = 6; i < 9; i++) {
              assertEquals(0f, gradient[i], "row 2");
            }
            assertTrue(gradient[0] != 0f && gradient[12] != 0f);
            optimizer.step();
          }
        }
        float[] after = embedding.weight().value().toFloatArray();
        for (int i = 0; i < after.length; i++) {
          boolean padding = i >= 6 && i < 9;
          assertEquals(padding, after[i] == 0f, "element " + i);
          assertTrue(padding || after[i] != start[i], "decay reaches every other row");
        }
        expected = expected == null ? after : expected;
        Bits.assertSame(device.toString(), expected, after);
      }
      Parameter table = new Initializer(scope, CPU, 5).normal("t", 1f, 6, 3);
      String message =
          assertThrows(IndexException.class, () -> new Embedding(table, 6)).getMessage();
      assertTrue(message.contains("Embedding t: paddingIndex is 6; allowed are 0 to 5"), message);
    }
  }

  /** One table looks rows up and is the output layer (Press and Wolf 2017). */
  @Test
  void aTiedEmbeddingHasOneGradient() {
    try (Scope scope = Scope.open()) {
      float[] expected = null;
      for (Device device : devices()) {
        Embedding embedding = Embedding.of(new Initializer(scope, device, 5), "table", 6, 3, 0.5f);
        Linear output = new Linear(embedding.weight(), null);
        assertEquals(embedding.parameters(), output.parameters());
        try (Tape tape = Tape.open(device)) {
          Tensor words = Tensor.of(tape.scope(), device, new int[] {2, 0, 2, 5}, 4);
          Tensor next = Tensor.of(tape.scope(), device, new int[] {0, 2, 5, 1}, 4);
          Var logits = output.forward(embedding.forward(tape, words));
          tape.backward(Functions.crossEntropy(logits, next));
        }
        float[] gradient = embedding.weight().gradient().toFloatArray();
        expected = expected == null ? gradient : expected;
        assertEquals(Optional.empty(), Bits.compare(expected, gradient), device.toString());
      }
    }
  }

  @Test
  void batchedProductsHaveGradientsOfTheirOwnLayout() {
    for (Device device : devices()) {
      try (Tape tape = Tape.open(device)) {
        Tensor ones = Tensor.zeros(tape.scope(), device, 2, 3, 4).fill(1f);
        Tensor b = Tensor.zeros(tape.scope(), device, 2, 5, 4).fill(2f);
        Var x = tape.input(ones);
        Var y = tape.input(b);
        Var product = Functions.matmul(x, y.transposed());
        assertEquals(8f, product.value().toFloatArray()[29]);
        tape.backward(Functions.sum(product));
        assertArrayEquals(filled(24, 10f), x.gradient().toFloatArray());
        assertEquals(b.shape(), y.gradient().shape());
        assertArrayEquals(filled(40, 3f), y.gradient().toFloatArray());
      }
    }
  }

  private static float[] filled(int n, float value) {
    float[] all = new float[n];
    Arrays.fill(all, value);
    return all;
  }

  @Test
  void badSizesAreNamed() {
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      Initializer init = new Initializer(scope, CPU, 1);
      ShapeException e = assertThrows(ShapeException.class, () -> init.uniform("w", 0, 3));
      assertEquals("w: fanIn is 0; at least 1 is needed", e.getMessage());
      Var flat = tape.constant(Tensor.zeros(scope, CPU, 2, 3));
      Var one = tape.constant(Tensor.zeros(scope, CPU));
      assertThrows(ShapeException.class, () -> Linear.of(init, "l", 4, 2).forward(flat));
      assertThrows(ShapeException.class, () -> Functions.matmul(one, flat));
      assertThrows(ShapeException.class, () -> Functions.matmul(flat, one));
      Conv2d conv = Conv2d.of(init, "c", 1, 2, 3, Geometry.of(1, 0));
      assertThrows(ShapeException.class, () -> conv.forward(flat));
      assertThrows(ShapeException.class, () -> Layers.maxPool2d(2).forward(flat));
      Parameter p = init.constant("p", 1f, 2);
      assertThrows(
          DTypeException.class,
          () -> new Parameter("t", init.constant("q", 1f, 2, 3).value().transpose()));
      assertEquals(2, p.value().elements());
    }
  }
}
