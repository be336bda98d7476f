package dev.selfsame.grad;

import dev.selfsame.DType;
import dev.selfsame.Parameter;
import dev.selfsame.SelfsameException;
import dev.selfsame.Tensor;
import dev.selfsame.op.Binary;
import dev.selfsame.op.Elementwise;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A value on a tape: an input, a parameter, or the result of a function. */
public final class Var {
  private final Tape tape;
  private final Tensor value;
  private final boolean needsGradient;
  private final @Nullable Parameter parameter;
  private final @Nullable Var transposedFrom;
  private @Nullable Tensor gradient;

  Var(Tape tape, Tensor value, boolean needsGradient, @Nullable Parameter parameter) {
    this(tape, value, needsGradient, parameter, null);
  }

  private Var(
      Tape tape,
      Tensor value,
      boolean needsGradient,
      @Nullable Parameter parameter,
      @Nullable Var transposedFrom) {
    this.tape = tape;
    this.value = value;
    this.needsGradient = needsGradient;
    this.parameter = parameter;
    this.transposedFrom = transposedFrom;
  }

  /** The tape that recorded it. */
  public Tape tape() {
    return tape;
  }

  /** The numbers. */
  public Tensor value() {
    return value;
  }

  /** Whether a gradient flows to it. */
  public boolean needsGradient() {
    return needsGradient;
  }

  /**
   * The last two axes swapped, for use in a matrix product: how one weight serves two ways (tying).
   * Gradients flow to the variable itself.
   */
  public Var transposed() {
    Var from = transposedFrom;
    return from != null ? from : new Var(tape, value.transpose(), needsGradient, parameter, this);
  }

  /** The variable that this is a transposed view of, or null. */
  @Nullable Var transposedFrom() {
    return transposedFrom;
  }

  /**
   * The gradient of an input after the backward sweep.
   *
   * @throws SelfsameException if none reached it
   */
  public Tensor gradient() {
    if (parameter != null) {
      return parameter.gradient();
    }
    Tensor g = gradient;
    if (g == null) {
      throw new SelfsameException("variable " + this + " has no gradient");
    }
    return g;
  }

  boolean hasGradient() {
    return parameter != null ? parameter.hasGradient() : gradient != null;
  }

  /**
   * A use's gradient: the first is written in place, later ones are added to the sum so far, one
   * add an element.
   */
  void contribute(Consumer<Tensor> writer) {
    if (!needsGradient) {
      return;
    }
    if (!hasGradient()) {
      first(writer);
      return;
    }
    Tensor sum = gradient();
    try (Tensor term = tape.result(DType.F32, value.shape())) {
      writer.accept(term);
      Elementwise.binary(Binary.ADD, sum, term, sum);
    }
  }

  /**
   * Gradients of one use of several variables, which one call writes: the first of a variable in
   * place, a later one into memory that is then added to the sum so far, as {@link
   * #contribute(Consumer)} does. A variable may be there several times; its terms are added in the
   * list's order. One that needs no gradient has memory, too, which is dropped.
   */
  static void contribute(List<Var> to, Consumer<List<Tensor>> writer) {
    List<Tensor> memory = new ArrayList<>();
    List<Var> begun = new ArrayList<>();
    List<Tensor> terms = new ArrayList<>();
    List<Tensor> sums = new ArrayList<>();
    List<Tensor> unwanted = new ArrayList<>();
    try {
      for (Var v : to) {
        if (!v.needsGradient) {
          Tensor dropped = v.tape.result(DType.F32, v.value.shape());
          memory.add(dropped);
          unwanted.add(dropped);
        } else if (v.hasGradient()) {
          Tensor term = v.tape.result(DType.F32, v.value.shape());
          memory.add(term);
          terms.add(term);
          sums.add(v.gradient());
        } else {
          begun.add(v);
          memory.add(v.memory());
        }
      }
      writer.accept(memory);
    } catch (RuntimeException | Error e) {
      begun.forEach(Var::forget);
      terms.forEach(Tensor::close);
      throw e;
    } finally {
      unwanted.forEach(Tensor::close);
    }
    for (int i = 0; i < terms.size(); i++) {
      try (Tensor term = terms.get(i)) {
        Elementwise.binary(Binary.ADD, sums.get(i), term, sums.get(i));
      }
    }
  }

  /**
   * A use's gradient that its operation adds to the sum so far by itself; the first finds +0 there.
   */
  void contributeByAdding(Consumer<Tensor> adder) {
    if (!needsGradient) {
      return;
    }
    if (hasGradient()) {
      adder.accept(gradient());
    } else {
      first(d -> adder.accept(d.fill(0f)));
    }
  }

  /**
   * The gradient of a result with the same elements, as a use's gradient. Memory changes hands
   * where this is the first use: the result's rule is the last one to read its gradient.
   */
  void takeGradientOf(Var result) {
    Tensor g = result.gradient();
    boolean sameShape = g.shape().equals(value.shape());
    Tensor mine = sameShape ? g : g.reshape(value.shape().sizes());
    if (needsGradient && parameter == null && gradient == null) {
      gradient = mine;
      result.gradient = null;
    } else {
      contribute(d -> d.copyFrom(mine));
    }
  }

  /** A gradient that could not be written is none: no optimizer may see undefined numbers. */
  private void first(Consumer<Tensor> writer) {
    try {
      writer.accept(memory());
    } catch (RuntimeException | Error e) {
      forget();
      throw e;
    }
  }

  private void forget() {
    dropGradient();
    if (parameter != null) {
      parameter.clearGradient();
    }
  }

  private Tensor memory() {
    if (parameter != null) {
      return parameter.gradientMemory();
    }
    Tensor g = tape.result(DType.F32, value.shape());
    gradient = g;
    return g;
  }

  /** Frees the gradient of an intermediate result once its rule has run. */
  void dropGradient() {
    if (gradient != null) {
      gradient.close();
      gradient = null;
    }
  }

  @Override
  public String toString() {
    return parameter != null ? parameter.name() : value.toString();
  }
}
