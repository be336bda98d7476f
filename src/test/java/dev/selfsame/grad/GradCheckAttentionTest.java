package dev.selfsame.grad;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.nn.Dropout;
import dev.selfsame.nn.EncoderBlock;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.MultiHeadAttention;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Gradients of attention against central differences of the formulas in double. */
class GradCheckAttentionTest {
  private static final Device CPU = Device.vector();
  private static final int BATCH = 2;
  private static final int STEPS = 5;
  private static final int HEADS = 2;
  private static final int DIM = 3;
  private static final int WIDTH = HEADS * DIM;
  private static final int[] LENGTHS = {4, 5};

  private static float[] random(long seed, int n) {
    Random random = new Random(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  @Test
  void selfAttention() {
    for (boolean causal : new boolean[] {false, true}) {
      for (int[] lengths : new int[][] {null, LENGTHS}) {
        float[] qkv = random(1, BATCH * STEPS * 3 * WIDTH);
        float[] weights = random(2, BATCH * STEPS * WIDTH);
        float[] gradient;
        try (Scope scope = Scope.open();
            Tape tape = Tape.open(CPU)) {
          Tensor n = lengths == null ? null : Tensor.of(scope, CPU, lengths, BATCH);
          Var x = tape.input(Tensor.of(scope, CPU, qkv, BATCH, STEPS, 3 * WIDTH));
          Var y = Attending.selfAttention(x, n, HEADS, causal);
          Tensor w = Tensor.of(scope, CPU, weights, BATCH, STEPS, WIDTH);
          tape.backward(Functions.sum(Functions.multiply(y, tape.constant(w))));
          gradient = x.gradient().toFloatArray();
        }
        double[] wide = new double[qkv.length];
        for (int i = 0; i < wide.length; i++) {
          wide[i] = qkv[i];
        }
        for (int i = 0; i < wide.length; i++) {
          double h = 1e-5;
          double kept = wide[i];
          wide[i] = kept + h;
          double up = loss(wide, weights, lengths, causal);
          wide[i] = kept - h;
          double down = loss(wide, weights, lengths, causal);
          wide[i] = kept;
          assertEquals((up - down) / (2 * h), gradient[i], 2e-5, causal + " " + i);
        }
      }
    }
  }

  /** Σ w·attention(qkv), as Vaswani et al. write it, in double. */
  private static double loss(
      double[] qkv, float[] weights, int @Nullable [] lengths, boolean causal) {
    double loss = 0;
    for (int b = 0; b < BATCH; b++) {
      for (int h = 0; h < HEADS; h++) {
        for (int i = 0; i < STEPS; i++) {
          int n = lengths == null ? STEPS : lengths[b];
          n = causal ? Math.min(n, i + 1) : n;
          double[] p = new double[n];
          double sum = 0;
          for (int j = 0; j < n; j++) {
            double s = 0;
            for (int d = 0; d < DIM; d++) {
              s += qkv[at(b, i, 0, h, d)] * qkv[at(b, j, 1, h, d)];
            }
            p[j] = Math.exp(s / Math.sqrt(DIM));
            sum += p[j];
          }
          for (int j = 0; j < n; j++) {
            for (int d = 0; d < DIM; d++) {
              double w = weights[(b * STEPS + i) * WIDTH + h * DIM + d];
              loss += w * p[j] / sum * qkv[at(b, j, 2, h, d)];
            }
          }
        }
      }
    }
    return loss;
  }

  private static int at(int b, int row, int part, int h, int d) {
    return ((b * STEPS + row) * 3 + part) * WIDTH + h * DIM + d;
  }

  /** Queries, keys and values that are one variable: it gets the sum, the values' part first. */
  @Test
  void oneVariableInThreePlaces() {
    float[] values = random(3, BATCH * STEPS * WIDTH);
    try (Scope scope = Scope.open()) {
      float[] parts = new float[values.length];
      float[][] each = new float[3][];
      for (int shared = 0; shared < 2; shared++) {
        try (Tape tape = Tape.open(CPU)) {
          Tensor t = Tensor.of(scope, CPU, values, BATCH, STEPS, WIDTH);
          Var q = tape.input(t);
          Var k = shared == 1 ? q : tape.input(t);
          Var v = shared == 1 ? q : tape.input(t);
          tape.backward(Functions.sum(Attending.attention(q, k, v, null, HEADS, false)));
          if (shared == 1) {
            parts = q.gradient().toFloatArray();
          } else {
            each =
                new float[][] {
                  q.gradient().toFloatArray(),
                  k.gradient().toFloatArray(),
                  v.gradient().toFloatArray()
                };
          }
        }
      }
      for (int i = 0; i < parts.length; i++) {
        assertEquals(each[2][i] + each[1][i] + each[0][i], parts[i], 0f);
      }
    }
  }

  /** The block's parameters against differences in float, as for the recurrent layers. */
  @Test
  void encoderBlockTwice() {
    try (Scope scope = Scope.open()) {
      Initializer init = new Initializer(scope, CPU, 4);
      EncoderBlock block = EncoderBlock.of(init, "block", WIDTH, HEADS, 8, new Dropout(0f, 1));
      Tensor lengths = Tensor.of(scope, CPU, LENGTHS, BATCH);
      Tensor x = Tensor.of(scope, CPU, random(5, BATCH * STEPS * WIDTH), BATCH, STEPS, WIDTH);
      Tensor w = Tensor.of(scope, CPU, random(6, BATCH * STEPS * WIDTH), BATCH, STEPS, WIDTH);
      blockLoss(block, x, lengths, w, true);
      float step = 0x1p-6f;
      for (Parameter p : block.parameters()) {
        float[] start = p.value().toFloatArray();
        float[] gradient = p.gradient().toFloatArray();
        for (int i = 0; i < start.length; i += 3) {
          double[] losses = new double[2];
          for (int side = 0; side < 2; side++) {
            float[] moved = start.clone();
            moved[i] += side == 0 ? step : -step;
            p.value().copyFrom(Tensor.of(scope, CPU, moved, p.value().shape().sizes()));
            losses[side] = blockLoss(block, x, lengths, w, false);
          }
          p.value().copyFrom(Tensor.of(scope, CPU, start, p.value().shape().sizes()));
          double slope = (losses[0] - losses[1]) / (2 * step);
          assertEquals(slope, gradient[i], 0.03, p.name() + " " + i);
        }
      }
    }
  }

  private static double blockLoss(
      EncoderBlock block, Tensor x, Tensor lengths, Tensor w, boolean backward) {
    try (Tape tape = Tape.open(CPU)) {
      Var y = block.forward(block.forward(tape.constant(x), lengths), lengths);
      Var loss = Functions.sum(Functions.multiply(y, tape.constant(w)));
      if (backward) {
        tape.backward(loss);
      }
      return loss.value().item();
    }
  }

  @Test
  void layersRefuseWhatDoesNotFit() {
    try (Scope scope = Scope.open();
        Tape tape = Tape.open(CPU)) {
      Initializer init = new Initializer(scope, CPU, 4);
      var e =
          assertThrows(ShapeException.class, () -> MultiHeadAttention.of(init, "a", 10, 3, false));
      assertTrue(e.getMessage().contains("a divisor of the width 10"), e.getMessage());
      MultiHeadAttention layer = MultiHeadAttention.of(init, "a", 10, 2, true);
      Var flat = tape.constant(Tensor.zeros(scope, CPU, 4, 10));
      e = assertThrows(ShapeException.class, () -> layer.forward(flat));
      assertTrue(e.getMessage().contains("[B, T, E] is needed"), e.getMessage());
    }
  }
}
