package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.BatchNorm.Running;
import java.util.List;

/**
 * Normalizes each channel over the batch (Ioffe &amp; Szegedy 2015), and in evaluation by the
 * statistics that training left. A new layer is in training.
 *
 * <p>The running statistics are state, but no parameters: they are not trained, and who stores a
 * model stores {@link #runningMean} and {@link #runningVariance} beside its parameters. A layer in
 * two places updates them at each.
 */
public final class BatchNorm implements Layer {
  /** Added to the variance, as in PyTorch's layer. */
  public static final float EPS = 1e-5f;

  /** Weight of the newest batch, as in PyTorch's layer. */
  public static final float MOMENTUM = 0.1f;

  private final Parameter weight;
  private final Parameter bias;
  private final Running running;
  private final float eps;
  private boolean training = true;

  /** Over given parameters [C] and statistics [C]. */
  public BatchNorm(Parameter weight, Parameter bias, Running running, float eps) {
    this.weight = weight;
    this.bias = bias;
    this.running = running;
    this.eps = eps;
  }

  /**
   * New parameters {@code name.weight}, ones, and {@code name.bias}, zeros; running mean 0 and
   * variance 1.
   */
  public static BatchNorm of(Initializer init, String name, long channels) {
    return new BatchNorm(
        init.constant(name + ".weight", 1f, channels),
        init.constant(name + ".bias", 0f, channels),
        new Running(
            init.constant(name + ".running_mean", 0f, channels).value(),
            init.constant(name + ".running_var", 1f, channels).value(),
            MOMENTUM),
        EPS);
  }

  /** From now on batches are normalized by their own statistics. */
  public void train() {
    training = true;
  }

  /** From now on batches are normalized by the running statistics; that has no gradient. */
  public void evaluate() {
    training = false;
  }

  /** The running mean [C]. */
  public Tensor runningMean() {
    return running.mean();
  }

  /** The running variance [C]. */
  public Tensor runningVariance() {
    return running.variance();
  }

  /** x [N, C] or [N, C, …]. */
  @Override
  public Var forward(Var x) {
    Var scale = x.tape().parameter(weight);
    Var shift = x.tape().parameter(bias);
    return training
        ? Functions.batchNorm(x, scale, shift, eps, running)
        : Functions.batchNormEvaluation(x, scale, shift, eps, running);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
