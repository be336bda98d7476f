package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The shipped distillation in libtorch: a student of full layers learns labels, its teacher's soft
 * targets, and its teacher's hidden states; the teacher stands still.
 */
public final class TorchDistill extends TorchModel {
  private final List<Tensor> fixed;
  private final TorchLayers teacher;
  private final TorchLayers student;
  private final float temperature;
  private final float hidden;

  /**
   * A student, and its teacher.
   *
   * @param parameters weight and bias of each layer of the student
   * @param fixed the teacher's likewise
   * @param temperature of the soft targets
   * @param hidden what a squared difference of hidden states counts
   */
  public TorchDistill(
      List<Tensor> parameters, List<Tensor> fixed, float temperature, float hidden) {
    super(parameters);
    this.fixed = fixed;
    teacher = new TorchLayers(fixed);
    student = new TorchLayers(parameters);
    this.temperature = temperature;
    this.hidden = hidden;
  }

  @Override
  Tensor loss(Results results, Tensor images, Tensor labels) {
    List<Tensor> mine = student.forward(results, images);
    // The teacher's parameters want no gradients, so this makes no graph.
    List<Tensor> theirs = teacher.forward(results, images);
    int states = mine.size() - 1;
    Tensor hard = results.keep(torch.cross_entropy_loss(mine.getLast(), labels));
    Tensor soft =
        results.keep(TorchLosses.divergence(theirs.getLast(), mine.getLast(), temperature));
    Tensor drawn =
        results.keep(
            TorchLosses.distance(mine.subList(0, states), theirs.subList(0, states), hidden));
    Tensor ties = results.keep(soft.add(drawn));
    return results.keep(hard.add(ties));
  }

  @Override
  public TorchDistill inFloat64() {
    List<Tensor> wide = fixed.stream().map(TorchRecurrent::wide).toList();
    return new TorchDistill(wideParameters(), wide, temperature, hidden);
  }

  @Override
  public void close() {
    teacher.close();
    student.close();
    fixed.forEach(Tensor::close);
    super.close();
  }
}
