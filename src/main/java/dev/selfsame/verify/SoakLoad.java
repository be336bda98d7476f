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
 * One operation that the burn-in repeats on a card: its inputs, and its results with the bits that
 * the CPU's vector kernels gave, both on the card.
 */
final class SoakLoad {
  /** The calls of an operation. */
  @FunctionalInterface
  interface Body {
    void run(List<Tensor> in, List<Tensor> out);
  }

  /**
   * A result.
   *
   * @param name its name in the operation
   * @param shape its shape
   * @param from the input that it starts as a copy of, because the operation updates it; or −1
   */
  record Result(String name, Shape shape, int from) {}

  /**
   * An operation with its data.
   *
   * @param name of the kernel
   * @param inputs with their values
   * @param results FP32
   * @param body the calls; writes the results only
   */
  record Spec(String name, List<Draw.Input> inputs, List<Result> results, Body body) {}

  /** Memory on the card and the bits that it must hold. */
  record Known(String name, Tensor tensor, MemorySegment bits) {
    void upload() {
      tensor.copyFrom(bits);
    }
  }

  final Spec spec;
  final List<Known> inputs = new ArrayList<>();
  final List<Known> references = new ArrayList<>();
  final List<Tensor> results = new ArrayList<>();
  final List<SoakNotes> notes = new ArrayList<>();
  private final List<Tensor> inputTensors;

  /** How often a batch runs it: set from the first run's time. */
  long repeats = 1;

  long executions;

  /** Computes the bits on the CPU and places everything on the card, in the scope. */
  SoakLoad(Spec spec, Scope scope, Device.Cuda device, Device cpu) {
    this.spec = spec;
    try (Scope host = Scope.open()) {
      List<Tensor> in = new ArrayList<>();
      for (Draw.Input input : spec.inputs) {
        in.add(Tensor.empty(host, cpu, input.dtype(), input.shape()).copyFrom(input.data()));
      }
      List<Tensor> out = new ArrayList<>();
      for (Result r : spec.results) {
        Tensor result = Tensor.empty(host, cpu, DType.F32, r.shape);
        out.add(r.from < 0 ? result.fill(0f) : result.copyFrom(in.get(r.from)));
      }
      spec.body.run(in, out);
      for (Draw.Input input : spec.inputs) {
        Tensor tensor = Tensor.empty(scope, device, input.dtype(), input.shape());
        inputs.add(new Known(input.name(), tensor, input.data()));
      }
      for (int i = 0; i < out.size(); i++) {
        Result r = spec.results.get(i);
        Tensor reference = Tensor.empty(scope, device, DType.F32, r.shape);
        MemorySegment bits = MemorySegment.ofArray(out.get(i).toFloatArray());
        references.add(new Known(r.name, reference, bits));
        results.add(Tensor.empty(scope, device, DType.F32, r.shape));
        notes.add(new SoakNotes(scope, device));
      }
    }
    inputTensors = inputs.stream().map(Known::tensor).toList();
    inputs.forEach(Known::upload);
    references.forEach(Known::upload);
  }

  /** One run, compared on the card; nothing waits. */
  void runOnce() {
    for (int i = 0; i < results.size(); i++) {
      int from = spec.results.get(i).from;
      if (from >= 0) {
        results.get(i).copyFrom(inputTensors.get(from));
      }
    }
    spec.body.run(inputTensors, results);
    for (int i = 0; i < results.size(); i++) {
      notes.get(i).compare(references.get(i).tensor, results.get(i));
    }
    executions++;
  }
}
