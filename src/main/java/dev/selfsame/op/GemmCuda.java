package dev.selfsame.op;

import dev.selfsame.contract.Contract;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import dev.selfsame.op.Gemm.Sizes;

/**
 * Launches {@code cuda-kernels/gemm.cu}. Which tile runs, and whether chunks are split, changes no
 * bit.
 */
final class GemmCuda {
  private static final Kernel FOLD = Kernel.of("gemm_fold");

  /** Blocks that keep a large GPU busy. Fixed, so that a shape takes the same way everywhere. */
  private static final long BUSY = 96;

  /** Tiles of 128 × 256 that are two waves of a large GPU, one block a multiprocessor. */
  private static final long MANY = 256;

  /** Terms that one block goes through. */
  private static final long MAX_TERMS = Integer.MAX_VALUE;

  /** Terms of a step. Twin: GEMM_DEPTH in gemm.cu. */
  private static final long DEPTH = 8;

  private static final long MAX_PARTIAL_BYTES = 64L << 20;
  private static final long MAX_GRID_Z = 65_535;

  /** The output tiles of a block. */
  enum Tile {
    HUGE("128x256", 128, 256, 256),
    LARGE("128x128", 128, 128, 256),
    SMALL("64x64", 64, 64, 128),
    FLAT("16x128", 16, 128, 128);

    private final int rows;
    private final int columns;
    private final int threads;
    private final Kernel[] kernels;

    Tile(String name, int rows, int columns, int threads) {
      this.rows = rows;
      this.columns = columns;
      this.threads = threads;
      kernels =
          new Kernel[] {
            Kernel.of("gemm_" + name + "_nn"),
            Kernel.of("gemm_" + name + "_nt"),
            Kernel.of("gemm_" + name + "_tn"),
            Kernel.of("gemm_" + name + "_tt")
          };
    }

    /** Tiles of one product. */
    private long count(Sizes s) {
      return Math.ceilDiv(s.m(), (long) rows) * Math.ceilDiv(s.n(), (long) columns);
    }

    private Kernel kernel(Sizes s) {
      return kernels[(s.aTransposed() ? 2 : 0) + (s.bTransposed() ? 1 : 0)];
    }
  }

  /** Device addresses; {@code bias} 0 is none. */
  record Operands(long a, long b, long bias, boolean relu, long out) {}

  private GemmCuda() {}

  static void gemm(CudaContext context, Sizes s, Operands x) {
    Tile tile = s.m() <= 16 ? Tile.FLAT : Tile.LARGE;
    if (tile == Tile.LARGE && s.batch() * Tile.HUGE.count(s) >= MANY) {
      tile = Tile.HUGE;
    }
    if (tile == Tile.LARGE && s.batch() * tile.count(s) < BUSY) {
      tile = Tile.SMALL;
    }
    long chunks = chunks(s);
    boolean split =
        s.k() > MAX_TERMS
            || chunks > 1
                && s.batch() * tile.count(s) < BUSY
                && s.batch() * s.m() * s.n() <= MAX_PARTIAL_BYTES / Float.BYTES / chunks;
    gemm(context, s, x, tile, split, MAX_GRID_Z);
  }

  /**
   * With a tile of the caller's choice.
   *
   * @param split gives each chunk to blocks of its own
   * @param most products in one launch, at most 65,535
   */
  static void gemm(CudaContext context, Sizes s, Operands x, Tile tile, boolean split, long most) {
    long area = s.m() * s.n();
    long chunks = split ? chunks(s) : 1;
    if (chunks == 1) {
      tiles(context, s, x, tile, most, 1, x.bias, x.relu, x.out);
      return;
    }
    long partials = context.allocate(s.batch() * chunks * area * Float.BYTES);
    try {
      tiles(context, s, x, tile, most, chunks, 0, false, partials);
      context
          .launch(FOLD)
          .grid(Math.min(Math.ceilDiv(s.batch() * area, 256L), 1 << 16))
          .block(256)
          .arg(partials)
          .arg(x.bias)
          .arg(x.out)
          .arg(s.batch())
          .arg(area)
          .arg(s.n())
          .arg((int) chunks)
          .arg(x.relu ? 1 : 0)
          .what(s::toString)
          .run();
    } finally {
      context.free(partials);
    }
  }

  private static void tiles(
      CudaContext context,
      Sizes s,
      Operands x,
      Tile tile,
      long most,
      long chunks,
      long bias,
      boolean relu,
      long out) {
    long outStep = s.m() * s.n() * chunks;
    for (long g = 0; g < s.batch(); g += most) {
      context
          .launch(tile.kernel(s))
          .grid(tile.count(s), chunks, Math.min(most, s.batch() - g))
          .block(tile.threads)
          .arg(x.a + g * s.aStep() * Float.BYTES)
          .arg(x.b + g * s.bStep() * Float.BYTES)
          .arg(bias)
          .arg(out + g * outStep * Float.BYTES)
          .arg(s.m())
          .arg(s.n())
          .arg(s.k())
          .arg(Contract.chunk(s.k()))
          .arg(s.aStep())
          .arg(s.bStep())
          .arg(outStep)
          .arg(DEPTH * Float.BYTES * (s.aTransposed() ? s.m() : 1))
          .arg(DEPTH * Float.BYTES * (s.bTransposed() ? 1 : s.n()))
          .arg(relu ? 1 : 0)
          .what(s::toString)
          .run();
    }
  }

  private static long chunks(Sizes s) {
    return Math.ceilDiv(s.k(), Contract.chunk(s.k()));
  }
}
