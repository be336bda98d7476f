package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.cuda.PinnedBuffer;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Embedding;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Linear;
import dev.selfsame.op.Devices;
import dev.selfsame.op.ScatterAdd;
import dev.selfsame.op.Sums;
import dev.selfsame.optim.AdamW;
import dev.selfsame.optim.LearningRate;
import dev.selfsame.verify.Bits;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Embeddings are trained by replays: one graph, other indices at each replay, however many rows
 * they reach and however many terms a row receives.
 */
class EmbeddingReplayTest {
  private static final int ROWS = 41;
  private static final int WIDTH = 8;

  /** What a step's indices are like; each step takes the next. */
  private static final List<String> KINDS = List.of("uniform", "all the same", "two rows", "last");

  private static int[] indices(int step, int n) {
    Random random = new Random(step);
    int[] indices = new int[n];
    switch (KINDS.get(step % KINDS.size())) {
      case "uniform" -> Arrays.setAll(indices, i -> random.nextInt(ROWS));
      case "all the same" -> Arrays.fill(indices, 3);
      case "two rows" -> Arrays.setAll(indices, i -> i % 3 == 0 ? 0 : 7);
      default -> Arrays.fill(indices, ROWS - 1);
    }
    return indices;
  }

  /** Weights after some steps on n indices, and each step's loss. */
  private static List<float[]> train(Device device, int n, boolean padded, boolean replayed) {
    List<float[]> results = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Initializer init = new Initializer(scope, device, 2);
      Embedding table =
          padded
              ? Embedding.of(init, "table", ROWS, WIDTH, 1, 3)
              : Embedding.of(init, "table", ROWS, WIDTH, 1);
      Linear head = Linear.of(init, "head", WIDTH, 5);
      List<Parameter> parameters = new ArrayList<>(table.parameters());
      parameters.addAll(head.parameters());
      AdamW optimizer = new AdamW(scope, parameters, LearningRate.constant(1e-2), 0.01);
      Tensor at = Tensor.empty(scope, device, DType.I32, Shape.of(n));
      Tensor labels = Tensor.empty(scope, device, DType.I32, Shape.of(n));
      int[] truth = new int[n];
      Arrays.setAll(truth, i -> i % 5);
      labels.copyFrom(MemorySegment.ofArray(truth));
      Tensor loss = Tensor.empty(scope, device, 1);
      Runnable step =
          () -> {
            try (Tape tape = Tape.open(device)) {
              Var mean = Functions.crossEntropy(head.forward(table.forward(tape, at)), labels);
              tape.backward(mean);
              loss.copyFrom(mean.value());
            }
          };
      try (Replay pass = Replay.of(device, parameters, step)) {
        for (int s = 0; s < 2 + KINDS.size(); s++) {
          at.copyFrom(MemorySegment.ofArray(indices(s, n)));
          if (replayed) {
            pass.run();
          } else {
            step.run();
          }
          optimizer.step();
          results.add(loss.toFloatArray());
        }
        assertEquals(replayed && device instanceof Device.Cuda, pass.isCaptured());
      }
      parameters.forEach(p -> results.add(p.value().toFloatArray()));
    }
    return results;
  }

  @TestFactory
  List<DynamicTest> replaysHaveTheBitsOfCalls() {
    return Devices.tested().stream()
        .filter(d -> d instanceof Device.Cuda)
        .map(d ->
            DynamicTest.dynamicTest(
                d.toString(),
                () -> {
                  // Runs of 32: one run, some, and three levels of the tree.
                  for (int n : new int[] {1, 32, 33, 1100}) {
                    for (boolean padded : new boolean[] {false, true}) {
                      List<float[]> expected = train(Devices.control(), n, padded, false);
                      List<float[]> actual = train(d, n, padded, true);
                      for (int i = 0; i < expected.size(); i++) {
                        Bits.assertSame(
                            n + " indices, result " + i, expected.get(i), actual.get(i));
                      }
                    }
                  }
                }))
        .toList();
  }

  @Test
  void stepsWithTheirInputsInAPinnedBuffer() {
    for (Device device : Devices.oneOfEachKind()) {
      if (!(device instanceof Device.Cuda cuda)) {
        continue;
      }
      try (Scope scope = Scope.open();
          PinnedBuffer input = cuda.context().pinned(4 * 4)) {
        Tensor x = Tensor.zeros(scope, device, 4);
        Tensor sum = Tensor.zeros(scope, device, 1);
        Runnable step =
            () -> {
              x.copyFrom(input);
              Sums.sum(x, sum);
            };
        try (Replay pass = Replay.of(device, List.of(), step)) {
          for (int s = 0; s < 4; s++) {
            input.segment().copyFrom(MemorySegment.ofArray(new float[] {s, 1, 2, 3}));
            pass.run();
            assertEquals(6f + s, sum.item()); // waits, so the buffer may be written again
          }
          assertTrue(pass.isCaptured());
        }
        Tensor host = Tensor.zeros(scope, Device.scalar(), 4);
        assertThrows(DeviceException.class, () -> host.copyFrom(input));
        Tensor other = Tensor.zeros(scope, device, 5).fill(7f);
        assertThrows(SelfsameException.class, () -> other.copyFrom(input));
        assertEquals(7f, other.toFloatArray()[0]);
      }
    }
  }

  @Test
  void aBadIndexStopsAReplayBeforeItWrites() {
    for (Device device : Devices.oneOfEachKind()) {
      if (!(device instanceof Device.Cuda cuda)) {
        continue;
      }
      try (Scope scope = Scope.open()) {
        Tensor src = Tensor.of(scope, device, new float[40 * 4], 40, 4).fill(1f);
        Tensor dst = Tensor.zeros(scope, device, ROWS, 4);
        Tensor at = Tensor.empty(scope, device, DType.I32, Shape.of(40));
        at.copyFrom(MemorySegment.ofArray(new int[40]));
        try (var graph = cuda.context().capture(() -> ScatterAdd.scatterAdd(src, at, dst))) {
          graph.launch();
          assertEquals(40f, dst.toFloatArray()[0]);
          float[] before = dst.toFloatArray();
          int[] bad = new int[40];
          bad[17] = ROWS;
          at.copyFrom(MemorySegment.ofArray(bad));
          IndexException e = assertThrows(IndexException.class, graph::launch);
          assertTrue(e.getMessage().contains("indices[17] is " + ROWS), e.getMessage());
          assertArrayEquals(before, dst.toFloatArray());
          at.copyFrom(MemorySegment.ofArray(indices(0, 40)));
          graph.launch();
          assertTrue(!Arrays.equals(before, dst.toFloatArray()), "a good replay writes again");
        }
        SelfsameException e =
            assertThrows(
                SelfsameException.class,
                () ->
                    cuda.context()
                        .capture(() -> {
                          try (Scope inner = Scope.open()) {
                            Tensor computed = Tensor.empty(inner, device, DType.I32, Shape.of(40));
                            computed.copyFrom(at);
                            ScatterAdd.scatterAdd(src, computed, dst);
                          }
                        }));
        assertTrue(e.getMessage().contains("that captured work computes"), e.getMessage());
      }
    }
  }
}
