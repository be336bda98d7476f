package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.contract.ExactMath;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.KlDivergenceVector;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;

/**
 * The Kullback-Leibler divergence of a student's softmax from its teacher's, both at a temperature
 * (Hinton, Vinyals &amp; Dean 2015, "Distilling the knowledge in a neural network", section 2):
 * T²·Σ p·(log p − log q), averaged over the rows. The factor T² keeps the gradient's size where the
 * temperature changes. exp and log are correctly rounded ({@link ExactMath}), Σ is the contract's
 * block sum along the row ({@link OrderedSum}), every other operation below rounds once. For each
 * row x of either logits:
 *
 * <pre>
 *   x' = x / T,  m = maximum of the x',  e = exp(x' − m),  s = Σ e
 *   softmax: e / s,   its logarithm: (x' − m) − log(s)
 * </pre>
 *
 * and with p, q the softmax of teacher and student:
 *
 * <pre>
 *   losses[r] = (Σ p·(log p − log q)) · (T·T)      a term is +0 where p is 0
 *   loss      = (block sum of losses) / (float) R, as {@link Sums#mean}
 *   c         = (T · scale) / (float) R, once
 *   gradient by the student's logits = (q − p) · c
 * </pre>
 *
 * Rows do not meet. A row has at most 2³⁰ columns.
 */
public final class KlDivergence {
  private static final Kernel FORWARD = Kernel.of("kl_divergence_forward");
  private static final Kernel FORWARD_LONG = Kernel.of("kl_divergence_forward_long");
  private static final Kernel GRADIENT = Kernel.of("kl_divergence_gradient");
  private static final Kernel GRADIENT_LONG = Kernel.of("kl_divergence_gradient_long");

  private KlDivergence() {}

  /**
   * The divergence of each row, and the mean.
   *
   * @param teacher logits [R, C], not empty
   * @param student logits [R, C]
   * @param temperature T, finite and above 0
   * @param losses [R]
   * @param loss [1]
   */
  public static void forward(
      Tensor teacher, Tensor student, float temperature, Tensor losses, Tensor loss) {
    String op = "klDivergence";
    Check.plain(op, "losses", losses, DType.F32);
    inputs(op, teacher, student, temperature, losses);
    long rows = teacher.size(0);
    long columns = teacher.size(1);
    Check.shape(op, "losses", losses, rows);
    Check.input(op, "loss", loss, losses);
    Check.shape(op, "loss", loss, 1);
    Check.apart(op, "losses", losses, "loss", loss);
    for (Tensor out : new Tensor[] {losses, loss}) {
      Check.apart(op, "teacher", teacher, out == losses ? "losses" : "loss", out);
      Check.apart(op, "student", student, out == losses ? "losses" : "loss", out);
    }
    float square = temperature * temperature;
    switch (losses.device()) {
      case Device.Scalar d -> {
        for (long r = 0; r < rows; r++) {
          float sum =
              scalarSum(
                  new Row(teacher.memory(), r * columns, columns, temperature),
                  new Row(student.memory(), r * columns, columns, temperature),
                  columns);
          f32(losses.memory(), r, sum * square);
        }
      }
      case Device.Vector d ->
          KlDivergenceVector.on(d.bits())
              .losses(
                  teacher.memory(),
                  student.memory(),
                  temperature,
                  square,
                  losses.memory(),
                  rows,
                  columns,
                  d.workers());
      case Device.Cuda d -> {
        boolean isLong = columns > Contract.BLOCK;
        d.context()
            .launch(isLong ? FORWARD_LONG : FORWARD)
            .grid(isLong ? rows : Math.ceilDiv(rows, 8))
            .block(256)
            .arg(teacher.address())
            .arg(student.address())
            .arg(temperature)
            .arg(square)
            .arg(losses.address())
            .arg(rows)
            .arg(columns)
            .what(() -> op + " of " + teacher)
            .run();
      }
    }
    Sums.mean(losses, loss);
  }

  /**
   * The gradient of the mean by the student's logits, times {@code scale}.
   *
   * @param teacher logits [R, C], not empty
   * @param student logits [R, C]
   * @param temperature T, finite and above 0
   * @param scale gradient of the mean, mostly 1
   * @param dstudent [R, C]; may be student itself
   */
  public static void gradient(
      Tensor teacher, Tensor student, float temperature, float scale, Tensor dstudent) {
    String op = "klDivergence gradient";
    Check.plain(op, "dstudent", dstudent, DType.F32);
    inputs(op, teacher, student, temperature, dstudent);
    Check.shape(op, "dstudent", dstudent, student.shape());
    Check.apart(op, "teacher", teacher, "dstudent", dstudent);
    Check.sameOrApart(op, "student", student, "dstudent", dstudent);
    long rows = teacher.size(0);
    long columns = teacher.size(1);
    float c = (temperature * scale) / (float) rows;
    switch (dstudent.device()) {
      case Device.Scalar d -> {
        for (long row = 0; row < rows * columns; row += columns) {
          Row t = new Row(teacher.memory(), row, columns, temperature);
          Row s = new Row(student.memory(), row, columns, temperature);
          for (long i = 0; i < columns; i++) {
            // In place, too: element i of the student is not read again.
            f32(dstudent.memory(), row + i, (s.softmax(i) - t.softmax(i)) * c);
          }
        }
      }
      case Device.Vector d ->
          KlDivergenceVector.on(d.bits())
              .gradient(
                  teacher.memory(),
                  student.memory(),
                  temperature,
                  c,
                  dstudent.memory(),
                  rows,
                  columns,
                  d.workers());
      case Device.Cuda d -> {
        boolean isLong = columns > Contract.BLOCK;
        d.context()
            .launch(isLong ? GRADIENT_LONG : GRADIENT)
            .grid(isLong ? rows : Math.ceilDiv(rows, 8))
            .block(256)
            .arg(teacher.address())
            .arg(student.address())
            .arg(temperature)
            .arg(c)
            .arg(dstudent.address())
            .arg(rows)
            .arg(columns)
            .what(() -> op + " to " + dstudent)
            .run();
      }
    }
  }

  /** A row of logits at a temperature: the definition of its softmax. */
  private static final class Row {
    private final MemorySegment x;
    private final long from;
    private final float temperature;
    private final float m;
    private final float s;
    private final float logS;

    Row(MemorySegment x, long from, long columns, float temperature) {
      this.x = x;
      this.from = from;
      this.temperature = temperature;
      float largest = scaled(0);
      for (long i = 1; i < columns; i++) {
        largest = Math.max(largest, scaled(i));
      }
      m = largest;
      s = OrderedSum.blockSum(this::exp, columns);
      logS = ExactMath.log(s);
    }

    private float scaled(long i) {
      return f32(x, from + i) / temperature;
    }

    private float exp(long i) {
      return ExactMath.exp(scaled(i) - m);
    }

    float softmax(long i) {
      return exp(i) / s;
    }

    float logSoftmax(long i) {
      return (scaled(i) - m) - logS;
    }
  }

  private static float scalarSum(Row teacher, Row student, long columns) {
    return OrderedSum.blockSum(
        i -> {
          float p = teacher.softmax(i);
          return p == 0f ? 0f : p * (teacher.logSoftmax(i) - student.logSoftmax(i));
        },
        columns);
  }

  private static void inputs(
      String op, Tensor teacher, Tensor student, float temperature, Tensor destination) {
    Check.input(op, "teacher", teacher, destination);
    Check.rank(op, "teacher", teacher, 2, "[R, C]");
    Check.notEmpty(op, "teacher", teacher);
    Softmax.columns(op, teacher);
    Check.input(op, "student", student, destination);
    Check.shape(op, "student", student, teacher.shape());
    if (!(temperature > 0 && Float.isFinite(temperature))) {
      throw new IllegalArgumentException(
          op + ": temperature is " + temperature + "; it must be finite and above 0");
    }
  }
}
