package dev.selfsame.cpu;

import static dev.selfsame.contract.Mem.f32;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Matrix multiplication with packed operands and register tiles (Goto and van de Geijn 2008,
 * "Anatomy of high-performance matrix multiplication"), in the contract's order; the work of one
 * product is in {@link GemmProduct}. The output is cut into blocks and tasks by the sizes alone.
 */
public final class GemmVector {
  /**
   * Work below which handing tasks to other threads costs more than it brings, in multiply-adds; 40
   * µs.
   */
  private static final long SMALL = 3_000_000;

  /** Multiply-adds in the time that packing a float takes. */
  private static final long PACKING = 20;

  /** Multiply-adds of a task of a shared batch, at least. */
  private static final long TOGETHER = 1 << 20;

  /** Multiply-adds of one product up to which a batch is shared out by products. */
  private static final long MODERATE = 1 << 22;

  /** Columns up to which a product may be computed as its transpose. */
  private static final long NARROW = 12;

  /** Most results of one that is: 4 MB. */
  private static final long MOST_TURNED = 1 << 20;

  private static final @Nullable GemmVector[] BY_WIDTH = new @Nullable GemmVector[3];

  final OutputTile kernel;
  final GemmEnds ends;
  final PanelPack pack;

  private GemmVector(int bits) {
    kernel = OutputTile.on(bits);
    ends = Lanes.kernel(GemmPanels.class, GemmEnds.class, bits);
    pack = PanelPack.on(bits);
  }

  /** The kernels of a vector width. */
  public static GemmVector on(int bits) {
    int i = bits >> 8;
    GemmVector made = BY_WIDTH[i];
    if (made == null) {
      // Of two threads that both make it, one wins; they are the same.
      made = new GemmVector(bits);
      BY_WIDTH[i] = made;
    }
    return made;
  }

  /** How an operand lies in memory. */
  public enum Layout {
    ROWS,
    /** The transpose, row-major. */
    TRANSPOSED,
    /** As {@link #pack} leaves it; for b of a single product. */
    PACKED
  }

  /**
   * An operand.
   *
   * @param memory all of its elements
   * @param step elements from one product's matrix to the next; 0 if all use the same
   */
  public record Matrix(MemorySegment memory, Layout layout, long step) {
    boolean transposed() {
      return layout == Layout.TRANSPOSED;
    }

    boolean packed() {
      return layout == Layout.PACKED;
    }

    /** The transpose of one that isn't packed. */
    Matrix turned() {
      return new Matrix(memory, transposed() ? Layout.ROWS : Layout.TRANSPOSED, step);
    }
  }

  /** {@code batch} products of [m, k] by [k, n]; all at least 1. */
  public record Extent(long batch, long m, long n, long k) {}

  /** Floats that {@link #pack} needs for b [k, n]. */
  public long packedLength(long n, long k) {
    return Math.ceilDiv(n, kernel.columns()) * kernel.columns() * k;
  }

  /**
   * Packs b [k, n] as the tiles read it: for a matrix that many products share, each of which would
   * pack it again. Panel by panel of columns, each with all of its terms.
   *
   * @param packed native memory of {@link #packedLength}
   */
  public Matrix pack(Matrix b, long n, long k, MemorySegment packed, Workers workers) {
    workers.run(
        Math.ceilDiv(n, kernel.columns()),
        panel -> {
          long column = panel * kernel.columns();
          int count = (int) Math.min(kernel.columns(), n - column);
          for (long from = 0; from < k; from += OutputTile.DEPTH) {
            int depth = (int) Math.min(OutputTile.DEPTH, k - from);
            long place = b.transposed() ? column * k + from : from * n + column;
            long to = column * k + from * kernel.columns();
            packColumns(b, place, n, k, count, depth, packed, to, k * kernel.columns());
          }
        });
    return new Matrix(packed, Layout.PACKED, 0);
  }

  /**
   * Packs {@code count} columns of b [k, n], whose first term lies at {@code from}, into panels
   * that begin {@code panelFloats} after each other.
   */
  void packColumns(
      Matrix b,
      long from,
      long n,
      long k,
      int count,
      int depth,
      MemorySegment packed,
      long packedAt,
      long panelFloats) {
    if (!b.transposed()) {
      ends.packColumns(b.memory(), from, n, count, depth, packed, packedAt, panelFloats);
      return;
    }
    int width = kernel.columns();
    float[] staging = GemmScratch.of().staging(width * OutputTile.DEPTH);
    long to = packedAt;
    for (int j = 0; j < count; j += width) {
      pack.transpose(
          b.memory(), from + j * k, k, Math.min(width, count - j), depth, staging, 0, width);
      MemorySegment.copy(staging, 0, packed, JAVA_FLOAT, to << 2, depth * width);
      to += panelFloats;
    }
  }

  /** out[g] = relu?(a[g]·b[g] + bias?), with out [batch, m, n] dense. */
  public void gemm(
      Matrix a,
      Matrix b,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment out,
      Extent size,
      Workers workers) {
    if (isNarrow(size) && bias == null && !relu && !b.packed()) {
      narrow(a, b, out, size, workers);
      return;
    }
    long terms = size.m * size.n * size.k;
    long area = size.m * size.n;
    if (size.batch > 1
        && terms <= MODERATE
        && workers.threads() > 1
        && size.batch <= Long.MAX_VALUE / terms) {
      long together = Math.max(1, TOGETHER / terms);
      workers.run(
          Math.ceilDiv(size.batch, together),
          task -> {
            var product = new GemmProduct(this, a, b, bias, relu, out, area, size, null);
            long end = Math.min(size.batch, (task + 1) * together);
            for (long g = task * together; g < end; g++) {
              product.run(g);
            }
          });
    } else {
      Workers team = worthwhile(size, workers);
      var product = new GemmProduct(this, a, b, bias, relu, out, area, size, team);
      for (long g = 0; g < size.batch; g++) {
        product.run(g);
      }
    }
  }

  /** Whether columns would leave most lanes of a tile empty, while rows fill them. */
  private boolean isNarrow(Extent size) {
    return size.batch == 1
        && size.n <= NARROW
        && size.m >= 2L * kernel.columns()
        && size.m * size.n <= MOST_TURNED;
  }

  /** outᵀ = bᵀ·aᵀ, with lanes across rows of a: the same terms in the same order. */
  private void narrow(Matrix a, Matrix b, MemorySegment out, Extent size, Workers workers) {
    MemorySegment turned = GemmScratch.of().turned(size.m * size.n);
    gemm(
        b.turned(),
        a.turned(),
        null,
        false,
        turned,
        new Extent(1, size.n, size.m, size.k),
        workers);
    for (long i = 0; i < size.m; i++) {
      for (long j = 0; j < size.n; j++) {
        f32(out, i * size.n + j, f32(turned, j * size.m + i));
      }
    }
  }

  /**
   * Products for the caller to run in any order.
   *
   * @param outProduct elements from one product's results to the next's
   */
  GemmProduct products(
      Matrix a,
      Matrix b,
      @Nullable MemorySegment bias,
      MemorySegment out,
      long outProduct,
      Extent size,
      Workers workers) {
    Workers team = worthwhile(size, workers);
    return new GemmProduct(this, a, b, bias, false, out, outProduct, size, team);
  }

  /** The threads that share a product: null where it isn't worth handing over. */
  private static @Nullable Workers worthwhile(Extent size, Workers workers) {
    long work = size.m * size.n * size.k + PACKING * size.k * (size.m + size.n);
    return work < SMALL || workers.threads() == 1 ? null : workers;
  }
}
