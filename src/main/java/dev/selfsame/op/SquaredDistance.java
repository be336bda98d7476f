package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.SquaredDistanceVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The squared distance of pairs of tensors, as a penalty that ties them softly: Ω = λ·Σ ‖aₜ − bₜ‖²
 * over all pairs t (Goodfellow, Bengio &amp; Courville 2016, section 7.9). The pairs are parameters
 * of two networks that should stay near each other (Caruana 1997), or hidden states of a student
 * and of its teacher (Romero et al. 2015, "FitNets", equation 3).
 *
 * <pre>
 *   distances[t] = Σ (aₜ − bₜ)·(aₜ − bₜ)    the contract's block sum, elements in memory order
 *   penalty      = λ · Σ distances          the block sum over the pairs, in the list's order
 *   c            = (2·λ) · scale            once
 *   daₜ          = (aₜ − bₜ) · c
 *   dbₜ          = −daₜ
 * </pre>
 *
 * Every operation rounds once; products are rounded before they are added ({@link OrderedSum}). A
 * tensor may be in several pairs, also with itself; only what is written must be apart.
 */
public final class SquaredDistance {
  private static final Kernel BLOCKS = Kernel.of("squared_distance_blocks");
  private static final Kernel PAIRS = Kernel.of("squared_distance_pairs");
  private static final Kernel PENALTY = Kernel.of("squared_distance_penalty");
  private static final Kernel GRADIENT = Kernel.of("squared_distance_gradient");

  /** Block sums of a piece. */
  private static final int BLOCKS_OF_PIECE = TensorList.PIECE / Contract.BLOCK;

  private SquaredDistance() {}

  /**
   * The squared distance of each pair, and the penalty.
   *
   * @param a FP32, any shapes but empty ones, n of them, at least one
   * @param b a's shapes
   * @param lambda λ, finite
   * @param distances [n]
   * @param penalty [1]
   */
  public static void forward(
      List<Tensor> a, List<Tensor> b, float lambda, Tensor distances, Tensor penalty) {
    String op = "squaredDistance";
    TensorList list = pairs(op, List.of("a", "b"), List.of(a, b), lambda);
    Check.plain(op, "distances", distances, DType.F32);
    Check.device(op, "distances", distances, list.device());
    Check.shape(op, "distances", distances, a.size());
    Check.plain(op, "penalty", penalty, DType.F32);
    Check.device(op, "penalty", penalty, list.device());
    Check.shape(op, "penalty", penalty, 1);
    Check.apart(op, "distances", distances, "penalty", penalty);
    Check.apart(op, "a", a, "distances", distances);
    Check.apart(op, "a", a, "penalty", penalty);
    Check.apart(op, "b", b, "distances", distances);
    Check.apart(op, "b", b, "penalty", penalty);
    switch (list.device()) {
      case Device.Scalar d -> {
        scalar(list, distances.memory());
        penalty(distances, lambda, penalty);
      }
      case Device.Vector d -> {
        SquaredDistanceVector.on(d.bits())
            .distances(
                list.firstPiece(),
                TensorList.PIECE,
                list.memory(0),
                list.memory(1),
                distances.memory(),
                d.workers());
        penalty(distances, lambda, penalty);
      }
      case Device.Cuda d -> cuda(d.context(), list, lambda, distances, penalty);
    }
  }

  private static void scalar(TensorList list, MemorySegment distances) {
    for (int t = 0; t < list.tensors(); t++) {
      MemorySegment a = list.memory(0).of(t);
      MemorySegment b = list.memory(1).of(t);
      f32(
          distances,
          t,
          OrderedSum.blockSum(
              i -> {
                float difference = f32(a, i) - f32(b, i);
                return difference * difference;
              },
              a.byteSize() / Float.BYTES));
    }
  }

  /** On the CPU: one number a pair is too few for vectors. */
  private static void penalty(Tensor distances, float lambda, Tensor penalty) {
    float sum = OrderedSum.blockSum(distances.memory(), 0, distances.elements());
    f32(penalty.memory(), 0, lambda * sum);
  }

  private static void cuda(
      CudaContext context, TensorList list, float lambda, Tensor distances, Tensor penalty) {
    long partials = context.allocate(list.pieces() * BLOCKS_OF_PIECE * Float.BYTES);
    try {
      long table = list.upload(context);
      try {
        context
            .launch(BLOCKS)
            .grid(list.pieces())
            .block(32 * BLOCKS_OF_PIECE)
            .arg(table)
            .arg(list.tensors())
            .arg(partials)
            .what(() -> "squaredDistance of " + list)
            .run();
        context
            .launch(PAIRS)
            .grid(list.tensors())
            .block(256)
            .arg(table)
            .arg(list.tensors())
            .arg(partials)
            .arg(distances.address())
            .what(() -> "squaredDistance of " + list)
            .run();
      } finally {
        context.free(table);
      }
    } finally {
      context.free(partials);
    }
    context
        .launch(PENALTY)
        .grid(1)
        .block(256)
        .arg(distances.address())
        .arg(distances.elements())
        .arg(lambda)
        .arg(penalty.address())
        .what(() -> "squaredDistance to " + penalty)
        .run();
  }

  /**
   * The gradient of the penalty, times {@code scale}.
   *
   * @param a as in {@link #forward}
   * @param b a's shapes
   * @param lambda λ, finite
   * @param scale gradient of the penalty, mostly 1
   * @param da a's shapes; apart from a and b
   * @param db a's shapes, likewise; null where only a moves (a student and its teacher)
   */
  public static void gradient(
      List<Tensor> a,
      List<Tensor> b,
      float lambda,
      float scale,
      List<Tensor> da,
      @Nullable List<Tensor> db) {
    String op = "squaredDistance gradient";
    TensorList list =
        db == null
            ? pairs(op, List.of("a", "b", "da"), List.of(a, b, da), lambda)
            : pairs(op, List.of("a", "b", "da", "db"), List.of(a, b, da, db), lambda);
    float c = (2f * lambda) * scale;
    switch (list.device()) {
      case Device.Scalar d -> scalarGradient(list, c, db != null);
      case Device.Vector d ->
          SquaredDistanceVector.on(d.bits())
              .gradient(
                  list.firstPiece(),
                  TensorList.PIECE,
                  list.memory(0),
                  list.memory(1),
                  c,
                  list.memory(2),
                  db == null ? null : list.memory(3),
                  d.workers());
      case Device.Cuda d -> cudaGradient(d.context(), list, c, db != null);
    }
  }

  private static void scalarGradient(TensorList list, float c, boolean both) {
    for (int t = 0; t < list.tensors(); t++) {
      MemorySegment as = list.memory(0).of(t);
      MemorySegment bs = list.memory(1).of(t);
      MemorySegment das = list.memory(2).of(t);
      MemorySegment dbs = list.memory(both ? 3 : 2).of(t);
      for (long i = 0; i < as.byteSize() / Float.BYTES; i++) {
        float slope = (f32(as, i) - f32(bs, i)) * c;
        f32(das, i, slope);
        if (both) {
          f32(dbs, i, -slope);
        }
      }
    }
  }

  private static void cudaGradient(CudaContext context, TensorList list, float c, boolean both) {
    long table = list.upload(context);
    try {
      context
          .launch(GRADIENT)
          .grid(list.pieces())
          .block(256)
          .arg(table)
          .arg(list.tensors())
          .arg(c)
          .arg(both ? 1 : 0)
          .what(() -> "squaredDistance gradient of " + list)
          .run();
    } finally {
      context.free(table);
    }
  }

  private static TensorList pairs(
      String op, List<String> names, List<List<Tensor>> columns, float lambda) {
    if (columns.get(0).isEmpty()) {
      throw new ShapeException(op + ": the list of pairs is empty; at least one is needed");
    }
    TensorList list = TensorList.of(op, names, columns, 2);
    Check.notEmpty(op, "a", columns.get(0));
    if (!Float.isFinite(lambda)) {
      throw new IllegalArgumentException(op + ": lambda is " + lambda + "; it must be finite");
    }
    return list;
  }
}
