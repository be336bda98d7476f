package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.ClosedException;
import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Each tensor of each operation in turn is closed, on another device, of another type, one row too
 * long, or transposed: the exception of that kind, and all other tensors keep their contents.
 */
class BadInputTest {
  /** One tensor of a call. */
  private record Arg(DType type, long... sizes) {
    Tensor make(Scope scope, Device device) {
      Tensor t = Tensor.empty(scope, device, type, Shape.of(sizes));
      return type == DType.F32 ? t.fill(1f) : t.fill(1);
    }
  }

  /** A call: its tensors, and what takes them. */
  private record Call(String name, Consumer<List<Tensor>> op, Arg... args) {}

  private static Arg f(long... sizes) {
    return new Arg(DType.F32, sizes);
  }

  private static Arg i(long... sizes) {
    return new Arg(DType.I32, sizes);
  }

  private static final Conv2d.Geometry CONV = Conv2d.Geometry.of(1, 0);
  private static final ConvTranspose2d.Geometry TRANSPOSED = ConvTranspose2d.Geometry.of(1, 0, 0);
  private static final Pool2d.Geometry POOL = Pool2d.Geometry.of(2);
  private static final AdamW.Hyper ADAM =
      new AdamW.Hyper(0.1, 0.9, 0.99, 1e-8, 0, 1, AdamW.Decay.DECOUPLED);

  private static List<Tensor> one(Tensor t) {
    return List.of(t);
  }

  private static final List<Call> CALLS =
      List.of(
          new Call("bias", t -> Bias.add(t.get(0), t.get(1), t.get(2)), f(2, 3), f(3), f(2, 3)),
          new Call("bias gradient", t -> Bias.gradient(t.get(0), t.get(1)), f(2, 3), f(3)),
          new Call("sum", t -> Sums.sum(t.get(0), t.get(1)), f(2, 3), f(1)),
          new Call("mean", t -> Sums.mean(t.get(0), t.get(1)), f(2, 3), f(1)),
          new Call("rows", t -> Sums.rows(t.get(0), t.get(1)), f(2, 3), f(2)),
          new Call("columns", t -> Sums.columns(t.get(0), t.get(1)), f(2, 3), f(3)),
          new Call("channels", t -> Sums.channels(t.get(0), t.get(1)), f(2, 3, 2), f(3)),
          new Call(
              "unary", t -> Elementwise.unary(Unary.EXP, t.get(0), t.get(1)), f(2, 3), f(2, 3)),
          new Call(
              "unary gradient",
              t -> Elementwise.gradient(Unary.GELU, t.get(0), t.get(1), t.get(2), t.get(3)),
              f(2, 3),
              f(2, 3),
              f(2, 3),
              f(2, 3)),
          new Call(
              "binary",
              t -> Elementwise.binary(Binary.MUL, t.get(0), t.get(1), t.get(2)),
              f(2, 3),
              f(2, 3),
              f(2, 3)),
          new Call("scale", t -> Elementwise.scale(t.get(0), 2f, t.get(1)), f(2, 3), f(2, 3)),
          new Call("softmax", t -> Softmax.softmax(t.get(0), t.get(1)), f(2, 3), f(2, 3)),
          new Call("logSoftmax", t -> Softmax.logSoftmax(t.get(0), t.get(1)), f(2, 3), f(2, 3)),
          new Call(
              "softmax gradient",
              t -> Softmax.softmaxGradient(t.get(0), t.get(1), t.get(2)),
              f(2, 3),
              f(2, 3),
              f(2, 3)),
          new Call(
              "transposed convolution",
              t ->
                  ConvTranspose2d.forward(
                      t.get(0), t.get(1), t.get(2), Activation.NONE, TRANSPOSED, t.get(3)),
              f(2, 3, 4, 5),
              f(3, 4, 2, 2),
              f(4),
              f(2, 4, 5, 6)),
          new Call(
              "transposed convolution dx",
              t -> ConvTranspose2d.dataGradient(t.get(0), t.get(1), TRANSPOSED, t.get(2)),
              f(2, 4, 5, 6),
              f(3, 4, 2, 2),
              f(2, 3, 4, 5)),
          new Call(
              "transposed convolution dw",
              t -> ConvTranspose2d.weightGradient(t.get(0), t.get(1), TRANSPOSED, t.get(2)),
              f(2, 3, 4, 5),
              f(2, 4, 5, 6),
              f(3, 4, 2, 2)),
          new Call(
              "locally connected",
              t ->
                  LocallyConnected2d.forward(
                      t.get(0), t.get(1), t.get(2), Activation.NONE, CONV, t.get(3)),
              f(2, 3, 5, 6),
              f(4, 3, 2, 2, 4, 5),
              f(4, 4, 5),
              f(2, 4, 4, 5)),
          new Call(
              "locally connected dx",
              t -> LocallyConnected2d.dataGradient(t.get(0), t.get(1), CONV, t.get(2)),
              f(2, 4, 4, 5),
              f(4, 3, 2, 2, 4, 5),
              f(2, 3, 5, 6)),
          new Call(
              "locally connected dw",
              t -> LocallyConnected2d.weightGradient(t.get(0), t.get(1), CONV, t.get(2)),
              f(2, 3, 5, 6),
              f(2, 4, 4, 5),
              f(4, 3, 2, 2, 4, 5)),
          new Call(
              "locally connected db",
              t -> LocallyConnected2d.biasGradient(t.get(0), t.get(1)),
              f(2, 4, 4, 5),
              f(4, 4, 5)),
          new Call(
              "rnn",
              t -> Rnn.forward(t.get(0), t.get(1), t.get(2), t.get(3), t.get(4)),
              f(3, 2, 4),
              f(5, 4),
              f(5, 5),
              f(5),
              f(4, 2, 5)),
          new Call(
              "rnn gradient",
              t ->
                  Rnn.gradient(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6),
                      t.get(7), t.get(8), t.get(9)),
              f(3, 2, 5),
              f(3, 2, 4),
              f(5, 4),
              f(5, 5),
              f(4, 2, 5),
              f(3, 2, 4),
              f(5, 4),
              f(5, 5),
              f(5),
              f(2, 5)),
          new Call(
              "gru",
              t ->
                  Gru.forward(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6),
                      t.get(7)),
              f(3, 2, 4),
              f(15, 4),
              f(15, 5),
              f(15),
              f(15),
              f(4, 2, 5),
              f(3, 2, 15),
              f(3, 2, 15)),
          new Call(
              "gru gradient",
              t ->
                  Gru.gradient(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6),
                      t.get(7), t.get(8), t.get(9), t.get(10), t.get(11), t.get(12)),
              f(3, 2, 5),
              f(3, 2, 4),
              f(15, 4),
              f(15, 5),
              f(4, 2, 5),
              f(3, 2, 15),
              f(3, 2, 15),
              f(3, 2, 4),
              f(15, 4),
              f(15, 5),
              f(15),
              f(15),
              f(2, 5)),
          new Call(
              "attention",
              t ->
                  Attention.forward(
                      t.get(0), t.get(1), t.get(2), t.get(3), 2, false, t.get(4), t.get(5)),
              f(2, 3, 4),
              f(2, 5, 4),
              f(2, 5, 4),
              i(2),
              f(2, 3, 4),
              f(2, 2, 2, 3)),
          new Call(
              "attention of qkv",
              t -> Attention.forward(t.get(0), t.get(1), 2, true, t.get(2), t.get(3)),
              f(2, 3, 12),
              i(2),
              f(2, 3, 4),
              f(2, 2, 2, 3)),
          new Call(
              "attention gradient",
              t ->
                  Attention.gradient(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), 2, false, t.get(5),
                      t.get(6), t.get(7), t.get(8), t.get(9)),
              f(2, 3, 4),
              f(2, 3, 4),
              f(2, 5, 4),
              f(2, 5, 4),
              i(2),
              f(2, 3, 4),
              f(2, 2, 2, 3),
              f(2, 3, 4),
              f(2, 5, 4),
              f(2, 5, 4)),
          new Call(
              "lstm",
              t ->
                  Lstm.forward(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6)),
              f(3, 2, 4),
              f(20, 4),
              f(20, 5),
              f(20),
              f(4, 2, 5),
              f(4, 2, 5),
              f(3, 2, 20)),
          new Call(
              "lstm gradient",
              t ->
                  Lstm.gradient(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6),
                      t.get(7), t.get(8), t.get(9), t.get(10), t.get(11), t.get(12)),
              f(3, 2, 5),
              f(3, 2, 4),
              f(20, 4),
              f(20, 5),
              f(4, 2, 5),
              f(4, 2, 5),
              f(3, 2, 20),
              f(3, 2, 4),
              f(20, 4),
              f(20, 5),
              f(20),
              f(2, 5),
              f(2, 5)),
          new Call(
              "batch norm",
              t ->
                  BatchNorm.forward(
                      t.get(0),
                      t.get(1),
                      t.get(2),
                      1f,
                      new BatchNorm.Running(t.get(6), t.get(7), 0.5f),
                      t.get(3),
                      t.get(4),
                      t.get(5)),
              f(2, 3),
              f(3),
              f(3),
              f(2, 3),
              f(3),
              f(3),
              f(3),
              f(3)),
          new Call(
              "batch norm evaluation",
              t ->
                  BatchNorm.evaluate(
                      t.get(0), t.get(1), t.get(2), 1f, t.get(3), t.get(4), t.get(5)),
              f(2, 3, 2),
              f(3),
              f(3),
              f(3),
              f(3),
              f(2, 3, 2)),
          new Call(
              "batch norm gradient",
              t ->
                  BatchNorm.gradient(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6),
                      t.get(7)),
              f(2, 3),
              f(2, 3),
              f(3),
              f(3),
              f(3),
              f(2, 3),
              f(3),
              f(3)),
          new Call(
              "dropout",
              t -> Dropout.dropout(t.get(0), new Dropout.Mask(0.9f, 1, 1), t.get(1)),
              f(2, 3),
              f(2, 3)),
          new Call(
              "layer norm",
              t ->
                  LayerNorm.forward(t.get(0), t.get(1), t.get(2), 1f, t.get(3), t.get(4), t.get(5)),
              f(2, 3),
              f(3),
              f(3),
              f(2, 3),
              f(2),
              f(2)),
          new Call(
              "layer norm gradient",
              t ->
                  LayerNorm.gradient(
                      t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6),
                      t.get(7)),
              f(2, 3),
              f(2, 3),
              f(3),
              f(2),
              f(2),
              f(2, 3),
              f(3),
              f(3)),
          new Call(
              "cross-entropy",
              t -> CrossEntropy.forward(t.get(0), t.get(1), t.get(2), t.get(3)),
              f(2, 3),
              i(2),
              f(2),
              f(1)),
          new Call(
              "cross-entropy gradient",
              t -> CrossEntropy.gradient(t.get(0), t.get(1), 1f, t.get(2)),
              f(2, 3),
              i(2),
              f(2, 3)),
          new Call(
              "klDivergence",
              t -> KlDivergence.forward(t.get(0), t.get(1), 2f, t.get(2), t.get(3)),
              f(2, 3),
              f(2, 3),
              f(2),
              f(1)),
          new Call(
              "klDivergence gradient",
              t -> KlDivergence.gradient(t.get(0), t.get(1), 2f, 1f, t.get(2)),
              f(2, 3),
              f(2, 3),
              f(2, 3)),
          new Call(
              "contrastiveLoss",
              t ->
                  ContrastiveLoss.forward(
                      t.get(0), t.get(1), t.get(2), 1f, t.get(3), t.get(4), t.get(5)),
              f(2, 3),
              f(2, 3),
              i(2),
              f(2),
              f(2),
              f(1)),
          new Call(
              "contrastiveLoss gradient",
              t ->
                  ContrastiveLoss.gradient(
                      t.get(0), t.get(1), t.get(2), 1f, t.get(3), 1f, t.get(4), t.get(5)),
              f(2, 3),
              f(2, 3),
              i(2),
              f(2),
              f(2, 3),
              f(2, 3)),
          new Call(
              "squaredDistance",
              t -> SquaredDistance.forward(one(t.get(0)), one(t.get(1)), 1f, t.get(2), t.get(3)),
              f(2, 3),
              f(2, 3),
              f(1),
              f(1)),
          new Call(
              "squaredDistance gradient",
              t ->
                  SquaredDistance.gradient(
                      one(t.get(0)), one(t.get(1)), 1f, 1f, one(t.get(2)), one(t.get(3))),
              f(2, 3),
              f(2, 3),
              f(2, 3),
              f(2, 3)),
          new Call(
              "gather", t -> Gather.gather(t.get(0), t.get(1), t.get(2)), f(4, 3), i(2), f(2, 3)),
          new Call(
              "scatterAdd",
              t -> ScatterAdd.scatterAdd(t.get(0), t.get(1), t.get(2)),
              f(2, 3),
              i(2),
              f(4, 3)),
          new Call(
              "conv2d",
              t -> Conv2d.forward(t.get(0), t.get(1), t.get(2), CONV, t.get(3)),
              f(2, 1, 3, 3),
              f(2, 1, 2, 2),
              f(2),
              f(2, 2, 2, 2)),
          new Call(
              "conv2d data gradient",
              t -> Conv2d.dataGradient(t.get(0), t.get(1), CONV, t.get(2)),
              f(2, 2, 2, 2),
              f(2, 1, 2, 2),
              f(2, 1, 3, 3)),
          new Call(
              "conv2d weight gradient",
              t -> Conv2d.weightGradient(t.get(0), t.get(1), CONV, t.get(2)),
              f(2, 1, 3, 3),
              f(2, 2, 2, 2),
              f(2, 1, 2, 2)),
          new Call(
              "max pooling",
              t -> Pool2d.max(t.get(0), POOL, t.get(1), t.get(2)),
              f(1, 2, 4, 4),
              f(1, 2, 2, 2),
              i(1, 2, 2, 2)),
          new Call(
              "max pooling gradient",
              t -> Pool2d.maxGradient(t.get(0), t.get(1), POOL, t.get(2)),
              f(1, 2, 2, 2),
              i(1, 2, 2, 2),
              f(1, 2, 4, 4)),
          new Call(
              "average pooling",
              t -> Pool2d.average(t.get(0), POOL, t.get(1)),
              f(1, 2, 4, 4),
              f(1, 2, 2, 2)),
          new Call(
              "average pooling gradient",
              t -> Pool2d.averageGradient(t.get(0), POOL, t.get(1)),
              f(1, 2, 2, 2),
              f(1, 2, 4, 4)),
          new Call(
              "adamw",
              t -> AdamW.step(one(t.get(0)), one(t.get(1)), one(t.get(2)), one(t.get(3)), ADAM),
              f(2, 3),
              f(2, 3),
              f(2, 3),
              f(2, 3)),
          new Call(
              "sgd",
              t ->
                  Sgd.step(
                      one(t.get(0)),
                      one(t.get(1)),
                      one(t.get(2)),
                      new Sgd.Hyper(0.1, 0.5, 0, false)),
              f(2, 3),
              f(2, 3),
              f(2, 3)),
          new Call("clip", t -> GlobalNorm.clip(one(t.get(0)), 1f, t.get(1)), f(2, 3), f(1)));

  @TestFactory
  Stream<DynamicTest> everyTensorOfEveryOperation() {
    return CALLS.stream().map(call -> DynamicTest.dynamicTest(call.name, () -> check(call)));
  }

  private static void check(Call call) {
    List<Device> devices = new ArrayList<>(List.of(Device.scalar(), Device.vector(128, 3)));
    Devices.tested().stream().filter(d -> d.toString().equals("softcuda")).forEach(devices::add);
    for (Device device : devices) {
      Device elsewhere = device instanceof Device.Scalar ? Device.vector(128, 1) : Device.scalar();
      try (Scope scope = Scope.open()) {
        // Without a fault the call passes: else the faults would prove nothing.
        call.op.accept(make(call, scope, device));
      }
      for (int a = 0; a < call.args.length; a++) {
        Arg arg = call.args[a];
        refused(ClosedException.class, call, a, device, scope -> closed(arg, device));
        refused(DeviceException.class, call, a, device, scope -> arg.make(scope, elsewhere));
        DType other = arg.type == DType.F32 ? DType.I32 : DType.F32;
        refused(
            DTypeException.class,
            call,
            a,
            device,
            scope -> new Arg(other, arg.sizes).make(scope, device));
        long[] longer = arg.sizes.clone();
        longer[call.name.contains("pooling") ? 1 : longer.length - 1]++;
        if (!anyLength(call, a)) {
          refused(
              ShapeException.class,
              call,
              a,
              device,
              scope -> new Arg(arg.type, longer).make(scope, device));
        }
        if (arg.sizes.length >= 2) {
          long[] swapped = arg.sizes.clone();
          swapped[swapped.length - 1] = arg.sizes[swapped.length - 2];
          swapped[swapped.length - 2] = arg.sizes[swapped.length - 1];
          refused(
              ShapeException.class,
              call,
              a,
              device,
              scope -> new Arg(arg.type, swapped).make(scope, device).transpose());
        }
      }
    }
  }

  /** Where one more in the last axis is as good. */
  private static boolean anyLength(Call call, int a) {
    return a == 0
        && List.of("sum", "mean", "rows", "channels", "cross-entropy", "clip").contains(call.name);
  }

  private static Tensor closed(Arg arg, Device device) {
    try (Scope scope = Scope.open()) {
      return arg.make(scope, device);
    }
  }

  private static List<Tensor> make(Call call, Scope scope, Device device) {
    List<Tensor> tensors = new ArrayList<>();
    for (Arg arg : call.args) {
      tensors.add(arg.make(scope, device));
    }
    return tensors;
  }

  private interface Maker {
    Tensor make(Scope scope);
  }

  private static void refused(
      Class<? extends SelfsameException> kind, Call call, int at, Device device, Maker bad) {
    try (Scope scope = Scope.open()) {
      List<Tensor> tensors = make(call, scope, device);
      tensors.set(at, bad.make(scope));
      String what = call.name + " on " + device + ", argument " + at + " " + tensors.get(at);
      SelfsameException e =
          assertThrows(SelfsameException.class, () -> call.op.accept(tensors), what);
      assertEquals(kind, e.getClass(), what + ": " + e.getMessage());
      assertTrue(e.getMessage().length() > 20, e.getMessage());
      for (int t = 0; t < tensors.size(); t++) {
        if (t != at) {
          untouched(tensors.get(t), what);
        }
      }
    }
  }

  private static void untouched(Tensor t, String what) {
    if (t.dtype() == DType.I32) {
      for (int value : t.toIntArray()) {
        assertEquals(1, value, what);
      }
    } else {
      float[] ones = new float[(int) t.elements()];
      Arrays.fill(ones, 1f);
      assertArrayEquals(ones, t.toFloatArray(), what);
    }
  }
}
