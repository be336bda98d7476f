package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.bench.peers.TorchRecurrent;
import dev.selfsame.bench.peers.TorchRecurrent.Kind;
import dev.selfsame.op.Gru;
import dev.selfsame.op.Lstm;
import dev.selfsame.op.Rnn;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch;

/**
 * A recurrent layer over a whole sequence, and all of its gradients.
 *
 * <p><b>The check.</b> Each result against libtorch's in float64. Bounds that hold for all
 * roundings grow exponentially with the steps, so the probabilistic form is taken, as for whole
 * training steps ({@link StepCases}): λ·√n·u of the result's 2-norm, λ = 4, for the n roundings on
 * the longest way to a result: I + H + 8 at each step of the sequence; twice as many back, and one
 * for each step and sample of a weight's sum. Weights are uniform in ±1/√H, as layers begin, by
 * which an error shrinks from step to step.
 */
final class RecurrentCases {
  private static final double LAMBDA = 4;

  private RecurrentCases() {}

  /** T steps of a batch of B, from I inputs to H units. */
  private record Size(int steps, int batch, int inputs, int units) {
    private Size(int steps, int batch, int units) {
      this(steps, batch, units, units);
    }

    double forward() {
      return (double) steps * (inputs + units + 8);
    }

    double backward() {
      return 2 * forward() + (double) steps * batch;
    }

    /** Multiplications and additions of the forward pass. */
    double flops(Kind kind) {
      return 2.0 * steps * batch * kind.gates() * units * (inputs + units);
    }
  }

  /** Small and large batches; the shipped character model's; the adding problem's. */
  static List<Planned> all(Kind kind, Device device) {
    return both(
        kind,
        device,
        new Size(32, 16, 128),
        new Size(32, 32, 512),
        new Size(32, 1, 512),
        new Size(100, 32, 2, 64));
  }

  /** Around lanes and chunks: for the cross-check. */
  static List<Planned> odd(Kind kind, Device device) {
    return both(
        kind,
        device,
        new Size(1, 2, 5, 3),
        new Size(3, 5, 33, 31),
        new Size(7, 1, 9, 17),
        new Size(9, 61, 3, 5));
  }

  private static List<Planned> both(Kind kind, Device device, Size... sizes) {
    List<Planned> cases = new ArrayList<>();
    for (boolean gradient : new boolean[] {false, true}) {
      for (Size s : sizes) {
        String name =
            (gradient ? "gradient" : "forward")
                + " %dx%dx%d".formatted(s.steps, s.batch, s.units)
                + (s.inputs == s.units ? "" : " from " + s.inputs);
        cases.add(new Planned(name, () -> new Buffers(kind, s, device).toCase(name, gradient)));
      }
    }
    return cases;
  }

  /** All memory of a case, ours and theirs. */
  private static final class Buffers {
    private final Kind kind;
    private final Size size;
    private final CaseMemory memory;
    private final Tensor x;
    private final Tensor wIh;
    private final Tensor wHh;
    private final Tensor bias;
    private final Tensor recurrentBias;
    private final Tensor h;
    private final Tensor c;
    private final Tensor gates;
    private final Tensor recurrent;
    private final Tensor dy;
    private final Tensor[] gradients;
    private final TorchRecurrent theirs;
    private final org.bytedeco.pytorch.Tensor theirX;
    private final org.bytedeco.pytorch.Tensor theirDy;
    private final org.bytedeco.pytorch.Tensor theirFirst;
    private org.bytedeco.pytorch.Tensor theirY = new org.bytedeco.pytorch.Tensor();
    private List<org.bytedeco.pytorch.Tensor> theirGradients = List.of();

    Buffers(Kind kind, Size size, Device device) {
      this.kind = kind;
      this.size = size;
      memory = new CaseMemory(device);
      long t = size.steps;
      long b = size.batch;
      long u = size.units;
      long g = kind.gates() * u;
      x = memory.floats(memory.normal(1, t * b * size.inputs), t, b, size.inputs);
      wIh = memory.floats(weights(2, g * size.inputs), g, size.inputs);
      wHh = memory.floats(weights(3, g * u), g, u);
      bias = memory.floats(weights(4, g), g);
      // The recurrent bias exists in the gated units only; libtorch always has it.
      recurrentBias = memory.floats(kind == Kind.GRU ? weights(5, g) : memory.zeros(g), g);
      dy = memory.floats(memory.normal(6, t * b * u), t, b, u);
      h = memory.floats(memory.zeros((t + 1) * b * u), t + 1, b, u);
      c = memory.floats(memory.zeros((t + 1) * b * u), t + 1, b, u);
      gates = memory.floats(memory.zeros(t * b * g), t, b, g);
      recurrent = memory.floats(memory.zeros(t * b * g), t, b, g);
      gradients =
          new Tensor[] {
            like(x), like(wIh), like(wHh), like(bias), like(bias),
          };
      theirX = theirs(x);
      theirDy = theirs(dy);
      MemorySegment first = weights(7, b * u);
      theirFirst = TorchPeer.floats(first, 1, b, u);
      h.slice(0, 1).memory().copyFrom(first);
      c.slice(0, 1).memory().copyFrom(first);
      theirs =
          new TorchRecurrent(
              kind, List.of(theirs(wIh), theirs(wHh), theirs(bias), theirs(recurrentBias)));
    }

    /** Uniform in ±1/√H. */
    private MemorySegment weights(long seed, long n) {
      MemorySegment values = memory.normal(seed, n);
      double scale = 1 / Math.sqrt(size.units);
      for (long i = 0; i < n; i++) {
        // An odd, bounded function of a normal value: near enough to uniform.
        double v = Math.tanh(values.getAtIndex(JAVA_FLOAT, i));
        values.setAtIndex(JAVA_FLOAT, i, (float) (v * scale));
      }
      return values;
    }

    private Tensor like(Tensor t) {
      return memory.floats(memory.zeros(t.elements()), t.shape().sizes());
    }

    private static org.bytedeco.pytorch.Tensor theirs(Tensor t) {
      return TorchPeer.floats(t.memory(), t.shape().sizes());
    }

    private void forward() {
      switch (kind) {
        case RNN -> Rnn.forward(x, wIh, wHh, bias, h);
        case LSTM -> Lstm.forward(x, wIh, wHh, bias, h, c, gates);
        case GRU -> Gru.forward(x, wIh, wHh, bias, recurrentBias, h, gates, recurrent);
      }
    }

    private void gradient() {
      Tensor dx = gradients[0];
      Tensor dwIh = gradients[1];
      Tensor dwHh = gradients[2];
      Tensor db = gradients[3];
      Tensor dq = gradients[4];
      switch (kind) {
        case RNN -> Rnn.gradient(dy, x, wIh, wHh, h, dx, dwIh, dwHh, db, null);
        case LSTM -> Lstm.gradient(dy, x, wIh, wHh, h, c, gates, dx, dwIh, dwHh, db, null, null);
        case GRU ->
            Gru.gradient(dy, x, wIh, wHh, h, gates, recurrent, dx, dwIh, dwHh, db, dq, null);
      }
    }

    private void theirForward(boolean train) {
      theirY.close();
      theirY = theirs.forward(theirX, theirFirst, theirFirst, train);
    }

    private void theirGradient() {
      theirGradients.forEach(org.bytedeco.pytorch.Tensor::close);
      theirGradients = theirs.gradients(theirY, theirX, theirDy);
    }

    BenchCase toCase(String name, boolean gradient) {
      forward();
      if (gradient) {
        theirs.training();
        theirX.set_requires_grad(true);
        theirForward(true);
      }
      double flops = size.flops(kind) * (gradient ? 2 : 1);
      Runnable our = gradient ? this::gradient : this::forward;
      Runnable their = gradient ? this::theirGradient : () -> theirForward(false);
      return new BenchCase(
          name,
          Rate.GFLOPS,
          new Work(flops, 4.0 * (wIh.elements() + wHh.elements())),
          new Contender("selfsame", our),
          List.of(new Contender("libtorch", their)),
          control -> {
            our.run();
            if (control) {
              Inputs.change((gradient ? dy : x).memory());
            }
            their.run();
            return gradient ? gradients() : states();
          },
          () -> {
            theirGradients.forEach(org.bytedeco.pytorch.Tensor::close);
            theirY.close();
            theirX.close();
            theirDy.close();
            theirFirst.close();
            theirs.close();
            memory.run();
          });
    }

    private List<Agreement> states() {
      double[] ours = doubles(h.slice(1, size.steps + 1L).memory());
      try (TorchRecurrent wide = theirs.inFloat64();
          var wideX = TorchRecurrent.wide(theirX);
          var first = TorchRecurrent.wide(theirFirst);
          var exact = wide.forward(wideX, first, first, false)) {
        return compare("h", size.forward(), ours, doubles(theirY), doubles(exact));
      }
    }

    private List<Agreement> gradients() {
      String[] names = {"dx", "dwIh", "dwHh", "dbias", "dRecurrentBias"};
      List<Agreement> all = new ArrayList<>();
      try (TorchRecurrent wide = theirs.inFloat64().training();
          var wideX = TorchRecurrent.wide(theirX).set_requires_grad(true);
          var wideDy = TorchRecurrent.wide(theirDy);
          var first = TorchRecurrent.wide(theirFirst);
          var y = wide.forward(wideX, first, first, true)) {
        List<org.bytedeco.pytorch.Tensor> exact = wide.gradients(y, wideX, wideDy);
        for (int i = 0; i < (kind == Kind.GRU ? 5 : 4); i++) {
          all.addAll(
              compare(
                  names[i],
                  size.backward(),
                  doubles(gradients[i].memory()),
                  doubles(theirGradients.get(i)),
                  doubles(exact.get(i))));
        }
        exact.forEach(org.bytedeco.pytorch.Tensor::close);
      }
      return all;
    }
  }

  /** 2-norms of differences, as shares of the exact result's. */
  private static List<Agreement> compare(
      String what, double roundings, double[] ours, double[] theirs, double[] exact) {
    double unit =
        LAMBDA * Math.sqrt(roundings) * Bounds.U * distance(exact, new double[exact.length]);
    return List.of(
        Agreement.of(
            what + ", ours and libtorch", 1, i -> distance(ours, theirs), i -> 0, i -> 2 * unit),
        Agreement.of(what + ", ours and float64", 1, i -> distance(ours, exact), i -> 0, i -> unit),
        Agreement.of(
            what + ", libtorch and float64", 1, i -> distance(theirs, exact), i -> 0, i -> unit));
  }

  private static double distance(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return Math.sqrt(sum);
  }

  private static double[] doubles(MemorySegment floats) {
    double[] values = new double[(int) (floats.byteSize() / Float.BYTES)];
    for (int i = 0; i < values.length; i++) {
      values[i] = floats.getAtIndex(JAVA_FLOAT, i);
    }
    return values;
  }

  private static double[] doubles(org.bytedeco.pytorch.Tensor t) {
    try (var flat = t.detach().reshape(-1);
        var dense = flat.contiguous();
        var wide = dense.to(torch.ScalarType.Double)) {
      return MemorySegment.ofAddress(wide.data_ptr().address())
          .reinterpret(8 * wide.numel())
          .toArray(JAVA_DOUBLE);
    }
  }
}
