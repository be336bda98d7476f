package dev.selfsame.study;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Philox;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Conv2d;
import dev.selfsame.nn.Embedding;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Linear;
import dev.selfsame.nn.Rnn;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.CrossEntropy;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.LocallyConnected2d;
import dev.selfsame.op.ScatterAdd;
import dev.selfsame.op.Sums;
import dev.selfsame.op.Unary;
import java.util.ArrayList;
import java.util.List;

/** Models that share a parameter, and its gradient once more, use by use (GradientSumStudy). */
final class SharedUses {
  private final Scope scope;
  private final Study.Settings settings;
  private final Device device;
  private final Initializer init;
  private final int width;
  private long stream = 30;

  SharedUses(Scope scope, Study.Settings settings) {
    this.scope = scope;
    this.settings = settings;
    device = settings.device();
    init = new Initializer(scope, device, settings.seed());
    width = settings.quick() ? 12 : 64;
  }

  private Tensor normal(long... sizes) {
    return Figures.normal(scope, settings, stream++, sizes);
  }

  private Tensor empty(long... sizes) {
    return Tensor.empty(scope, device, sizes);
  }

  /** A loss that gives {@code y} the gradient {@code dy}: the sum of their products. */
  private static Var weighted(Var y, Tensor dy) {
    return Functions.sum(Functions.multiply(y, y.tape().constant(dy)));
  }

  /** One layer on several inputs, as in a siamese network. */
  GradientSumStudy.Sum branches(int count) {
    Parameter w = init.uniform("branch.weight", width, width, width);
    Linear shared = new Linear(w, null);
    List<Tensor> inputs = new ArrayList<>();
    List<Tensor> gradients = new ArrayList<>();
    List<Tensor> own = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      inputs.add(normal(width / 2, width));
      gradients.add(normal(width / 2, width));
      own.add(empty(width, width));
    }
    try (Tape tape = Tape.open(device)) {
      Var loss = weighted(shared.forward(tape.constant(inputs.getFirst())), gradients.getFirst());
      for (int i = 1; i < count; i++) {
        Var y = shared.forward(tape.constant(inputs.get(i)));
        loss = Functions.add(loss, weighted(y, gradients.get(i)));
      }
      tape.backward(loss);
    }
    for (int i = 0; i < count; i++) {
      Gemm.gemm(gradients.get(i).transpose(), inputs.get(i), own.get(i));
    }
    return new GradientSumStudy.Sum(
        count == 2 ? "siamese" : count + " branches",
        count,
        w.gradient().toFloatArray(),
        "last branch first",
        fold(own.reversed()),
        "first branch first",
        fold(own),
        count > 2);
  }

  private float[] fold(List<Tensor> terms) {
    Tensor sum = empty(terms.getFirst().shape().sizes()).copyFrom(terms.getFirst());
    for (Tensor term : terms.subList(1, terms.size())) {
      Elementwise.binary(Binary.ADD, sum, term, sum);
    }
    return sum.toFloatArray();
  }

  /** The recurrent weight of a simple recurrent layer. */
  GradientSumStudy.Sum recurrent() {
    int steps = width / 2;
    int batch = 4;
    Rnn layer = Rnn.of(init, "rnn", width, width);
    Parameter recurrent = layer.parameters().get(1);
    Tensor x = normal(steps, batch, width);
    Tensor dy = normal(steps, batch, width);
    // The states that each step began with, [T, B, H]: zeros, then all but the last.
    Tensor before = Tensor.zeros(scope, device, steps, batch, width);
    Tensor states = empty(steps, batch, width);
    try (Tape tape = Tape.open(device)) {
      Var y = layer.forward(tape.constant(x));
      states.copyFrom(y.value());
      before.slice(1, steps).copyFrom(states.slice(0, steps - 1));
      tape.backward(weighted(y, dy));
    }
    Tensor inside = empty(steps, batch, width);
    Tensor carried = Tensor.zeros(scope, device, batch, width);
    List<Tensor> own = new ArrayList<>();
    for (int t = steps - 1; t >= 0; t--) {
      Tensor d = at(inside, t);
      Elementwise.binary(Binary.ADD, at(dy, t), carried, d);
      Elementwise.gradient(Unary.TANH, at(states, t), at(states, t), d, d);
      Gemm.gemm(d, recurrent.value(), carried);
      Tensor of = empty(width, width);
      Gemm.gemm(d.transpose(), at(before, t), of);
      own.add(of);
    }
    Tensor all = empty(width, width);
    Gemm.gemm(
        inside.reshape(steps * batch, width).transpose(),
        before.reshape(steps * batch, width),
        all);
    return new GradientSumStudy.Sum(
        "recurrent",
        steps,
        recurrent.gradient().toFloatArray(),
        "one contraction over steps and samples",
        all.toFloatArray(),
        "step by step, last first",
        fold(own),
        true);
  }

  private static Tensor at(Tensor t, long step) {
    return t.slice(step, step + 1).reshape(t.size(1), t.size(2));
  }

  /** A table that is looked up and is the output layer, too. */
  GradientSumStudy.Sum tiedEmbedding() {
    int rows = 3 * width;
    int words = 6 * width;
    Embedding table = Embedding.of(init, "embedding", rows, width, 0.1f);
    Linear output = new Linear(table.weight(), null);
    Tensor indices = draw(words, rows);
    Tensor next = draw(words, rows);
    Tensor e = table.weight().value();
    Tensor looked = empty(words, width);
    Tensor logits = empty(words, rows);
    try (Tape tape = Tape.open(device)) {
      Var h = table.forward(tape, indices);
      Var y = output.forward(h);
      looked.copyFrom(h.value());
      logits.copyFrom(y.value());
      tape.backward(Functions.crossEntropy(y, next));
    }
    Tensor dlogits = empty(words, rows);
    CrossEntropy.gradient(logits, next, 1f, dlogits);
    Tensor stated = empty(rows, width);
    Gemm.gemm(dlogits.transpose(), looked, stated);
    Tensor oneByOne = empty(rows, width).copyFrom(stated);
    Tensor dlooked = empty(words, width);
    Gemm.gemm(dlogits, e, dlooked);
    ScatterAdd.scatterAdd(dlooked, indices, stated);
    for (int i = 0; i < words; i++) {
      ScatterAdd.scatterAdd(dlooked.slice(i, i + 1), indices.slice(i, i + 1), oneByOne);
    }
    return new GradientSumStudy.Sum(
        "tied embedding",
        words + 1,
        table.weight().gradient().toFloatArray(),
        "output layer, then run sums by row",
        stated.toFloatArray(),
        "output layer, then word by word",
        oneByOne.toFloatArray(),
        true);
  }

  private Tensor draw(int n, int below) {
    int[] indices = new int[n];
    for (int i = 0; i < n; i++) {
      indices[i] = (int) (Philox.uniform(settings.seed(), stream, i) * below);
    }
    stream++;
    return Tensor.of(scope, device, indices, n);
  }

  /** A filter at all positions of an image. */
  GradientSumStudy.Sum convolution() {
    int side = width / 2 + 2;
    int out = side - 2;
    int channels = 2;
    int filters = width / 4;
    int taps = channels * 9;
    Conv2d layer =
        new Conv2d(init.uniform("conv", taps, filters, channels, 3, 3), null, Geometry.of(1, 0));
    float[] image = normal(1, channels, side, side).toFloatArray();
    Tensor x = Tensor.of(scope, device, image, 1, channels, side, side);
    Tensor dy = normal(1, filters, out, out);
    try (Tape tape = Tape.open(device)) {
      tape.backward(weighted(layer.forward(tape.constant(x)), dy));
    }
    float[] windows = windows(image, channels, side);
    Tensor seen = Tensor.of(scope, device, windows, out * out, taps);
    Tensor byFilter = dy.reshape(filters, out * out);
    Tensor stated = empty(filters, taps);
    Gemm.gemm(byFilter, seen, stated);
    // Each position's own gradient, one product a weight; then the sum of the positions.
    Tensor own = empty(filters, channels, 3, 3, out, out);
    LocallyConnected2d.weightGradient(x, dy, Geometry.of(1, 0), own);
    Tensor sums = empty((long) filters * taps);
    Sums.rows(own.reshape((long) filters * taps, (long) out * out), sums);
    return new GradientSumStudy.Sum(
        "convolution",
        (long) out * out,
        layer.parameters().getFirst().gradient().toFloatArray(),
        "one contraction over positions",
        stated.toFloatArray(),
        "own filters' gradients, summed as a tree",
        sums.toFloatArray(),
        true);
  }

  /** The 3×3 windows of an image [C, side, side], [P·Q, C·9]. */
  private static float[] windows(float[] image, int channels, int side) {
    int out = side - 2;
    int taps = channels * 9;
    float[] windows = new float[out * out * taps];
    for (int i = 0; i < windows.length; i++) {
      int row = i / taps / out + i % 9 / 3;
      int column = i / taps % out + i % 3;
      windows[i] = image[(i % taps / 9 * side + row) * side + column];
    }
    return windows;
  }
}
