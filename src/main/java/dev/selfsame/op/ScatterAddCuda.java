package dev.selfsame.op;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.contract.Contract;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.lang.foreign.MemorySegment;

/**
 * The CUDA side of {@link ScatterAdd}: a stable radix sort of the indices, the segments of equal
 * ones, and the levels of the run sums. The kernels' headers say what each does
 * (scatter_add_plan.cu, scatter_add.cu).
 *
 * @param order [n], source positions by destination row
 * @param rows [segments or more], the rows that receive something, ascending
 * @param starts [segments + 1 or more], where each row's positions begin in {@code order}
 * @param owners [slots], the segment that a slot of partial sums is of, or −1
 * @param n indices
 * @param found on the device: the first bad position, the number of segments, the longest one
 * @param segments rows that receive something; in a capture the most that there can be
 * @param longest most terms that a row receives; in a capture the most that there can be
 * @param padding the row that receives nothing, or −1
 */
record ScatterAddCuda(
    Device.Cuda device,
    Tensor order,
    Tensor rows,
    Tensor starts,
    Tensor owners,
    Tensor found,
    int n,
    int segments,
    int longest,
    int padding) {
  private static final Kernel COUNT = Kernel.of("scatter_add_count");
  private static final Kernel SCAN = Kernel.of("scatter_add_scan");
  private static final Kernel PLACE = Kernel.of("scatter_add_place");
  private static final Kernel COUNT_HEADS = Kernel.of("scatter_add_count_heads");
  private static final Kernel HEADS = Kernel.of("scatter_add_heads");
  private static final Kernel OWNERS = Kernel.of("scatter_add_owners");
  private static final Kernel SHORT = Kernel.of("scatter_add_short");
  private static final Kernel RUNS = Kernel.of("scatter_add_runs");
  private static final Kernel LEVEL = Kernel.of("scatter_add_level");

  /** Positions of one block of the sort. Twin: TILE in scatter_add_plan.cu. */
  private static final int TILE = 4096;

  private static final int MAX_DIGIT_BITS = 8;

  /** Positions for each slot of partial sums. Twin: SLOT in scatter_add.cuh. */
  private static final int SLOT = 16;

  /**
   * Checks and sorts the indices; waits for the device once. In a capture it doesn't: a replay
   * checks before it runs, and as each replay may find other indices, launches are sized for the
   * worst of them, whose count the kernels read on the device.
   */
  static ScatterAddCuda of(
      Device.Cuda device, Tensor indices, long rows, int padding, Scope scope) {
    CudaContext context = device.context();
    int n = (int) indices.elements();
    int touched = (int) Math.min(n, rows);
    Tensor order = ints(scope, device, n);
    Tensor segmentRows = ints(scope, device, touched);
    Tensor starts = ints(scope, device, touched + 1L);
    Tensor owners = ints(scope, device, slots(n));
    Tensor found = ints(scope, device, 3);
    boolean captured = context.isCapturing();
    if (captured) {
      Gather.checkRange("scatterAdd", indices, rows);
    }
    int[] report = {Integer.MAX_VALUE, touched, n};
    try (Scope temporary = Scope.open()) {
      context.fill32(found.address(), Integer.MAX_VALUE, 1);
      context.fill32(found.address() + Integer.BYTES, 0, 2);
      if (!captured) {
        Gather.launchCheck(context, indices, rows, found.address());
      }
      Tensor counts = ints(temporary, device, (long) tiles(n) << MAX_DIGIT_BITS);
      Tensor keys = sort(context, temporary, indices, rows, counts, order);
      context
          .launch(COUNT_HEADS)
          .grid(tiles(n))
          .block(256)
          .arg(keys.address())
          .arg((long) n)
          .arg(counts.address())
          .run();
      scan(context, counts, 1, n, found.address() + Integer.BYTES);
      context
          .launch(HEADS)
          .grid(tiles(n))
          .block(256)
          .arg(keys.address())
          .arg((long) n)
          .arg(counts.address())
          .arg(segmentRows.address())
          .arg(starts.address())
          .arg(touched)
          .run();
      context
          .launch(OWNERS)
          .grid(Math.ceilDiv(slots(n), 256))
          .block(256)
          .arg(segmentRows.address())
          .arg(starts.address())
          .arg(found.address())
          .arg(touched)
          .arg(padding)
          .arg(owners.address())
          .arg(slots(n))
          .run();
      if (!captured) {
        found.copyTo(MemorySegment.ofArray(report));
      }
    }
    if (report[0] != Integer.MAX_VALUE) {
      throw Gather.outside("scatterAdd", indices, report[0], rows);
    }
    return new ScatterAddCuda(
        device, order, segmentRows, starts, owners, found, n, report[1], report[2], padding);
  }

  /** Sorts into {@code order} and gives the sorted keys. */
  private static Tensor sort(
      CudaContext context,
      Scope temporary,
      Tensor indices,
      long rows,
      Tensor counts,
      Tensor order) {
    Device.Cuda device = (Device.Cuda) indices.device();
    int n = (int) indices.elements();
    int bits = Math.max(1, 64 - Long.numberOfLeadingZeros(Math.min(rows, 1L << 31) - 1));
    int passes = Math.ceilDiv(bits, MAX_DIGIT_BITS);
    int digitBits = Math.ceilDiv(bits, passes);
    Tensor totals = ints(temporary, device, 1L << MAX_DIGIT_BITS);
    Tensor[] keys = {ints(temporary, device, n), ints(temporary, device, passes > 1 ? n : 0)};
    Tensor[] orders = {order, ints(temporary, device, passes > 1 ? n : 0)};
    Tensor from = indices;
    long fromOrder = 0;
    for (int pass = 0; pass < passes; pass++) {
      // The last pass writes to number 0.
      int to = (passes - 1 - pass) % 2;
      int shift = pass * digitBits;
      context
          .launch(COUNT)
          .grid(tiles(n))
          .block(256)
          .arg(from.address())
          .arg((long) n)
          .arg(shift)
          .arg(digitBits)
          .arg(counts.address())
          .run();
      scan(context, counts, 1 << digitBits, n, totals.address());
      context
          .launch(PLACE)
          .grid(tiles(n))
          .block(256)
          .arg(from.address())
          .arg(fromOrder)
          .arg((long) n)
          .arg(shift)
          .arg(digitBits)
          .arg(counts.address())
          .arg(totals.address())
          .arg(keys[to].address())
          .arg(orders[to].address())
          .run();
      from = keys[to];
      fromOrder = orders[to].address();
    }
    return from;
  }

  /** Exclusive sums along each of {@code lines} lines of one count a tile, and the totals. */
  private static void scan(CudaContext context, Tensor counts, int lines, int n, long totals) {
    context
        .launch(SCAN)
        .grid(lines)
        .block(256)
        .arg(counts.address())
        .arg((long) tiles(n))
        .arg(totals)
        .run();
  }

  /** dst[r] += runSum(src rows of r). */
  void run(Tensor src, long columns, Tensor dst) {
    CudaContext context = device.context();
    long slots = slots(n);
    boolean longRows = longest > Contract.RUN;
    long partials = longRows ? context.allocate(slots * columns * Float.BYTES) : 0;
    try {
      Gather.RowBlocks blocks =
          Gather.RowBlocks.of(columns, src.address() | dst.address() | partials);
      context
          .launch(SHORT)
          .grid(blocks.grid(segments))
          .block(blocks.x(), blocks.y())
          .arg(src.address())
          .arg(order.address())
          .arg(rows.address())
          .arg(starts.address())
          .arg(found.address())
          .arg((long) segments)
          .arg(columns)
          .arg(dst.address())
          .arg(padding)
          .arg(blocks.width())
          .what(() -> what(src, dst))
          .run();
      if (!longRows) {
        return;
      }
      context
          .launch(RUNS)
          .grid(blocks.grid(slots))
          .block(blocks.x(), blocks.y())
          .arg(src.address())
          .arg(order.address())
          .arg(starts.address())
          .arg(owners.address())
          .arg(slots)
          .arg(columns)
          .arg(partials)
          .arg(blocks.width())
          .what(() -> what(src, dst))
          .run();
      long step = 1;
      for (long terms = Math.ceilDiv(longest, Contract.RUN); terms > 1; step *= Contract.RUN) {
        context
            .launch(LEVEL)
            .grid(blocks.grid(slots))
            .block(blocks.x(), blocks.y())
            .arg(partials)
            .arg(rows.address())
            .arg(starts.address())
            .arg(owners.address())
            .arg(slots)
            .arg(step)
            .arg(columns)
            .arg(dst.address())
            .arg(blocks.width())
            .what(() -> what(src, dst))
            .run();
        terms = Math.ceilDiv(terms, Contract.RUN);
      }
    } finally {
      if (partials != 0) {
        context.free(partials);
      }
    }
  }

  private String what(Tensor src, Tensor dst) {
    return "scatterAdd of " + src + " into " + segments + " rows of " + dst;
  }

  private static int tiles(int n) {
    return Math.ceilDiv(n, TILE);
  }

  private static long slots(int n) {
    return n / SLOT + 1L;
  }

  private static Tensor ints(Scope scope, Device.Cuda device, long count) {
    return Tensor.empty(scope, device, DType.I32, Shape.of(count));
  }
}
