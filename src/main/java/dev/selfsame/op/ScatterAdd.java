package dev.selfsame.op;

import static dev.selfsame.contract.Mem.f32;
import static dev.selfsame.contract.Mem.i32;

import dev.selfsame.ClosedException;
import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.IndexException;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.contract.OrderedSum;
import dev.selfsame.cpu.ScatterAddVector;
import dev.selfsame.cpu.ScatterAddVectorSort;
import dev.selfsame.cpu.ScatterAddVectorStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Adds rows to rows by index: the gradient of {@link Gather}, so of an embedding.
 *
 * <pre>
 *   dst[r] ← dst[r] + runSum(src rows whose index is r, in source order)
 * </pre>
 *
 * Element by element: the terms that a row receives are added in the contract's run sum ({@link
 * OrderedSum}: runs of 32, left to right, and runs of their sums), whose tree depends on the number
 * of terms only; then one more addition to dst. A row that receives nothing keeps its bits.
 *
 * <p>A padding index names a row that receives nothing, as if its positions were not there: the
 * other rows' terms and their order stay as they are. So the gradient of an embedding does not
 * reach the row that fills up short sequences (PyTorch's {@code padding_idx}).
 *
 * <p>What depends on the indices alone is a {@link Plan}: which source rows go to each destination
 * row. It can be used again for as long as the indices stay.
 */
public final class ScatterAdd {
  private static final String OP = "scatterAdd";
  private static final int NO_PADDING = -1;

  private ScatterAdd() {}

  /**
   * Source positions by destination row, for one set of indices and one device. A later change of
   * the index tensor does not reach it; but one that is made while work is captured into a CUDA
   * graph is made anew, of the indices as they then are, at each replay.
   */
  public static final class Plan implements AutoCloseable {
    private final Device device;
    private final Shape indices;
    private final long rows;
    private final Scope scope;
    private final boolean owner;
    private final @Nullable ScatterAddVectorSort onHost;
    private final @Nullable ScatterAddCuda onDevice;

    private Plan(
        Tensor indices, long rows, int padding, Scope scope, boolean owner, boolean lasting) {
      this.device = indices.device();
      this.indices = indices.shape();
      this.rows = rows;
      this.scope = scope;
      this.owner = owner;
      if (indices.elements() == 0) {
        onHost = null;
        onDevice = null;
      } else if (device instanceof Device.Cuda d) {
        onHost = null;
        onDevice = ScatterAddCuda.of(d, indices, rows, padding, scope);
      } else {
        Gather.checkRange(OP, indices, rows);
        int n = (int) indices.elements();
        if (device instanceof Device.Vector d) {
          onHost =
              ScatterAddVectorSort.of(indices.memory(), n, rows, padding, lasting, d.workers());
        } else {
          ScatterAddVectorSort all = sorted(indices.memory(), n);
          onHost = padding == NO_PADDING ? all : all.without(padding);
        }
        onDevice = null;
      }
    }

    /** The device that it is for. */
    public Device device() {
      return device;
    }

    /** Shape of the indices. */
    public Shape indices() {
      return indices;
    }

    /** Rows of the destinations that it is for. */
    public long rows() {
      return rows;
    }

    /** Whether it, or the scope that owns it, was closed. */
    public boolean isClosed() {
      return scope.isClosed();
    }

    /** Releases its memory, unless a scope owns it. */
    @Override
    public void close() {
      if (owner) {
        scope.close();
      }
    }
  }

  /**
   * A plan that the caller closes.
   *
   * @param indices INT32, any shape [I]; none is allowed
   * @param rows R, of the destinations
   * @throws IndexException if an index lies outside [0, R); the message names the first such
   *     position
   */
  public static Plan plan(Tensor indices, long rows) {
    checkIndices(indices, rows);
    return owned(indices, rows, NO_PADDING, true);
  }

  /**
   * A plan that the caller closes, in which a row receives nothing.
   *
   * @param indices INT32, any shape [I]; none is allowed
   * @param rows R, of the destinations
   * @param paddingIndex the row, in [0, R)
   * @throws IndexException if an index or the padding index lies outside [0, R)
   */
  public static Plan plan(Tensor indices, long rows, int paddingIndex) {
    checkIndices(indices, rows);
    checkPadding(OP, paddingIndex, rows);
    return owned(indices, rows, paddingIndex, true);
  }

  /**
   * Refuses a padding index that names no row, before a table is used with it.
   *
   * @param op who asks, for the message
   * @throws IndexException if it lies outside [0, rows)
   */
  public static void checkPadding(String op, int paddingIndex, long rows) {
    if (paddingIndex < 0 || paddingIndex >= rows) {
      throw new IndexException(
          op + ": paddingIndex is " + paddingIndex + "; allowed are 0 to " + (rows - 1));
    }
  }

  private static Plan owned(Tensor indices, long rows, int padding, boolean lasting) {
    Scope scope = Scope.open();
    try {
      return new Plan(indices, rows, padding, scope, true, lasting);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * A plan that a scope closes.
   *
   * @param scope its owner
   * @param indices INT32, any shape [I]; none is allowed
   * @param rows R, of the destinations
   * @throws IndexException if an index lies outside [0, R); the message names the first such
   *     position
   */
  public static Plan plan(Scope scope, Tensor indices, long rows) {
    checkIndices(indices, rows);
    if (scope.isClosed()) {
      throw new ClosedException("scatterAdd: the scope is closed; a plan can't be made in it");
    }
    return new Plan(indices, rows, NO_PADDING, scope, false, true);
  }

  private static void checkIndices(Tensor indices, long rows) {
    Gather.indices(OP, indices, indices.device());
    Check.positive(OP, "rows", rows);
  }

  /**
   * Adds rows, in one call. Indices that come again are better given as a {@link Plan}.
   *
   * @param src [I, …]
   * @param indices INT32, any shape [I]; none is allowed
   * @param dst [R, …]
   * @throws IndexException if an index lies outside [0, R); the message names the first such
   *     position, and nothing is written
   */
  public static void scatterAdd(Tensor src, Tensor indices, Tensor dst) {
    Gather.indices(OP, indices, dst.device());
    check(src, indices.shape(), dst);
    Check.apart(OP, "indices", indices, "dst", dst);
    once(src, indices, NO_PADDING, dst, false);
  }

  /**
   * Adds rows, but none to the row of the padding index: the gradient of an embedding with padding.
   *
   * @param src [I, …]
   * @param indices INT32, any shape [I]; none is allowed
   * @param paddingIndex the row that keeps its bits, in [0, R)
   * @param dst [R, …]
   * @throws IndexException if an index or the padding index lies outside [0, R); nothing is written
   */
  public static void scatterAdd(Tensor src, Tensor indices, int paddingIndex, Tensor dst) {
    Gather.indices(OP, indices, dst.device());
    check(src, indices.shape(), dst);
    Check.apart(OP, "indices", indices, "dst", dst);
    checkPadding(OP, paddingIndex, dst.size(0));
    once(src, indices, paddingIndex, dst, false);
  }

  /**
   * Adds rows by a plan.
   *
   * @param src [I, …]
   * @param plan of indices [I] and R rows, for the same device
   * @param dst [R, …]
   */
  public static void scatterAdd(Tensor src, Plan plan, Tensor dst) {
    check(src, plan, dst);
    run(src, plan, dst, false);
  }

  private static void check(Tensor src, Plan plan, Tensor dst) {
    if (plan.isClosed()) {
      throw new ClosedException("scatterAdd: the plan was closed");
    }
    if (!plan.device.equals(dst.device())) {
      throw new DeviceException(
          "scatterAdd: the plan is for "
              + plan.device
              + ", but the destination is on "
              + dst.device());
    }
    check(src, plan.indices, dst);
    if (dst.size(0) != plan.rows) {
      throw new ShapeException(
          "scatterAdd: dst has shape "
              + dst.shape()
              + ", but the plan is for "
              + plan.rows
              + " rows");
    }
  }

  /**
   * The same into zeros: dst[r] ← +0 + runSum(…), and +0 where a row receives nothing. So the
   * gradient of an embedding; dst is written once.
   *
   * @param src [I, …]
   * @param indices INT32, any shape [I]; none is allowed
   * @param dst [R, …]; what it holds is lost
   * @throws IndexException if an index lies outside [0, R); the message names the first such
   *     position, and nothing is written
   */
  public static void scatter(Tensor src, Tensor indices, Tensor dst) {
    Gather.indices(OP, indices, dst.device());
    check(src, indices.shape(), dst);
    Check.apart(OP, "indices", indices, "dst", dst);
    once(src, indices, NO_PADDING, dst, true);
  }

  /**
   * The same into zeros, by a plan.
   *
   * @param src [I, …]
   * @param plan of indices [I] and R rows, for the same device
   * @param dst [R, …]; what it holds is lost
   */
  public static void scatter(Tensor src, Plan plan, Tensor dst) {
    check(src, plan, dst);
    run(src, plan, dst, true);
  }

  private static void check(Tensor src, Shape indices, Tensor dst) {
    Check.plain(OP, "dst", dst, DType.F32);
    Check.input(OP, "src", src, dst);
    if (dst.shape().rank() < 1) {
      throw new ShapeException("scatterAdd: dst has shape " + dst.shape() + "; [R, …] is needed");
    }
    Check.notEmpty(OP, "dst", dst);
    Check.shape(OP, "src", src, Gather.withRows(indices, dst.shape()));
    Check.apart(OP, "src", src, "dst", dst);
  }

  /** In one call: narrow rows in source order if that pays, else by a plan in scratch. */
  private static void once(Tensor src, Tensor indices, int padding, Tensor dst, boolean clears) {
    long rows = dst.size(0);
    long columns = dst.shape().rowElements();
    if (dst.device() instanceof Device.Vector d
        && ScatterAddVectorStream.pays(d.bits(), indices.elements(), rows, columns)) {
      Gather.checkRange(OP, indices, rows);
      boolean done =
          ScatterAddVectorStream.on(d.bits(), columns)
              .scatterAdd(
                  src.memory(),
                  indices.memory(),
                  (int) indices.elements(),
                  (int) rows,
                  (int) columns,
                  padding,
                  dst.memory(),
                  clears,
                  d.workers());
      if (done) {
        return;
      }
    }
    try (Plan plan = owned(indices, rows, padding, false)) {
      run(src, plan, dst, clears);
    }
  }

  private static void run(Tensor src, Plan plan, Tensor dst, boolean clears) {
    // Rows that receive nothing are best set together, by all threads.
    boolean fused =
        plan.onHost != null
            && dst.device() instanceof Device.Vector
            && 2L * plan.onHost.segments() >= plan.rows;
    if (clears && !fused) {
      dst.fill(0f);
    }
    long columns = dst.shape().rowElements();
    ScatterAddVectorSort sorted = plan.onHost;
    if (sorted != null) {
      switch (dst.device()) {
        case Device.Scalar d -> scalar(src.memory(), sorted, columns, dst.memory());
        case Device.Vector d ->
            ScatterAddVector.on(d.bits(), columns)
                .scatterAdd(src.memory(), sorted, columns, dst.memory(), clears, d.workers());
        case Device.Cuda d -> throw new AssertionError("a plan for " + plan.device + " on " + d);
      }
    } else if (plan.onDevice != null) {
      plan.onDevice.run(src, columns, dst);
    }
  }

  /** Positions by (index, position): the definition of "in source order". */
  private static ScatterAddVectorSort sorted(MemorySegment indices, int n) {
    long[] pairs = new long[n];
    for (int i = 0; i < n; i++) {
      pairs[i] = (long) i32(indices, i) << 32 | i;
    }
    Arrays.sort(pairs);
    int[] keys = new int[n];
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      keys[i] = (int) (pairs[i] >>> 32);
      order[i] = (int) pairs[i];
    }
    return ScatterAddVectorSort.grouped(keys, order);
  }

  private static void scalar(
      MemorySegment src, ScatterAddVectorSort sorted, long columns, MemorySegment dst) {
    int[] order = sorted.order();
    for (int s = 0; s < sorted.segments(); s++) {
      long row = sorted.rows()[s];
      int first = sorted.starts()[s];
      int count = sorted.starts()[s + 1] - first;
      for (long j = 0; j < columns; j++) {
        long column = j;
        float sum =
            OrderedSum.runSum(i -> f32(src, order[first + (int) i] * columns + column), count);
        f32(dst, row * columns + j, f32(dst, row * columns + j) + sum);
      }
    }
  }
}
