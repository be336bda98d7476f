package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.contract.Mem.i32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.contract.FloatAt;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.ContrastiveLossVector;
import dev.selfsame.cpu.SquaredDistanceVector;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;

/**
 * The contrastive loss of pairs of embeddings (Hadsell, Chopra &amp; LeCun 2006, "Dimensionality
 * reduction by learning an invariant mapping", equations 1 to 4): pairs of the same kind are drawn
 * together, pairs of different kinds are pushed apart until the margin lies between them. A label
 * is the paper's Y: {@link #SAME} or {@link #DIFFERENT}. For each row:
 *
 * <pre>
 *   s = Σ (a − b)·(a − b)       the contract's block sum along the row
 *   distance = √s
 *   h = maximum(margin − distance, +0)
 *   loss of the row = 0.5 · s for the same, 0.5 · (h·h) for different ones
 *   loss = (block sum of losses) / (float) N, as {@link Sums#mean}
 * </pre>
 *
 * Its gradient (equations 6 to 8), with c = scale / (float) N, once:
 *
 * <pre>
 *   k  = c for the same, −((h / distance) · c) for different ones
 *   da = (a − b) · k,   db = −da,   both +0 where k is 0
 * </pre>
 *
 * with k = 0 for different ones at least a margin apart, and for different ones at distance 0,
 * where the loss has a kink and no slope. Every operation rounds once ({@link OrderedSum}); rows do
 * not meet. A label other than 0 and 1 is an {@link dev.selfsame.IndexException} that names its
 * position, before anything is written.
 */
public final class ContrastiveLoss {
  /** Label of a pair of one kind. */
  public static final int SAME = 0;

  /** Label of a pair of two kinds. */
  public static final int DIFFERENT = 1;

  private static final Kernel FORWARD = Kernel.of("contrastive_loss_forward");
  private static final Kernel FORWARD_LONG = Kernel.of("contrastive_loss_forward_long");
  private static final Kernel GRADIENT = Kernel.of("contrastive_loss_gradient");

  private ContrastiveLoss() {}

  /**
   * The distance and the loss of each row, and the mean loss.
   *
   * @param a [N, D], not empty
   * @param b [N, D]
   * @param labels I32 [N], {@link #SAME} or {@link #DIFFERENT}
   * @param margin finite, above 0
   * @param distances [N], kept for the gradient
   * @param losses [N]
   * @param loss [1]
   */
  public static void forward(
      Tensor a,
      Tensor b,
      Tensor labels,
      float margin,
      Tensor distances,
      Tensor losses,
      Tensor loss) {
    String op = "contrastiveLoss";
    Check.plain(op, "distances", distances, DType.F32);
    inputs(op, a, b, labels, margin, distances);
    long rows = a.size(0);
    Check.shape(op, "distances", distances, rows);
    Check.input(op, "losses", losses, distances);
    Check.shape(op, "losses", losses, rows);
    Check.input(op, "loss", loss, distances);
    Check.shape(op, "loss", loss, 1);
    String[] names = {"distances", "losses", "loss"};
    Tensor[] outs = {distances, losses, loss};
    for (int i = 0; i < outs.length; i++) {
      Check.apart(op, "a", a, names[i], outs[i]);
      Check.apart(op, "b", b, names[i], outs[i]);
      Check.apart(op, "labels", labels, names[i], outs[i]);
      for (int j = 0; j < i; j++) {
        Check.apart(op, names[j], outs[j], names[i], outs[i]);
      }
    }
    CrossEntropy.labels(op, labels, 2);
    long columns = a.size(1);
    switch (distances.device()) {
      case Device.Scalar d ->
          scalar(
              a.memory(),
              b.memory(),
              labels.memory(),
              margin,
              distances.memory(),
              losses.memory(),
              columns);
      case Device.Vector d -> {
        SquaredDistanceVector.on(d.bits())
            .rows(a.memory(), b.memory(), rows, columns, distances.memory(), d.workers());
        // One number a row.
        losses(distances.memory(), labels.memory(), margin, losses.memory(), rows);
      }
      case Device.Cuda d -> {
        boolean isLong = columns > Contract.BLOCK;
        d.context()
            .launch(isLong ? FORWARD_LONG : FORWARD)
            .grid(isLong ? rows : Math.ceilDiv(rows, 8))
            .block(256)
            .arg(a.address())
            .arg(b.address())
            .arg(labels.address())
            .arg(margin)
            .arg(distances.address())
            .arg(losses.address())
            .arg(rows)
            .arg(columns)
            .what(() -> op + " of " + a)
            .run();
      }
    }
    Sums.mean(losses, loss);
  }

  private static void scalar(
      MemorySegment a,
      MemorySegment b,
      MemorySegment labels,
      float margin,
      MemorySegment distances,
      MemorySegment losses,
      long columns) {
    long rows = distances.byteSize() / Float.BYTES;
    for (long r = 0; r < rows; r++) {
      long row = r * columns;
      float s =
          OrderedSum.blockSum(
              i -> {
                float difference = f32(a, row + i) - f32(b, row + i);
                return difference * difference;
              },
              columns);
      f32(distances, r, s);
    }
    losses(distances, labels, margin, losses, rows);
  }

  /** The losses of squared distances, which become distances. */
  private static void losses(
      MemorySegment distances,
      MemorySegment labels,
      float margin,
      MemorySegment losses,
      long rows) {
    for (long r = 0; r < rows; r++) {
      float s = f32(distances, r);
      float distance = (float) Math.sqrt(s);
      float h = Math.max(margin - distance, 0f);
      f32(distances, r, distance);
      f32(losses, r, i32(labels, r) == SAME ? 0.5f * s : 0.5f * (h * h));
    }
  }

  /**
   * The gradients of the mean loss, times {@code scale}.
   *
   * @param a as in {@link #forward}
   * @param b as in {@link #forward}
   * @param labels as in {@link #forward}
   * @param margin as in {@link #forward}
   * @param distances from {@link #forward}, [N]
   * @param scale gradient of the mean loss, mostly 1
   * @param da [N, D]; may be a itself
   * @param db [N, D]; may be b itself
   */
  public static void gradient(
      Tensor a,
      Tensor b,
      Tensor labels,
      float margin,
      Tensor distances,
      float scale,
      Tensor da,
      Tensor db) {
    String op = "contrastiveLoss gradient";
    Check.plain(op, "da", da, DType.F32);
    inputs(op, a, b, labels, margin, da);
    Check.input(op, "distances", distances, da);
    Check.shape(op, "distances", distances, a.size(0));
    Check.shape(op, "da", da, a.shape());
    Check.input(op, "db", db, da);
    Check.shape(op, "db", db, a.shape());
    Check.sameOrApart(op, "a", a, "da", da);
    Check.apart(op, "b", b, "da", da);
    Check.apart(op, "a", a, "db", db);
    Check.sameOrApart(op, "b", b, "db", db);
    Check.apart(op, "da", da, "db", db);
    for (Tensor out : new Tensor[] {da, db}) {
      Check.apart(op, "labels", labels, out == da ? "da" : "db", out);
      Check.apart(op, "distances", distances, out == da ? "da" : "db", out);
    }
    CrossEntropy.labels(op, labels, 2);
    long rows = a.size(0);
    long columns = a.size(1);
    float c = scale / (float) rows;
    switch (da.device()) {
      case Device.Scalar d -> {
        for (long r = 0; r < rows; r++) {
          float k = factor(distances.memory(), labels.memory(), margin, c, r);
          scalarRow(
              a.memory(), b.memory(), k, da.memory(), db.memory(), r * columns, (r + 1) * columns);
        }
      }
      case Device.Vector d -> {
        MemorySegment distance = distances.memory();
        MemorySegment label = labels.memory();
        FloatAt factors = r -> factor(distance, label, margin, c, r);
        ContrastiveLossVector.on(d.bits())
            .gradient(
                a.memory(),
                b.memory(),
                factors,
                da.memory(),
                db.memory(),
                rows,
                columns,
                d.workers());
      }
      case Device.Cuda d -> {
        // A warp a short row, a block a long one.
        int threads = columns <= Contract.BLOCK ? 32 : 256;
        d.context()
            .launch(GRADIENT)
            .grid(Math.ceilDiv(rows * threads, 256))
            .block(256)
            .arg(a.address())
            .arg(b.address())
            .arg(labels.address())
            .arg(margin)
            .arg(distances.address())
            .arg(c)
            .arg(da.address())
            .arg(db.address())
            .arg(rows)
            .arg(columns)
            .arg(threads)
            .what(() -> op + " to " + da)
            .run();
      }
    }
  }

  /** k of a row; 0 where da and db are +0. */
  private static float factor(
      MemorySegment distances, MemorySegment labels, float margin, float c, long r) {
    if (i32(labels, r) == SAME) {
      return c;
    }
    float distance = f32(distances, r);
    float h = Math.max(margin - distance, 0f);
    return h == 0f || distance == 0f ? 0f : -((h / distance) * c);
  }

  private static void scalarRow(
      MemorySegment a,
      MemorySegment b,
      float k,
      MemorySegment da,
      MemorySegment db,
      long from,
      long end) {
    for (long i = from; i < end; i++) {
      float slope = k == 0f ? 0f : (f32(a, i) - f32(b, i)) * k;
      f32(da, i, slope);
      f32(db, i, k == 0f ? 0f : -slope);
    }
  }

  private static void inputs(
      String op, Tensor a, Tensor b, Tensor labels, float margin, Tensor destination) {
    Check.input(op, "a", a, destination);
    Check.rank(op, "a", a, 2, "[N, D]");
    Check.notEmpty(op, "a", a);
    if (a.size(1) > Softmax.MAX_COLUMNS) {
      throw new ShapeException(
          op
              + ": a has rows of "
              + a.size(1)
              + "; at most "
              + Softmax.MAX_COLUMNS
              + " are allowed");
    }
    Check.input(op, "b", b, destination);
    Check.shape(op, "b", b, a.shape());
    Check.plain(op, "labels", labels, DType.I32);
    Check.device(op, "labels", labels, destination.device());
    Check.shape(op, "labels", labels, a.size(0));
    if (!(margin > 0 && Float.isFinite(margin))) {
      throw new IllegalArgumentException(
          op + ": margin is " + margin + "; it must be finite and above 0");
    }
  }
}
