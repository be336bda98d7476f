package dev.selfsame.grad;

import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.op.ContrastiveLoss;
import dev.selfsame.op.KlDivergence;
import dev.selfsame.op.SquaredDistance;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Losses that compare two things with each other: embeddings, networks, a student and a teacher.
 */
public final class Losses {
  /**
   * A contrastive loss.
   *
   * @param loss the mean, a single value; gradients flow through it
   * @param distances of the pairs, [N]: for decisions, without a gradient
   */
  public record Contrastive(Var loss, Tensor distances) {}

  private Losses() {}

  /**
   * Contrastive loss of pairs of rows of a and b [N, D] ({@link ContrastiveLoss}).
   *
   * @param labels I32 [N], {@link ContrastiveLoss#SAME} or {@link ContrastiveLoss#DIFFERENT}
   */
  public static Contrastive contrastive(Var a, Var b, Tensor labels, float margin) {
    Tape tape = a.tape();
    long rows = a.value().size(0);
    Tensor distances = tape.result(rows);
    Tensor losses = tape.result(rows);
    Tensor loss = tape.result(1);
    ContrastiveLoss.forward(a.value(), b.value(), labels, margin, distances, losses, loss);
    Var out = tape.variable(loss, a, b);
    tape.rule(
        out,
        () -> {
          float scale = tape.gradientOf(out);
          Tensor av = a.value();
          Tensor bv = b.value();
          // One call gives both: where only one is wanted, the other goes nowhere.
          if (a.needsGradient() && b.needsGradient()) {
            Var.contribute(
                List.of(b, a),
                d ->
                    ContrastiveLoss.gradient(
                        av, bv, labels, margin, distances, scale, d.get(1), d.get(0)));
          } else {
            try (Tensor other = tape.result(av.shape().sizes())) {
              a.contribute(d ->
                  ContrastiveLoss.gradient(av, bv, labels, margin, distances, scale, d, other));
              b.contribute(d ->
                  ContrastiveLoss.gradient(av, bv, labels, margin, distances, scale, other, d));
            }
          }
        });
    return new Contrastive(out, distances);
  }

  /**
   * Mean divergence of the student's softmax from the teacher's, both at a temperature, a single
   * value ({@link KlDivergence}). No gradient flows to the teacher.
   *
   * @param teacher logits [R, C]
   * @param student logits [R, C]
   */
  public static Var klDivergence(Tensor teacher, Var student, float temperature) {
    Tape tape = student.tape();
    Tensor losses = tape.result(student.value().size(0));
    Tensor loss = tape.result(1);
    KlDivergence.forward(teacher, student.value(), temperature, losses, loss);
    Var out = tape.variable(loss, student);
    tape.rule(
        out,
        () ->
            student.contribute(d ->
                KlDivergence.gradient(
                    teacher, student.value(), temperature, tape.gradientOf(out), d)));
    return out;
  }

  /**
   * λ·Σ ‖aₜ − bₜ‖² over pairs of equal shapes, a single value ({@link SquaredDistance}): ties the
   * pairs softly. A gradient flows to each side that needs one; a side that doesn't, such as a
   * teacher's state, stays where it is.
   *
   * @param lambda strength of the tie
   */
  public static Var squaredDistance(List<Var> a, List<Var> b, float lambda) {
    if (a.isEmpty()) {
      throw new ShapeException(
          "squaredDistance: the list of pairs is empty; at least one is needed");
    }
    Tape tape = a.getFirst().tape();
    Tensor penalty = tape.result(1);
    SquaredDistance.forward(values(a), values(b), lambda, tape.result(a.size()), penalty);
    Var out = tape.variable(penalty, Stream.concat(a.stream(), b.stream()).toArray(Var[]::new));
    List<Var> left = new ArrayList<>();
    List<Var> right = new ArrayList<>();
    List<Var> moving = new ArrayList<>();
    List<Var> still = new ArrayList<>();
    for (int t = 0; t < a.size(); t++) {
      boolean aMoves = a.get(t).needsGradient();
      boolean bMoves = b.get(t).needsGradient();
      if (aMoves && bMoves) {
        left.add(a.get(t));
        right.add(b.get(t));
      } else if (aMoves || bMoves) {
        moving.add(aMoves ? a.get(t) : b.get(t));
        still.add(aMoves ? b.get(t) : a.get(t));
      }
    }
    tape.rule(
        out,
        () -> {
          float scale = tape.gradientOf(out);
          int n = left.size();
          if (n > 0) {
            Var.contribute(
                Stream.concat(left.stream(), right.stream()).toList(),
                d ->
                    SquaredDistance.gradient(
                        values(left),
                        values(right),
                        lambda,
                        scale,
                        d.subList(0, n),
                        d.subList(n, 2 * n)));
          }
          if (!moving.isEmpty()) {
            Var.contribute(
                moving,
                d ->
                    SquaredDistance.gradient(
                        values(moving), values(still), lambda, scale, d, null));
          }
        });
    return out;
  }

  private static List<Tensor> values(List<Var> variables) {
    return variables.stream().map(Var::value).toList();
  }
}
