package dev.selfsame.guard;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.guard.KernelCases.Case;
import dev.selfsame.op.AdamW;
import dev.selfsame.op.Binary;
import dev.selfsame.op.CrossEntropy;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.GlobalNorm;
import dev.selfsame.op.LayerNorm;
import dev.selfsame.op.Pool2d;
import dev.selfsame.op.Softmax;
import dev.selfsame.op.Sums;
import dev.selfsame.op.Unary;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a call takes on the Java heap once it is compiled: the smallest problems, called thousands
 * of times, and larger ones, which may take no more. In a process of its own: where all kernels ran
 * before, C2 inlines less of a call, and it takes some hundred bytes more.
 */
final class CallCases {
  static final String GROUP = "calls";

  /** Tasks, and lists of arguments that are checked against each other: at most 440 bytes seen. */
  private static final long SMALL = 512;

  /** Lists of columns, their scalars, an image's shape. */
  private static final long LISTS = 1_024;

  /** For each tensor: its places in lists, and cuts of the JDK's sort of their addresses. */
  private static final long TENSOR = 128;

  private final Scope scope;
  private final Device device;
  private final List<Case> cases = new ArrayList<>();

  private CallCases(Scope scope, Device device) {
    this.scope = scope;
    this.device = device;
  }

  static List<Case> of(Scope scope, Device device) {
    CallCases all = new CallCases(scope, device);
    all.elementwise();
    all.rows();
    all.many();
    return all.cases;
  }

  private void add(String name, long bytes, Runnable call) {
    cases.add(new Case(GROUP, "a call of " + name, bytes, call));
  }

  private Tensor values(long... sizes) {
    Tensor t = Tensor.empty(scope, device, sizes);
    float[] v = new float[Math.toIntExact(t.elements())];
    for (int i = 0; i < v.length; i++) {
      v[i] = 0.1f + i % 7;
    }
    return t.copyFrom(MemorySegment.ofArray(v));
  }

  private void elementwise() {
    Tensor x = values(4, 100);
    Tensor y = values(4, 100);
    Tensor dx = values(4, 100);
    for (Unary f : List.of(Unary.RELU, Unary.EXP, Unary.TANH, Unary.GELU)) {
      add(f.name(), SMALL, () -> Elementwise.unary(f, x, y));
      add(f.name() + " gradient", SMALL, () -> Elementwise.gradient(f, x, y, y, dx));
    }
    add("add", SMALL, () -> Elementwise.binary(Binary.ADD, x, y, dx));
    add("mul, in place", SMALL, () -> Elementwise.binary(Binary.MUL, dx, y, dx));
    add("scale", SMALL, () -> Elementwise.scale(x, 0.5f, dx));
    add("fma", SMALL, () -> Elementwise.fma(x, 0.5f, y, dx));
  }

  /** Few and many rows: the same bound. */
  private void rows() {
    for (int columns : new int[] {10, 100, 1500}) {
      for (int rows : new int[] {4, 40_000 / columns}) {
        rows(rows, columns);
      }
    }
  }

  private void rows(int rows, int columns) {
    Tensor x = values(rows, columns);
    Tensor y = values(rows, columns);
    Tensor dx = values(rows, columns);
    Tensor labels = Tensor.of(scope, device, new int[rows], rows);
    Tensor losses = values(rows);
    Tensor rstd = values(rows);
    Tensor loss = values(1);
    Tensor gamma = values(columns);
    Tensor beta = values(columns);
    String of = " of " + rows + " rows of " + columns;
    add("softmax" + of, SMALL, () -> Softmax.softmax(x, y));
    add("softmax gradient" + of, SMALL, () -> Softmax.softmaxGradient(y, y, dx));
    add("log-softmax" + of, SMALL, () -> Softmax.logSoftmax(x, y));
    add("cross entropy" + of, SMALL, () -> CrossEntropy.forward(x, labels, losses, loss));
    add("cross entropy gradient" + of, SMALL, () -> CrossEntropy.gradient(x, labels, 1f, dx));
    add("layer norm" + of, SMALL, () -> LayerNorm.forward(x, gamma, beta, 1e-5f, y, losses, rstd));
    add("sum" + of, SMALL, () -> Sums.sum(x, loss));
    add("row sums" + of, SMALL, () -> Sums.rows(x, losses));
    add("column sums" + of, SMALL, () -> Sums.columns(x, beta));
  }

  /** Tensors and planes, few and many: the same bound but for lists of tensors. */
  private void many() {
    for (int count : new int[] {2, 100}) {
      List<Tensor> p = tensors(count);
      List<Tensor> g = tensors(count);
      List<Tensor> m = tensors(count);
      List<Tensor> v = tensors(count);
      var hyper = new AdamW.Hyper(1e-4, 0.9, 0.999, 1e-8, 0.01, 5, AdamW.Decay.DECOUPLED);
      long lists = LISTS + TENSOR * count;
      add("adamw of " + count, lists, () -> AdamW.step(p, g, m, v, hyper));
      Tensor norm = values(1);
      add("global norm of " + count, lists, () -> GlobalNorm.norm(g, norm));
    }
    Pool2d.Geometry two = Pool2d.Geometry.of(2);
    for (int n : new int[] {1, 20}) {
      Tensor x = values(n, 16, 6, 6);
      Tensor y = values(n, 16, 3, 3);
      String of = " of " + 16 * n + " planes";
      add("average pool" + of, LISTS, () -> Pool2d.average(x, two, y));
      add("average pool gradient" + of, LISTS, () -> Pool2d.averageGradient(y, two, x));
    }
  }

  private List<Tensor> tensors(int count) {
    return Stream.generate(() -> values(7, 5)).limit(count).toList();
  }
}
