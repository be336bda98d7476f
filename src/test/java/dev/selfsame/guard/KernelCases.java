package dev.selfsame.guard;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.Lanes;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.nn.Gru;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.Lstm;
import dev.selfsame.nn.RecurrentLayer;
import dev.selfsame.nn.Rnn;
import dev.selfsame.op.Activation;
import dev.selfsame.op.AdamW;
import dev.selfsame.op.Attention;
import dev.selfsame.op.BatchNorm;
import dev.selfsame.op.Bias;
import dev.selfsame.op.Binary;
import dev.selfsame.op.ContrastiveLoss;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.CrossEntropy;
import dev.selfsame.op.Dropout;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gather;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.GlobalNorm;
import dev.selfsame.op.KlDivergence;
import dev.selfsame.op.LayerNorm;
import dev.selfsame.op.LocallyConnected2d;
import dev.selfsame.op.Pool2d;
import dev.selfsame.op.ScatterAdd;
import dev.selfsame.op.Sgd;
import dev.selfsame.op.Softmax;
import dev.selfsame.op.SquaredDistance;
import dev.selfsame.op.Sums;
import dev.selfsame.op.Unary;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Calls that between them run every loop over vectors in package {@code cpu}, at sizes where each
 * loop goes round thousands of times a call: one boxed vector in it would be seen.
 */
final class KernelCases {
  /**
   * One call on one thread.
   *
   * @param group cases that run in one JVM
   * @param name operation and shape
   * @param budget bytes on the Java heap that a call may take for its plan
   * @param call the operation
   */
  record Case(String group, String name, long budget, Runnable call) {}

  /**
   * For checks, tasks, sizes and the cut into pieces, where C2 does not inline what makes an object
   * of some bytes for each piece; far below one object for each vector. {@link CallCases} has
   * narrower bounds.
   */
  private static final long SMALL = 8_192;

  /** For a pass over a sequence: a tape, and views for each step. */
  private static final long PASS = 150_000;

  /** Each has a JVM of its own. */
  static final List<String> GROUPS =
      List.of(
          "convolutions",
          "products",
          "elementwise",
          "rows",
          "norms",
          "sequences",
          "pools",
          "sums",
          "tables",
          "updates",
          CallCases.GROUP,
          KernelControls.GROUP);

  private final Scope scope;
  private final Device device;
  private final String wanted;
  private final Random random = new Random(7);
  private final List<Case> cases = new ArrayList<>();
  private String group = "";

  private KernelCases(Scope scope, Device device, String wanted) {
    this.scope = scope;
    this.device = device;
    this.wanted = wanted;
  }

  /** The cases of a group, or all to find one among them; their tensors live in the scope. */
  static List<Case> of(Scope scope, Device device, String wanted) {
    KernelCases all = new KernelCases(scope, device, wanted);
    all.group("convolutions", all::convolutions);
    all.group("convolutions", all::narrowConvolutions);
    all.group("convolutions", all::locallyConnected);
    all.group("products", all::products);
    all.group("products", all::sixteenRegisters);
    all.group("elementwise", all::elementwise);
    all.group("rows", all::rows);
    all.group("norms", all::layerNorms);
    all.group("norms", all::batchNorms);
    all.group("sequences", all::sequences);
    all.group("pools", all::pools);
    all.group("sums", all::sums);
    all.group("tables", all::tables);
    all.group("updates", all::updates);
    all.group(CallCases.GROUP, () -> all.cases.addAll(CallCases.of(scope, device)));
    all.cases.addAll(KernelControls.cases());
    return all.cases;
  }

  private void group(String name, Runnable cases) {
    if (!GROUPS.contains(wanted) || wanted.equals(name)) {
      group = name;
      cases.run();
    }
  }

  private void add(String name, Runnable call) {
    add(name, SMALL, call);
  }

  private void add(String name, long budget, Runnable call) {
    cases.add(new Case(group, name, budget, call));
  }

  private Tensor values(long... sizes) {
    Tensor t = Tensor.empty(scope, device, sizes);
    float[] v = new float[Math.toIntExact(t.elements())];
    for (int i = 0; i < v.length; i++) {
      v[i] = 0.1f + random.nextFloat();
    }
    return t.copyFrom(MemorySegment.ofArray(v));
  }

  private Tensor indices(int count, int bound) {
    int[] v = new int[count];
    for (int i = 0; i < count; i++) {
      v[i] = random.nextInt(bound);
    }
    return Tensor.of(scope, device, v, count);
  }

  private void convolutions() {
    Conv2d.Geometry same = Conv2d.Geometry.of(1, 1);
    convolution("3x3", 1, 32, 28, 24, 3, same);
    convolution("3x3 on 7x7", 4, 24, 7, 32, 3, same);
    convolution("3x3 to 8", 2, 6, 14, 8, 3, same);
    convolution("3x3 to 4", 2, 6, 14, 4, 3, same);
    // In some processes a slice of 40 bytes for each of up to 1,200 calls of its tile.
    convolution("3x3 of a wide image", SMALL + 48_000, 1, 64, 56, 24, 3, same);
    convolution("3x3 stride 2", 1, 16, 28, 24, 3, Conv2d.Geometry.of(2, 1));
    convolution("3x3 stride 2, wide", 2, 80, 14, 72, 3, Conv2d.Geometry.of(2, 1));
    convolution("4x4 stride 2", 2, 40, 14, 24, 4, Conv2d.Geometry.of(2, 1));
    convolution("7x7 stride 2", 1, 3, 56, 16, 7, Conv2d.Geometry.of(2, 3));
    convolution("5x5 of LeNet", 8, 1, 28, 6, 5, Conv2d.Geometry.of(1, 2));
    convolution("5x5 of LeNet, second", 8, 6, 14, 16, 5, Conv2d.Geometry.of(1, 0));
    convolution("5x5 of LeNet, many images", 32, 6, 14, 16, 5, Conv2d.Geometry.of(1, 0));
    convolution("1x1", 1, 64, 14, 48, 1, Conv2d.Geometry.of(1, 0));
    convolution("1x1 stride 2", 1, 64, 14, 48, 1, Conv2d.Geometry.of(2, 0));
    convolution("1x1 deep", 1, 640, 7, 32, 1, Conv2d.Geometry.of(1, 0));
    convolution("depthwise", 1, 32, 28, 32, 3, same.withGroups(32));
    convolution("depthwise stride 2", 1, 32, 28, 32, 3, Conv2d.Geometry.of(2, 1).withGroups(32));
  }

  private void convolution(
      String name, int n, int c, int size, int k, int kernel, Conv2d.Geometry g) {
    convolution(name, SMALL, n, c, size, k, kernel, g);
  }

  private void convolution(
      String name, long budget, int n, int c, int size, int k, int kernel, Conv2d.Geometry g) {
    Tensor x = values(n, c, size, size);
    Tensor w = values(k, c / g.groups(), kernel, kernel);
    Tensor bias = values(k);
    long p = g.outputHeight(size, kernel);
    Tensor y = values(n, k, p, p);
    Tensor dx = values(n, c, size, size);
    Tensor dw = values(k, c / g.groups(), kernel, kernel);
    add("conv2d forward " + name, budget, () -> Conv2d.forward(x, w, bias, Activation.RELU, g, y));
    add("conv2d data gradient " + name, budget, () -> Conv2d.dataGradient(y, w, g, dx));
    add("conv2d weight gradient " + name, budget, () -> Conv2d.weightGradient(x, y, g, dw));
  }

  private void locallyConnected() {
    locallyConnected("5x5 of LeNet", 12, 1, 28, 6, 5, Conv2d.Geometry.of(1, 2));
    locallyConnected("5x5 of LeNet, second", 12, 6, 14, 16, 5, Conv2d.Geometry.of(1, 0));
    locallyConnected("5x5 of few samples", 6, 6, 21, 8, 5, Conv2d.Geometry.of(1, 2));
    locallyConnected("3x3 stride 2", 6, 8, 27, 7, 3, Conv2d.Geometry.of(2, 1));
    locallyConnected("3x3 on 2x2", 64, 24, 2, 32, 3, Conv2d.Geometry.of(1, 1));
  }

  private void locallyConnected(
      String name, int n, int c, int size, int k, int kernel, Conv2d.Geometry g) {
    long p = g.outputHeight(size, kernel);
    Tensor x = values(n, c, size, size);
    Tensor w = values(k, c, kernel, kernel, p, p);
    Tensor bias = values(k, p, p);
    Tensor y = values(n, k, p, p);
    Tensor dx = values(n, c, size, size);
    Tensor dw = values(k, c, kernel, kernel, p, p);
    String op = "locallyConnected2d ";
    add(
        op + "forward " + name,
        () -> LocallyConnected2d.forward(x, w, bias, Activation.RELU, g, y));
    add(op + "data gradient " + name, () -> LocallyConnected2d.dataGradient(y, w, g, dx));
    add(op + "weight gradient " + name, () -> LocallyConnected2d.weightGradient(x, y, g, dw));
  }

  /** The tile of 256 bits, on machines that have more. */
  private void sixteenRegisters() {
    if (Lanes.preferredBits() > 256) {
      var narrow = new KernelCases(scope, Device.vector(256, 1), wanted);
      narrow.group = group;
      narrow.product("256 bits, ", 96, 64, 1201, false, false);
      cases.addAll(narrow.cases);
    }
  }

  /** Windows, pixels and tiles of 256 bits: their vectors are in the profiles, too. */
  private void narrowConvolutions() {
    if (Lanes.preferredBits() > 256) {
      var narrow = new KernelCases(scope, Device.vector(256, 1), wanted);
      narrow.group = group;
      narrow.convolution("3x3, 256 bits", 1, 32, 28, 24, 3, Conv2d.Geometry.of(1, 1));
      narrow.convolution("3x3 on 7x7, 256 bits", 4, 24, 7, 32, 3, Conv2d.Geometry.of(1, 1));
      cases.addAll(narrow.cases);
    }
  }

  private void products() {
    for (int m : new int[] {4, 6, 8, 12, 100}) {
      product("", m, 256, 128, false, false);
    }
    product("narrow ", 96, 12, 256, false, false);
    product("narrow ", 6, 12, 256, false, false);
    product("deep ", 48, 64, 1200, false, false);
    product("a' ", 96, 96, 96, true, false);
    product("b' ", 96, 96, 96, false, true);
    product("a'b' ", 96, 96, 96, true, true);
    product("blocks ", 200, 300, 600, false, false);
    product("a' in sweeps ", 520, 96, 520, true, false);
  }

  private void product(String name, int m, int n, int k, boolean ta, boolean tb) {
    Tensor a = ta ? values(k, m).transpose() : values(m, k);
    Tensor b = tb ? values(n, k).transpose() : values(k, n);
    Tensor bias = values(n);
    Tensor out = values(m, n);
    add("gemm " + name + m + "x" + n + "x" + k, () -> Gemm.gemm(a, b, bias, Activation.RELU, out));
  }

  private void elementwise() {
    Tensor x = values(40_003);
    Tensor y = values(40_003);
    Tensor dy = values(40_003);
    Tensor dx = values(40_003);
    // Past the ends of every fast path: the slower ways have loops of their own.
    Tensor far = values(40_003);
    Elementwise.scale(far, 1e30f, far);
    for (Unary f : Unary.values()) {
      String name = f.name().toLowerCase(Locale.ROOT);
      add(name, () -> Elementwise.unary(f, x, y));
      add(name + " of far values", () -> Elementwise.unary(f, far, y));
      add(name + " gradient", () -> Elementwise.gradient(f, x, y, dy, dx));
    }
    add("gelu gradient of far values", () -> Elementwise.gradient(Unary.GELU, far, y, dy, dx));
    for (Binary f : Binary.values()) {
      add(f.name().toLowerCase(Locale.ROOT), () -> Elementwise.binary(f, x, y, dx));
    }
    add("scale", () -> Elementwise.scale(x, 0.5f, dx));
    add("fma", () -> Elementwise.fma(x, 0.5f, dy, dx));
    Tensor planes = values(8, 16, 15, 15);
    Tensor rows = values(300, 130);
    Tensor b16 = values(16);
    Tensor b130 = values(130);
    Tensor toPlanes = values(8, 16, 15, 15);
    Tensor toRows = values(300, 130);
    add("bias of planes", () -> Bias.add(planes, b16, toPlanes));
    add("bias of rows", () -> Bias.add(rows, b130, toRows));
    add("bias gradient of planes", () -> Bias.gradient(planes, b16));
    add("bias gradient of rows", () -> Bias.gradient(rows, b130));
  }

  private void rows() {
    for (int columns : new int[] {10, 50, 700, 2500}) {
      int count = 50_000 / columns;
      Tensor x = values(count, columns);
      Tensor y = values(count, columns);
      Tensor dy = values(count, columns);
      Tensor dx = values(count, columns);
      Tensor labels = indices(count, columns);
      Tensor losses = values(count);
      Tensor loss = values(1);
      String of = " of " + count + " x " + columns;
      add("softmax" + of, () -> Softmax.softmax(x, y));
      add("softmax gradient" + of, () -> Softmax.softmaxGradient(y, dy, dx));
      add("log softmax" + of, () -> Softmax.logSoftmax(x, y));
      add("log softmax gradient" + of, () -> Softmax.logSoftmaxGradient(y, dy, dx));
      add("cross entropy" + of, () -> CrossEntropy.forward(x, labels, losses, loss));
      add("cross entropy gradient" + of, () -> CrossEntropy.gradient(x, labels, 1f, dx));
      add("divergence" + of, () -> KlDivergence.forward(x, y, 2f, losses, loss));
      add("divergence gradient" + of, () -> KlDivergence.gradient(x, y, 2f, 1f, dx));
      Tensor kinds = indices(count, 2);
      Tensor distances = values(count);
      add(
          "contrastive loss" + of,
          () -> ContrastiveLoss.forward(x, y, kinds, 10f, distances, losses, loss));
      add(
          "contrastive loss gradient" + of,
          () -> ContrastiveLoss.gradient(x, y, kinds, 10f, distances, 1f, dx, dy));
    }
  }

  private void layerNorms() {
    for (int columns : new int[] {64, 300, 2500}) {
      int count = 50_000 / columns;
      Tensor x = values(count, columns);
      Tensor y = values(count, columns);
      Tensor dx = values(count, columns);
      Tensor gamma = values(columns);
      Tensor beta = values(columns);
      Tensor mean = values(count);
      Tensor rstd = values(count);
      Tensor dgamma = values(columns);
      Tensor dbeta = values(columns);
      String of = " of " + count + " x " + columns;
      add("layer norm" + of, () -> LayerNorm.forward(x, gamma, beta, 1e-5f, y, mean, rstd));
      add(
          "layer norm gradient" + of,
          () -> LayerNorm.gradient(y, x, gamma, mean, rstd, dx, dgamma, dbeta));
    }
  }

  private void batchNorms() {
    Tensor x = values(8, 16, 15, 15);
    Tensor y = values(8, 16, 15, 15);
    Tensor dx = values(8, 16, 15, 15);
    Tensor gamma = values(16);
    Tensor beta = values(16);
    Tensor mean = values(16);
    Tensor rstd = values(16);
    Tensor dgamma = values(16);
    Tensor dbeta = values(16);
    add("batch norm", () -> BatchNorm.forward(x, gamma, beta, 1e-5f, null, y, mean, rstd));
    add("batch norm, evaluation", () -> BatchNorm.evaluate(x, gamma, beta, 1e-5f, mean, rstd, y));
    add(
        "batch norm gradient",
        () -> BatchNorm.gradient(y, x, gamma, mean, rstd, dx, dgamma, dbeta));
  }

  /** Whole passes: what the tape and the steps' views take is counted, too. */
  private void sequences() {
    Initializer init = new Initializer(scope, device, 7);
    for (RecurrentLayer layer :
        List.of(
            Lstm.of(init, "lstm", 20, 80),
            Gru.of(init, "gru", 20, 80),
            Rnn.of(init, "rnn", 20, 80))) {
      recurrent(layer.getClass().getSimpleName(), layer, values(6, 32, 20));
    }
    // Products of one row, which no case before these has.
    Rnn one = Rnn.of(init, "one", 20, 160);
    recurrent("Rnn of one sample", one, values(16, 1, 20));
    manySteps();
    attention(false);
    attention(true);
    Tensor x = values(40_003);
    Tensor y = values(40_003);
    Dropout.Mask mask = new Dropout.Mask(0.5f, 7, 1, 0);
    add("dropout", () -> Dropout.dropout(x, mask, y));
  }

  /** So many steps that an object or two for each would be above what a call may take. */
  private void manySteps() {
    Tensor x = values(100, 8, 20);
    Tensor wIh = values(4 * 64, 20);
    Tensor wHh = values(4 * 64, 64);
    Tensor bias = values(4 * 64);
    Tensor h = values(101, 8, 64);
    Tensor c = values(101, 8, 64);
    Tensor gates = values(100, 8, 4 * 64);
    Tensor dy = values(100, 8, 64);
    Tensor dwHh = values(4 * 64, 64);
    Tensor few = values(100, 8, 2);
    Tensor wFew = values(4 * 64, 2);
    add("LSTM of 100 steps", () -> dev.selfsame.op.Lstm.forward(x, wIh, wHh, bias, h, c, gates));
    add(
        "LSTM of 100 steps, few inputs",
        () -> dev.selfsame.op.Lstm.forward(few, wFew, wHh, bias, h, c, gates));
    add(
        "LSTM of 100 steps, gradient",
        () ->
            dev.selfsame.op.Lstm.gradient(
                dy, x, wIh, wHh, h, c, gates, null, null, dwHh, null, null, null));
  }

  private void recurrent(String name, RecurrentLayer layer, Tensor x) {
    add(
        name + " forward and backward",
        PASS,
        () -> {
          try (Tape tape = Tape.open(device)) {
            tape.backward(Functions.sum(layer.forward(tape.constant(x))));
            layer.parameters().forEach(Parameter::clearGradient);
          }
        });
  }

  private void attention(boolean causal) {
    Tensor qkv = values(2, 100, 3 * 2 * 40);
    Tensor out = values(2, 100, 2 * 40);
    Tensor dout = values(2, 100, 2 * 40);
    Tensor statistics = values(2, 2, 2, 100);
    Tensor dqkv = values(2, 100, 3 * 2 * 40);
    String name = causal ? "causal attention" : "attention";
    add(name, () -> Attention.forward(qkv, null, 2, causal, out, statistics));
    add(
        name + " gradient",
        () -> Attention.gradient(dout, qkv, null, 2, causal, out, statistics, dqkv));
  }

  private void pools() {
    pool("2x2", 28, Pool2d.Geometry.of(2));
    pool("2x2 on 5 columns", 10, Pool2d.Geometry.of(2));
    pool("3x3", 33, Pool2d.Geometry.of(3));
    pool("3x3 /2", 33, new Pool2d.Geometry(3, 3, 2, 2, 1, 1));
  }

  private void pool(String name, int size, Pool2d.Geometry g) {
    Tensor x = values(8, 6, size, size);
    Shape shape = g.outputShape(x.shape());
    Tensor y = values(shape.sizes());
    Tensor argmax = Tensor.empty(scope, device, DType.I32, shape);
    Tensor dx = values(8, 6, size, size);
    add("max pool " + name, () -> Pool2d.max(x, g, y, argmax));
    add("max pool gradient " + name, () -> Pool2d.maxGradient(y, argmax, g, dx));
    add("average pool " + name, () -> Pool2d.average(x, g, y));
    add("average pool gradient " + name, () -> Pool2d.averageGradient(y, g, dx));
  }

  private void sums() {
    Tensor x = values(300, 200);
    Tensor total = values(1);
    Tensor perRow = values(300);
    Tensor perColumn = values(200);
    add("sum", () -> Sums.sum(x, total));
    add("sum of squares", () -> Sums.squares(x, total));
    add("mean", () -> Sums.mean(x, total));
    add("row sums", () -> Sums.rows(x, perRow));
    add("column sums", () -> Sums.columns(x, perColumn));
    for (int space : new int[] {10, 49, 784}) {
      // Many images, so that the loop over partials runs often, too.
      Tensor planes = values(200, 20, space);
      Tensor perChannel = values(20);
      add("channel sums of " + space, () -> Sums.channels(planes, perChannel));
    }
  }

  private void tables() {
    for (int d : new int[] {8, 16, 64, 100, 300}) {
      Tensor table = values(500, d);
      Tensor few = indices(2_000, 500);
      Tensor hot = indices(2_000, 2);
      Tensor rows = values(2_000, d);
      ScatterAdd.Plan plan = ScatterAdd.plan(scope, few, 500);
      add("gather of rows of " + d, () -> Gather.gather(table, few, rows));
      add("scatter-add of rows of " + d, () -> ScatterAdd.scatterAdd(rows, few, table));
      add("scatter-add by a plan, rows of " + d, () -> ScatterAdd.scatterAdd(rows, plan, table));
      add("scatter-add into two rows of " + d, () -> ScatterAdd.scatterAdd(rows, hot, table));
    }
  }

  private void updates() {
    List<Tensor> p = tensors();
    List<Tensor> g = tensors();
    List<Tensor> m = tensors();
    List<Tensor> v = tensors();
    Tensor norm = values(1);
    for (AdamW.Decay decay : AdamW.Decay.values()) {
      var hyper = new AdamW.Hyper(1e-4, 0.9, 0.999, 1e-8, 0.01, 5, decay);
      add("adamw " + decay, () -> AdamW.step(p, g, m, v, hyper));
    }
    for (boolean nesterov : new boolean[] {false, true}) {
      var hyper = new Sgd.Hyper(1e-6, 0.9, 0, nesterov);
      add("sgd" + (nesterov ? " nesterov" : ""), () -> Sgd.step(p, g, m, hyper));
    }
    add("global norm", () -> GlobalNorm.norm(g, norm));
    add("clip", () -> GlobalNorm.clip(g, 1f, norm));
    Tensor distances = values(3);
    add("squared distance", () -> SquaredDistance.forward(p, g, 0.1f, distances, norm));
    add("squared distance, both slopes", () -> SquaredDistance.gradient(p, g, 0.1f, 1f, m, v));
    add("squared distance, one slope", () -> SquaredDistance.gradient(p, g, 0.1f, 1f, m, null));
  }

  private List<Tensor> tensors() {
    return List.of(values(20_000), values(130, 100), values(77));
  }
}
