package dev.selfsame;

import dev.selfsame.cuda.CudaGraph;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A step that runs again and again on the same tensors, such as the forward and backward pass of
 * training: on CUDA from its second run on as a captured graph, one call instead of a hundred
 * launches; elsewhere each run is a call of the step. The bits are the same either way.
 *
 * <p>What differs from run to run must lie in tensors that exist before (inputs, labels, indices of
 * embeddings), be copied into them before the run, and be read after it; or the step copies it from
 * a pinned buffer that is filled before the run. The step itself may not wait for the device. An
 * optimizer's step, whose scalars change, and dropout, whose masks do, stay outside.
 *
 * <pre>{@code
 * Replay pass = Replay.of(device, model.parameters(), () -> {
 *   try (Tape tape = Tape.open(device)) {
 *     Var loss = Functions.crossEntropy(model.forward(tape.constant(images)), labels);
 *     tape.backward(loss);
 *     lastLoss.copyFrom(loss.value());
 *   }
 * });
 * for (…) { images.copyFrom(…); labels.copyFrom(…); pass.run(); optimizer.step(); }
 * }</pre>
 */
public final class Replay implements AutoCloseable {
  private final Device device;
  private final List<Parameter> parameters;
  private final Runnable step;
  private final List<Parameter> reached = new ArrayList<>();
  private boolean ran;
  private @Nullable CudaGraph graph;

  private Replay(Device device, List<Parameter> parameters, Runnable step) {
    this.device = device;
    this.parameters = List.copyOf(parameters);
    this.step = step;
  }

  /**
   * A step to be replayed.
   *
   * @param device where it works
   * @param parameters whose gradients the step's backward sweep sets
   * @param step the work; it must do the same in every run
   */
  public static Replay of(Device device, List<Parameter> parameters, Runnable step) {
    return new Replay(device, parameters, step);
  }

  /** Does the step once. */
  public void run() {
    if (!(device instanceof Device.Cuda cuda)) {
      step.run();
      return;
    }
    if (!ran) { // loads kernels, and makes the gradients' memory, which outlives the graph
      step.run();
      ran = true;
      return;
    }
    CudaGraph captured = graph;
    if (captured == null) {
      parameters.forEach(Parameter::clearGradient);
      captured = cuda.context().capture(step);
      graph = captured;
      parameters.stream().filter(Parameter::hasGradient).forEach(reached::add);
    }
    captured.launch();
    reached.forEach(Parameter::gradientMemory);
  }

  /** Whether runs are replays of a captured graph by now. */
  public boolean isCaptured() {
    return graph != null;
  }

  /** Gives the graph and its memory back; a later run would capture anew. */
  @Override
  public void close() {
    CudaGraph captured = graph;
    if (captured != null) {
      captured.close();
      graph = null;
      reached.clear();
    }
  }
}
