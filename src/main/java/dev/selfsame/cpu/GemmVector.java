package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Matrix multiplication with packed operands and register tiles (Goto and van de Geijn 2008,
 * "Anatomy of high-performance matrix multiplication"), in the contract's order; the work of one
 * product is in {@link GemmProduct}. The output is cut into blocks and tasks by the sizes alone.
 */
public final class GemmVector {
  /**
   * Work below which handing tasks to other threads costs more than it brings, in multiply-adds; 60
   * µs.
   */
  private static final long SMALL = 5_000_000;

  /** Multiply-adds in the time that packing a float takes. */
  private static final long PACKING = 20;

  /** Multiply-adds of a task of a shared batch, at least. */
  private static final long TOGETHER = 1 << 20;

  /** Multiply-adds of one product up to which a batch is shared out by products. */
  private static final long MODERATE = 1 << 22;

  private static final @Nullable GemmVector[] BY_WIDTH = new @Nullable GemmVector[3];

  final OutputTile kernel;
  final GemmEnds ends;
  final PanelPack pack;

  /** What new chains start from. */
  final float[] zeros;

  private GemmVector(int bits) {
    kernel = Lanes.kernel(OutputTiles.class, OutputTile.class, bits);
    ends = Lanes.kernel(GemmPanels.class, GemmEnds.class, bits);
    pack = PanelPack.on(bits);
    zeros = new float[kernel.rows() * kernel.columns()];
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

  /**
   * An operand.
   *
   * @param memory all of its elements
   * @param transposed whether memory holds the transpose, row-major
   * @param step elements from one product's matrix to the next; 0 if all use the same
   */
  public record Matrix(MemorySegment memory, boolean transposed, long step) {}

  /** {@code batch} products of [m, k] by [k, n]; all at least 1. */
  public record Extent(long batch, long m, long n, long k) {}

  /** out[g] = relu?(a[g]·b[g] + bias?), with out [batch, m, n] dense. */
  public void gemm(
      Matrix a,
      Matrix b,
      @Nullable MemorySegment bias,
      boolean relu,
      MemorySegment out,
      Extent size,
      Workers workers) {
    long terms = size.m * size.n * size.k;
    if (size.batch > 1
        && terms <= MODERATE
        && workers.threads() > 1
        && size.batch <= Long.MAX_VALUE / terms) {
      long together = Math.max(1, TOGETHER / terms);
      workers.run(
          Math.ceilDiv(size.batch, together),
          task -> {
            var product = new GemmProduct(this, a, b, bias, relu, out, size, null);
            long end = Math.min(size.batch, (task + 1) * together);
            for (long g = task * together; g < end; g++) {
              product.run(g);
            }
          });
    } else {
      long work = terms + PACKING * size.k * (size.m + size.n);
      boolean alone = work < SMALL || workers.threads() == 1;
      var product = new GemmProduct(this, a, b, bias, relu, out, size, alone ? null : workers);
      for (long g = 0; g < size.batch; g++) {
        product.run(g);
      }
    }
  }
}
