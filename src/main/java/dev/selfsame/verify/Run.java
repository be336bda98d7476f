package dev.selfsame.verify;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * One case on one device: hands inputs to the operation and keeps its outputs.
 *
 * <p>Outputs are filled with a mark beforehand and lie between marks, so an element that is not
 * written, or one beside the output that is, shows as a difference.
 */
public final class Run {
  /** No operation gives this value by chance. */
  private static final int MARK = Float.floatToRawIntBits(-6.2598534e18f);

  private static final int GUARD = 16;

  private final Scope scope;
  private final Device device;
  private final boolean arrays;
  private final List<Kept> kept = new ArrayList<>();
  private int offset;

  Run(Scope scope, Device device) {
    this(scope, device, false);
  }

  /**
   * A run whose tensors may lie in Java arrays.
   *
   * @param arrays whether they do; of a CPU
   */
  Run(Scope scope, Device device, boolean arrays) {
    this.scope = scope;
    this.device = device;
    this.arrays = arrays;
  }

  private record Kept(String name, Tensor whole, int from, Tensor tensor, boolean output) {}

  /**
   * What an output held afterwards.
   *
   * @param name its name
   * @param isFloat whether it is FP32
   * @param isOutput false for an input, which must not change
   * @param from place of its first element in {@code bits}
   * @param count its elements
   * @param bits its elements with the marks on both sides
   */
  record Output(String name, boolean isFloat, boolean isOutput, int from, int count, int[] bits) {}

  void place(int elements) {
    offset = elements;
  }

  /** The device. */
  public Device device() {
    return device;
  }

  /** An input on this device. */
  public Tensor in(Draw.Input input) {
    return keep(input.name(), input.dtype(), input.shape(), false).copyFrom(input.data());
  }

  /** An FP32 output. */
  public Tensor out(String name, long... sizes) {
    return keep(name, DType.F32, Shape.of(sizes), true);
  }

  /** An INT32 output. */
  public Tensor outInts(String name, long... sizes) {
    return keep(name, DType.I32, Shape.of(sizes), true);
  }

  /** An input that the operation changes: an output, too. */
  public Tensor inOut(Draw.Input input) {
    return keep(input.name(), input.dtype(), input.shape(), true).copyFrom(input.data());
  }

  private Tensor keep(String name, DType dtype, Shape shape, boolean output) {
    int from = GUARD + offset;
    long count = shape.elements();
    Tensor whole = empty(dtype, from + count + GUARD);
    if (dtype == DType.F32) {
      whole.fill(Float.intBitsToFloat(MARK));
    } else {
      whole.fill(MARK);
    }
    Tensor tensor = whole.slice(from, from + count).reshape(shape.sizes());
    kept.add(new Kept(name, whole, from, tensor, output));
    return tensor;
  }

  private Tensor empty(DType dtype, long count) {
    if (!arrays) {
      return Tensor.empty(scope, device, dtype, Shape.of(count));
    }
    int size = Math.toIntExact(count);
    MemorySegment memory =
        dtype == DType.F32
            ? MemorySegment.ofArray(new float[size])
            : MemorySegment.ofArray(new int[size]);
    return Tensor.wrap(scope, device, dtype, memory, count);
  }

  /** For faults on purpose: an input or output with the marks on both sides. */
  Tensor whole(String name) {
    return kept.stream().filter(k -> k.name.equals(name)).findFirst().orElseThrow().whole;
  }

  /** Waits for the device and reads everything back. */
  List<Output> finish() {
    List<Output> outputs = new ArrayList<>();
    for (Kept k : kept) {
      int[] bits = new int[Math.toIntExact(k.whole.elements())];
      k.whole.copyTo(MemorySegment.ofArray(bits));
      int count = Math.toIntExact(k.tensor.elements());
      outputs.add(new Output(k.name, k.whole.dtype() == DType.F32, k.output, k.from, count, bits));
    }
    return outputs;
  }
}
