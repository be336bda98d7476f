package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch's losses of two things: as values in a graph, and with gradients by its autograd, anew
 * in the leaves.
 */
public final class TorchLosses {
  private static final long SUM = 2;

  private TorchLosses() {}

  /**
   * T²/R times the divergence of softmax(student/T) from softmax(teacher/T), the mean of R rows,
   * with the student's gradient.
   */
  public static Tensor klDivergence(Tensor teacher, Tensor student, float temperature) {
    clear(student);
    return withGradients(divergence(teacher, student, temperature));
  }

  /** The same as a value. */
  static Tensor divergence(Tensor teacher, Tensor student, float temperature) {
    double factor = (double) temperature * temperature / teacher.size(0);
    try (Scalar t = new Scalar(temperature);
        Scalar f = new Scalar(factor);
        Tensor teacherScaled = teacher.div(t);
        Tensor target = torch.softmax(teacherScaled, 1);
        Tensor studentScaled = student.div(t);
        Tensor logs = torch.log_softmax(studentScaled, 1);
        Tensor sum = torch.kl_div(logs, target, SUM, false)) {
      return sum.mul(f);
    }
  }

  /** Mean contrastive loss of rows; {@code different} is a mask. With gradients of a and b. */
  public static Tensor contrastive(Tensor a, Tensor b, Tensor different, float margin) {
    clear(a);
    clear(b);
    return withGradients(contrast(a, b, different, margin));
  }

  /** The same as a value. */
  static Tensor contrast(Tensor a, Tensor b, Tensor different, float margin) {
    try (Scalar m = new Scalar(margin);
        Scalar zero = new Scalar(0);
        Scalar half = new Scalar(0.5);
        Tensor distance = torch.pairwise_distance(a, b, 2, 0, false);
        Tensor negative = distance.neg();
        Tensor lack = negative.add(m);
        Tensor h = torch.clamp_min(lack, zero);
        Tensor pushed = h.mul(h);
        Tensor drawn = distance.mul(distance);
        Tensor chosen = torch.where(different, pushed, drawn);
        Tensor halves = chosen.mul(half)) {
      return torch.mean(halves);
    }
  }

  /** λ·Σ ‖a − b‖² over pairs, with the gradients of all. */
  public static Tensor squaredDistance(List<Tensor> a, List<Tensor> b, float lambda) {
    a.forEach(TorchLosses::clear);
    b.forEach(TorchLosses::clear);
    return withGradients(distance(a, b, lambda));
  }

  /** The same as a value. */
  static Tensor distance(List<Tensor> a, List<Tensor> b, float lambda) {
    Tensor total = null;
    for (int t = 0; t < a.size(); t++) {
      Tensor term = torch.mse_loss(a.get(t), b.get(t), SUM);
      if (total == null) {
        total = term;
      } else {
        try (Tensor before = total;
            term) {
          total = before.add(term);
        }
      }
    }
    try (Tensor sum = total;
        Scalar l = new Scalar(lambda)) {
      return sum.mul(l);
    }
  }

  private static Tensor withGradients(Tensor loss) {
    loss.backward();
    return loss;
  }

  private static void clear(Tensor leaf) {
    try (Tensor none = new Tensor()) {
      leaf.mutable_grad().put(none);
    }
  }
}
