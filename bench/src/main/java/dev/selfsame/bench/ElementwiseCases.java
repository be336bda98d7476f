package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchFunctions;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Unary;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.LongToDoubleFunction;
import org.bytedeco.pytorch.Tensor;

/** Functions of single elements, and two gradients. */
final class ElementwiseCases {
  /** Elements compared with float64: all if there are no more than this, else as many at random. */
  private static final int SAMPLE = 100_000;

  private ElementwiseCases() {}

  /** What is computed. */
  enum Function {
    ADD(3),
    MULTIPLY(3),
    RELU(2),
    EXP(2),
    LOG(2),
    TANH(2),
    SIGMOID(2),
    GELU(2),
    TANH_GRADIENT(3),
    GELU_GRADIENT(3);

    /** Arrays read and written. */
    private final int arrays;

    Function(int arrays) {
      this.arrays = arrays;
    }

    String label() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }

  static List<Planned> all(Device device) {
    return planned(4096, 1024, device);
  }

  /** A size that no vector divides. */
  static List<Planned> odd(Device device) {
    return planned(3, 1367, device);
  }

  private static List<Planned> planned(int rows, int columns, Device device) {
    List<Planned> cases = new ArrayList<>();
    for (Function f : Function.values()) {
      String name = "%s %dx%d".formatted(f.label(), rows, columns);
      cases.add(new Planned(name, () -> build(name, f, rows * columns, device)));
    }
    return cases;
  }

  private static BenchCase build(String name, Function f, int n, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment a = first(f, memory, n);
    MemorySegment b = memory.normal(2, n);
    MemorySegment ours = memory.zeros(n);
    MemorySegment theirs = memory.zeros(n);
    var ourA = memory.floats(a, n);
    var ourB = memory.floats(b, n);
    var ourY = memory.floats(ours, n);
    Tensor theirA = TorchPeer.floats(a, n);
    Tensor theirB = TorchPeer.floats(b, n);
    Tensor theirY = TorchPeer.floats(theirs, n);
    Runnable our = ours(f, ourA, ourB, ourY);
    Runnable their = theirs(f, theirA, theirB, theirY);
    BenchCase.Check check =
        control -> {
          our.run();
          if (control) {
            Inputs.change(a);
          }
          their.run();
          return compare(f, a, b, ours, theirs);
        };
    return new BenchCase(
        name,
        Rate.GBYTES,
        Work.bytes(4.0 * n * f.arrays),
        new Contender("selfsame", our),
        List.of(new Contender("libtorch", their)),
        check,
        () -> {
          List.of(theirA, theirB, theirY).forEach(Tensor::close);
          memory.run();
        });
  }

  /** Normal values; for the logarithm their magnitudes, for tanh's gradient values of tanh. */
  private static MemorySegment first(Function f, CaseMemory memory, int n) {
    MemorySegment a = memory.normal(1, n);
    for (long i = 0; i < n && (f == Function.LOG || f == Function.TANH_GRADIENT); i++) {
      float x = a.getAtIndex(JAVA_FLOAT, i);
      a.setAtIndex(JAVA_FLOAT, i, f == Function.LOG ? Math.abs(x) : (float) Math.tanh(x));
    }
    return a;
  }

  private static Runnable ours(
      Function f, dev.selfsame.Tensor a, dev.selfsame.Tensor b, dev.selfsame.Tensor y) {
    return switch (f) {
      case ADD -> () -> Elementwise.binary(Binary.ADD, a, b, y);
      case MULTIPLY -> () -> Elementwise.binary(Binary.MUL, a, b, y);
      case RELU, EXP, LOG, TANH, SIGMOID, GELU -> {
        Unary op = Unary.valueOf(f.name());
        yield () -> Elementwise.unary(op, a, y);
      }
      // The one reads the function's output only, the other its input only.
      case TANH_GRADIENT -> () -> Elementwise.gradient(Unary.TANH, a, a, b, y);
      case GELU_GRADIENT -> () -> Elementwise.gradient(Unary.GELU, a, a, b, y);
    };
  }

  private static Runnable theirs(Function f, Tensor a, Tensor b, Tensor y) {
    return switch (f) {
      case ADD -> () -> TorchFunctions.add(a, b, y);
      case MULTIPLY -> () -> TorchFunctions.mul(a, b, y);
      case RELU -> () -> TorchFunctions.relu(a, y);
      case EXP -> () -> TorchFunctions.exp(a, y);
      case LOG -> () -> TorchFunctions.log(a, y);
      case TANH -> () -> TorchFunctions.tanh(a, y);
      case SIGMOID -> () -> TorchFunctions.sigmoid(a, y);
      case GELU -> () -> TorchFunctions.gelu(a, y);
      case TANH_GRADIENT -> () -> TorchFunctions.tanhGradient(a, b, y);
      case GELU_GRADIENT -> () -> TorchFunctions.geluGradient(a, b, y);
    };
  }

  private static List<Agreement> compare(
      Function f, MemorySegment a, MemorySegment b, MemorySegment ours, MemorySegment theirs) {
    var formula = ElementwiseReference.of(f);
    long[] index = sample(a.byteSize() / Float.BYTES);
    LongToDoubleFunction exact = i -> formula.exact(at(a, index, i), at(b, index, i));
    LongToDoubleFunction ourBound =
        i -> formula.error(at(a, index, i), at(b, index, i), ElementwiseReference.CORRECT);
    LongToDoubleFunction theirBound =
        i -> formula.error(at(a, index, i), at(b, index, i), ElementwiseReference.SLEEF);
    return List.of(
        Agreement.of(
            "ours and libtorch",
            index.length,
            i -> at(ours, index, i),
            i -> at(theirs, index, i),
            i -> ourBound.applyAsDouble(i) + theirBound.applyAsDouble(i)),
        Agreement.of("ours and float64", index.length, i -> at(ours, index, i), exact, ourBound),
        Agreement.of(
            "libtorch and float64", index.length, i -> at(theirs, index, i), exact, theirBound));
  }

  private static double at(MemorySegment s, long[] index, long i) {
    return s.getAtIndex(JAVA_FLOAT, index[(int) i]);
  }

  /** The middle element, which a negative control changes, is among them. */
  private static long[] sample(long n) {
    var random = new SplittableRandom(n);
    long[] index = new long[(int) Math.min(n, SAMPLE)];
    for (int i = 0; i < index.length; i++) {
      index[i] = n <= SAMPLE ? i : random.nextLong(n);
    }
    index[index.length / 2] = n / 2;
    return index;
  }
}
