package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Dropout;
import dev.selfsame.nn.Gru;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Layer;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Lstm;
import dev.selfsame.op.Devices;
import dev.selfsame.op.GlobalNorm;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.train.LeNet;
import dev.selfsame.verify.Bits;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Replayed steps have the bits of steps that are called; what a graph can't repeat is refused. */
class ReplayTest {
  private static final int STEPS = 5;

  /** A model, its inputs and labels, trained for some steps. */
  private static final class Trained {
    final List<float[]> parameters = new ArrayList<>();
    final float[] losses = new float[STEPS];
    boolean captured;
  }

  private interface Net {
    Layer of(Initializer init);
  }

  private static Trained train(Device device, Net net, boolean replay, long... inputs) {
    Trained trained = new Trained();
    try (Scope scope = Scope.open()) {
      Layer model = net.of(new Initializer(scope, device, 11));
      AdamW optimizer = new AdamW(scope, model.parameters(), LearningRate.constant(1e-2), 0.01);
      Tensor x = Tensor.empty(scope, device, inputs);
      // One label for each row of logits: the last dimension is the features.
      int rows = inputs.length == 4 ? (int) inputs[0] : (int) (inputs[0] * inputs[1]);
      Tensor labels = Tensor.empty(scope, device, DType.I32, Shape.of(rows));
      Tensor loss = Tensor.empty(scope, device, 1);
      Runnable step =
          () -> {
            try (Tape tape = Tape.open(device)) {
              Var mean = Functions.crossEntropy(model.forward(tape.constant(x)), labels);
              tape.backward(mean);
              loss.copyFrom(mean.value());
            }
          };
      Random random = new Random(5);
      try (Replay pass = Replay.of(device, model.parameters(), step)) {
        for (int s = 0; s < STEPS; s++) {
          float[] values = new float[(int) x.elements()];
          int[] truth = new int[rows];
          for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
          }
          for (int i = 0; i < rows; i++) {
            truth[i] = random.nextInt(10);
          }
          x.copyFrom(MemorySegment.ofArray(values));
          labels.copyFrom(MemorySegment.ofArray(truth));
          if (replay) {
            pass.run();
          } else {
            step.run();
          }
          optimizer.step();
          trained.losses[s] = loss.item();
        }
        trained.captured = pass.isCaptured();
      }
      model.parameters().forEach(p -> trained.parameters.add(p.value().toFloatArray()));
    }
    return trained;
  }

  private static void check(Device device, Net net, long... inputs) {
    Trained expected = train(Devices.control(), net, false, inputs);
    Trained actual = train(device, net, true, inputs);
    assertEquals(device instanceof Device.Cuda, actual.captured);
    Bits.assertSame("losses", expected.losses, actual.losses);
    for (int p = 0; p < expected.parameters.size(); p++) {
      Bits.assertSame("parameter " + p, expected.parameters.get(p), actual.parameters.get(p));
    }
  }

  @TestFactory
  List<DynamicTest> convolutionsReplayed() {
    return eachDevice(device -> check(device, LeNet::model, 3, 1, 28, 28));
  }

  @TestFactory
  List<DynamicTest> recurrentLayersReplayed() {
    return eachDevice(device -> {
      check(device, init -> sequence(init, Lstm.of(init, "lstm", 4, 6)), 5, 3, 4);
      check(device, init -> sequence(init, Gru.of(init, "gru", 4, 6)), 5, 3, 4);
    });
  }

  private interface Check {
    void on(Device device);
  }

  private static List<DynamicTest> eachDevice(Check check) {
    return Devices.tested().stream()
        .filter(d -> d instanceof Device.Cuda || d.toString().contains("128"))
        .map(d -> DynamicTest.dynamicTest(d.toString(), () -> check.on(d)))
        .toList();
  }

  /** A recurrent layer, then logits of each step. */
  private static Layer sequence(Initializer init, Layer recurrent) {
    Linear head = Linear.of(init, "head", 6, 10);
    return new Layer() {
      @Override
      public Var forward(Var x) {
        Var states = recurrent.forward(x);
        Shape shape = states.value().shape();
        long rows = shape.size(0) * shape.size(1);
        return head.forward(Functions.reshape(states, rows, shape.size(2)));
      }

      @Override
      public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(recurrent.parameters());
        all.addAll(head.parameters());
        return all;
      }
    };
  }

  private static List<Device.Cuda> cuda() {
    return Devices.oneOfEachKind().stream()
        .filter(d -> d instanceof Device.Cuda)
        .map(d -> (Device.Cuda) d)
        .toList();
  }

  @Test
  void aBadLabelStopsAReplayBeforeItWrites() {
    for (Device device : cuda()) {
      try (Scope scope = Scope.open()) {
        Linear layer = Linear.of(new Initializer(scope, device, 1), "layer", 3, 4);
        Tensor x = Tensor.zeros(scope, device, 5, 3);
        Tensor labels = Tensor.empty(scope, device, DType.I32, Shape.of(5));
        Tensor loss = Tensor.zeros(scope, device, 1);
        labels.copyFrom(MemorySegment.ofArray(new int[5]));
        try (Replay pass =
            Replay.of(
                device,
                layer.parameters(),
                () -> {
                  try (Tape tape = Tape.open(device)) {
                    Var mean = Functions.crossEntropy(layer.forward(tape.constant(x)), labels);
                    tape.backward(mean);
                    loss.copyFrom(mean.value());
                  }
                })) {
          pass.run();
          pass.run();
          float[] before = layer.weight().gradient().toFloatArray();
          labels.copyFrom(MemorySegment.ofArray(new int[] {0, 1, 2, 4, -1}));
          loss.copyFrom(MemorySegment.ofArray(new float[] {77}));
          IndexException e = assertThrows(IndexException.class, pass::run);
          assertTrue(e.getMessage().contains("labels[3] is 4"), e.getMessage());
          assertEquals(77f, loss.item());
          assertArrayEquals(before, layer.weight().gradient().toFloatArray());
          labels.copyFrom(MemorySegment.ofArray(new int[] {0, 1, 2, 3, 3}));
          pass.run();
          assertTrue(loss.item() != 77f);
        }
      }
    }
  }

  private static void refused(Device.Cuda device, String why, Runnable work) {
    SelfsameException e =
        assertThrows(SelfsameException.class, () -> device.context().capture(work));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  @Test
  void whatAGraphCannotRepeatIsRefused() {
    for (Device.Cuda device : cuda()) {
      try (Scope scope = Scope.open()) {
        Initializer init = new Initializer(scope, device, 1);
        Linear layer = Linear.of(init, "layer", 3, 4);
        Tensor x = Tensor.zeros(scope, device, 5, 3);
        Tensor indices = Tensor.empty(scope, device, DType.I32, Shape.of(5));
        indices.copyFrom(MemorySegment.ofArray(new int[5]));
        AdamW optimizer = new AdamW(scope, layer.parameters(), LearningRate.constant(1e-2), 0);
        layer.parameters().forEach(p -> p.gradientMemory().fill(1f));
        refused(device, "an optimizer's step can't be captured", optimizer::step);
        assertEquals(0, optimizer.steps());
        Dropout dropout = new Dropout(0.5f, 1);
        dropout.train(0);
        refused(
            device,
            "dropout in training can't be captured",
            () -> {
              try (Tape tape = Tape.open(device)) {
                dropout.forward(tape.constant(x));
              }
            });
        refused(
            device,
            "labels that captured work computes",
            () -> {
              try (Tape tape = Tape.open(device)) {
                Tensor computed = Tensor.empty(tape.scope(), device, DType.I32, Shape.of(5));
                computed.copyFrom(indices);
                Functions.crossEntropy(layer.forward(tape.constant(x)), computed);
              }
            });
        // Clipping goes into a graph: its table of addresses is copied at each replay.
        Tensor norm = Tensor.zeros(scope, device, 1);
        Tensor g = layer.weight().gradient();
        try (var graph = device.context().capture(() -> GlobalNorm.clip(List.of(g), 1, norm))) {
          graph.launch();
          float clipped = g.toFloatArray()[0];
          g.fill(1f);
          graph.launch();
          assertEquals(clipped, g.toFloatArray()[0]);
          assertTrue(clipped < 1);
        }
      }
    }
  }
}
