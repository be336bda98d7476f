package dev.selfsame.op;

import static dev.selfsame.contract.Mem.i32;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.GatherVector;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rows of a table by index: out[i, …] = table[indices[i], …], bit for bit. The forward pass of an
 * embedding, where a padding row is a row as any other; its gradient is {@link ScatterAdd}, which a
 * padding row takes no part in.
 */
public final class Gather {
  /** Lowers {@code first[0]} to the position of the first index outside [0, rows). */
  static final Kernel CHECK = Kernel.of("gather_check");

  private static final Kernel ROWS = Kernel.of("gather_rows");

  private Gather() {}

  /**
   * Copies rows.
   *
   * @param table [R, …], FP32 or INT32
   * @param indices INT32, any shape [I]; none is allowed
   * @param out [I, …], the table's type
   * @throws IndexException if an index lies outside [0, R); the message names the first such
   *     position, and nothing is written
   */
  public static void gather(Tensor table, Tensor indices, Tensor out) {
    if (out.dtype() != DType.F32 && out.dtype() != DType.I32) {
      throw new DTypeException("gather: out is " + out.dtype() + "; F32 or I32 is needed");
    }
    Check.plain("gather", "out", out, out.dtype());
    Check.plain("gather", "table", table, out.dtype());
    Check.device("gather", "table", table, out.device());
    indices("gather", indices, out.device());
    if (table.shape().rank() < 1) {
      throw new ShapeException("gather: table has shape " + table.shape() + "; [R, …] is needed");
    }
    Check.notEmpty("gather", "table", table);
    Check.shape("gather", "out", out, withRows(indices.shape(), table.shape()));
    Check.apart("gather", "table", table, "out", out);
    Check.apart("gather", "indices", indices, "out", out);
    long n = indices.elements();
    long rows = table.size(0);
    if (n == 0) {
      return;
    }
    checkRange("gather", indices, rows);
    long columns = table.shape().rowElements();
    switch (out.device()) {
      case Device.Scalar d -> scalar(table.memory(), indices.memory(), n, columns, out.memory());
      case Device.Vector d ->
          GatherVector.on(d.bits(), columns)
              .gather(table.memory(), indices.memory(), n, columns, out.memory(), d.workers());
      case Device.Cuda d -> cuda(d.context(), table, indices, n, columns, out);
    }
  }

  /** Words, not floats: a NaN keeps its payload. */
  private static void scalar(
      MemorySegment table, MemorySegment indices, long n, long columns, MemorySegment out) {
    for (long i = 0; i < n; i++) {
      long row = i32(indices, i);
      for (long j = 0; j < columns; j++) {
        i32(out, i * columns + j, i32(table, row * columns + j));
      }
    }
  }

  private static void cuda(
      CudaContext context, Tensor table, Tensor indices, long n, long columns, Tensor out) {
    RowBlocks blocks = RowBlocks.of(columns, table.address() | out.address());
    context
        .launch(ROWS)
        .grid(blocks.grid(n))
        .block(blocks.x(), blocks.y())
        .arg(table.address())
        .arg(indices.address())
        .arg(n)
        .arg(columns)
        .arg(out.address())
        .arg(blocks.width())
        .what(() -> "gather from " + table + " at " + indices)
        .run();
  }

  // ---- shared with ScatterAdd
  // ---------------------------------------------------------------------------------

  /** Index tensors: INT32, contiguous, on the device, at most 2^31 − 1 of them. */
  static void indices(String op, Tensor indices, Device device) {
    Check.plain(op, "indices", indices, DType.I32);
    Check.device(op, "indices", indices, device);
    if (indices.elements() > Integer.MAX_VALUE) {
      throw new ShapeException(
          op + ": indices has shape " + indices.shape() + "; at most 2^31 - 1 indices are allowed");
    }
  }

  /** The indices' sizes, then those of one row of the table. */
  static long[] withRows(Shape indices, Shape table) {
    long[] sizes = new long[indices.rank() + table.rank() - 1];
    System.arraycopy(indices.sizes(), 0, sizes, 0, indices.rank());
    System.arraycopy(table.sizes(), 1, sizes, indices.rank(), table.rank() - 1);
    return sizes;
  }

  private record IndexCheck(long address, long count, long rows) {}

  /**
   * Throws {@link IndexException} if an index lies outside [0, rows); if captured into a graph,
   * before each replay.
   */
  static void checkRange(String op, Tensor indices, long rows) {
    long n = indices.elements();
    long bad =
        switch (indices.device()) {
          case Device.Scalar d -> firstOutside(indices.memory(), n, rows);
          case Device.Vector d ->
              GatherVector.on(d.bits(), 0).firstOutside(indices.memory(), n, rows, d.workers());
          case Device.Cuda d -> {
            IndexCheck same = new IndexCheck(indices.address(), n, rows);
            if (d.context()
                .checkBeforeReplay(indices.address(), same, () -> checkRange(op, indices, rows))) {
              yield -1;
            }
            long first = d.context().allocate(Integer.BYTES);
            try {
              d.context().fill32(first, Integer.MAX_VALUE, 1);
              launchCheck(d.context(), indices, rows, first);
              int position = word(d.context(), first);
              yield position == Integer.MAX_VALUE ? -1 : position;
            } finally {
              d.context().free(first);
            }
          }
        };
    if (bad >= 0) {
      throw outside(op, indices, bad, rows);
    }
  }

  private static long firstOutside(MemorySegment indices, long n, long rows) {
    for (long i = 0; i < n; i++) {
      int index = i32(indices, i);
      if (index < 0 || index >= rows) {
        return i;
      }
    }
    return -1;
  }

  static void launchCheck(CudaContext context, Tensor indices, long rows, long first) {
    context
        .launch(CHECK)
        .grid(Math.min(1024, Math.ceilDiv(indices.elements(), 256)))
        .block(256)
        .arg(indices.address())
        .arg(indices.elements())
        .arg(rows)
        .arg(first)
        .what(() -> "checking " + indices + " against " + rows + " rows")
        .run();
  }

  static IndexException outside(String op, Tensor indices, long position, long rows) {
    int value =
        indices.device() instanceof Device.Cuda d
            ? word(d.context(), indices.address() + position * Integer.BYTES)
            : i32(indices.memory(), position);
    return new IndexException(
        op + ": indices[" + position + "] is " + value + "; it must be in [0, " + rows + ")");
  }

  /** One 32-bit word of device memory, after all work queued so far. */
  private static int word(CudaContext context, long address) {
    int[] word = new int[1];
    context.copyOut(address, MemorySegment.ofArray(word));
    return MemorySegment.ofArray(word).get(ValueLayout.JAVA_INT, 0);
  }

  /**
   * Thread blocks over rows: {@code x} threads side by side in a row, {@code y} rows; each thread
   * moves {@code width} floats at a time, 4 where the row's length and the addresses allow it.
   */
  record RowBlocks(int x, int y, int width) {
    /**
     * For rows of so many columns.
     *
     * @param addresses all base addresses, or-ed
     */
    static RowBlocks of(long columns, long addresses) {
      int width = RunSums.width(columns, addresses);
      long units = columns / width;
      int x = 1;
      while (x < 256 && x < units) {
        x *= 2;
      }
      return new RowBlocks(x, 256 / x, width);
    }

    long grid(long rows) {
      return Math.ceilDiv(rows, y);
    }
  }
}
