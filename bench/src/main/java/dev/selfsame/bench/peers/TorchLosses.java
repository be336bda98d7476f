package dev.selfsame.bench.peers;

import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** libtorch's losses of two things, with gradients by its autograd, anew in the leaves. */
public final class TorchLosses {
  private static final long SUM = 2;

  private TorchLosses() {}

  /**
   * T²/R times the divergence of softmax(student/T) from softmax(teacher/T); the mean of R rows.
   */
  public static Tensor klDivergence(Tensor teacher, Tensor student, float temperature) {
    clear(student);
    double factor = (double) temperature * temperature / teacher.size(0);
    try (Scalar t = new Scalar(temperature);
        Scalar f = new Scalar(factor);
        Tensor teacherScaled = teacher.div(t);
        Tensor target = torch.softmax(teacherScaled, 1);
        Tensor studentScaled = student.div(t);
        Tensor logs = torch.log_softmax(studentScaled, 1);
        Tensor sum = torch.kl_div(logs, target, SUM, false)) {
      Tensor loss = sum.mul(f);
      loss.backward();
      return loss;
    }
  }

  /** Mean contrastive loss of rows; {@code different} is a mask. */
  public static Tensor contrastive(Tensor a, Tensor b, Tensor different, float margin) {
    clear(a);
    clear(b);
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
      Tensor loss = torch.mean(halves);
      loss.backward();
      return loss;
    }
  }

  /** λ·Σ ‖a − b‖² over pairs. */
  public static Tensor squaredDistance(List<Tensor> a, List<Tensor> b, float lambda) {
    Tensor total = null;
    for (int t = 0; t < a.size(); t++) {
      clear(a.get(t));
      clear(b.get(t));
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
      Tensor penalty = sum.mul(l);
      penalty.backward();
      return penalty;
    }
  }

  private static void clear(Tensor leaf) {
    try (Tensor none = new Tensor()) {
      leaf.mutable_grad().put(none);
    }
  }
}
