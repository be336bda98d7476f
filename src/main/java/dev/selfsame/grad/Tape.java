package dev.selfsame.grad;

import dev.selfsame.ClosedException;
import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Records the differentiable operations of one forward pass, and sweeps them backwards once.
 *
 * <p>All results and their gradients live until the tape is closed; parameters and their gradients
 * outlive it.
 *
 * <pre>{@code
 * try (Tape tape = Tape.open(device)) {
 *   Var loss = Functions.crossEntropy(model.forward(tape.constant(images)), labels);
 *   tape.backward(loss);
 * }
 * optimizer.step();
 * }</pre>
 */
public final class Tape implements AutoCloseable {
  private final Device device;
  private final Scope scope = Scope.open();
  private final List<Runnable> rules = new ArrayList<>();
  private final Map<Parameter, Var> parameters = new IdentityHashMap<>();
  private boolean swept;
  private @Nullable Var root;

  private Tape(Device device) {
    this.device = device;
  }

  /** A tape for tensors of one device. */
  public static Tape open(Device device) {
    return new Tape(device);
  }

  /** The device of every tensor on this tape. */
  public Device device() {
    return device;
  }

  /** The scope of results; also good for the inputs of this pass. */
  public Scope scope() {
    return scope;
  }

  /** An input that needs no gradient. */
  public Var constant(Tensor value) {
    requireDevice(value);
    return new Var(this, value, false, null);
  }

  /**
   * An input whose gradient is wanted, such as data in a sensitivity study; read it with {@link
   * Var#gradient}.
   */
  public Var input(Tensor value) {
    requireDevice(value);
    return new Var(this, value, true, null);
  }

  /** A parameter as a variable: the same object each time, so that uses add up. */
  public Var parameter(Parameter p) {
    requireDevice(p.value());
    return parameters.computeIfAbsent(p, key -> new Var(this, p.value(), true, p));
  }

  /** Memory for a result. */
  Tensor result(long... sizes) {
    return Tensor.empty(scope, device, sizes);
  }

  /** Memory for a result. */
  Tensor result(DType dtype, Shape shape) {
    return Tensor.empty(scope, device, dtype, shape);
  }

  /** A result without a rule yet. */
  Var variable(Tensor value, Var... inputs) {
    boolean needs = false;
    for (Var input : inputs) {
      if (input.tape() != this) {
        throw new ClosedException("variable " + input + " belongs to another tape");
      }
      needs |= input.needsGradient();
    }
    if (swept) {
      throw new ClosedException(
          "the tape was swept backwards already; open a new one for the next pass");
    }
    return new Var(this, value, needs, null);
  }

  /** Adds the rule that turns the gradient of {@code result} into contributions to its inputs. */
  void rule(Var result, Runnable backward) {
    if (result.needsGradient()) {
      rules.add(() -> {
        if (result.hasGradient()) {
          backward.run();
          result.dropGradient();
        }
      });
    }
  }

  /**
   * Computes the gradients of all parameters and inputs that {@code loss} depends on, last
   * operation first. Parameters that an earlier sweep reached and that were not cleared get this
   * sweep's gradients added.
   *
   * @param loss a single value
   */
  public void backward(Var loss) {
    if (loss.tape() != this || swept) {
      throw new ClosedException(
          swept
              ? "the tape was swept backwards already"
              : "variable " + loss + " belongs to another tape");
    }
    if (loss.value().elements() != 1) {
      throw new ShapeException(
          "backward from shape " + loss.value().shape() + "; a single value is needed");
    }
    swept = true;
    root = loss;
    loss.contribute(g -> g.fill(1f));
    for (int i = rules.size() - 1; i >= 0; i--) {
      rules.get(i).run();
    }
    rules.clear();
  }

  /**
   * The gradient of a single value, on the host. That of the sweep's own loss is 1, which nobody
   * has to ask the device for; of another one it waits for the device.
   */
  float gradientOf(Var single) {
    return single == root ? 1f : single.gradient().item();
  }

  private void requireDevice(Tensor value) {
    if (!value.device().equals(device)) {
      throw new DeviceException(
          "tensor " + value + " on a tape for " + device + "; copy it there first");
    }
  }

  /** Closes all results of this pass. */
  @Override
  public void close() {
    rules.clear();
    scope.close();
  }
}
