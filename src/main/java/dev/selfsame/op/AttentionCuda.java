package dev.selfsame.op;

import dev.selfsame.Tensor;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import dev.selfsame.cuda.Launch;
import dev.selfsame.op.AttentionLayout.Operands;
import dev.selfsame.op.AttentionLayout.Rows;
import dev.selfsame.op.AttentionLayout.Sizes;
import org.jspecify.annotations.Nullable;

/** Launches {@code cuda-kernels/attention.cu}. */
final class AttentionCuda {
  private static final Kernel STATISTICS = Kernel.of("attention_statistics");
  private static final Kernel FORWARD = Kernel.of("attention_forward");
  private static final Kernel DOTS = Kernel.of("attention_dots");
  private static final Kernel QUERIES = Kernel.of("attention_gradient_queries");
  private static final Kernel KEYS = Kernel.of("attention_gradient_keys");

  /** Rows of a block's tile, and columns of a head that it sums. */
  private static final int TILE = 64;

  private static final int THREADS = 256;

  private AttentionCuda() {}

  static void forward(
      CudaContext context,
      Sizes s,
      @Nullable Tensor lengths,
      Operands x,
      Tensor out,
      Tensor statistics) {
    long maxima = statistics.address();
    long sums = maxima + s.statistics() * Float.BYTES;
    Launch first = context.launch(STATISTICS).grid(tiles(s, s.queries())).block(THREADS);
    rows(first, x.q(), x.k());
    sizes(first, lengths, s).arg(maxima).arg(sums).what(s::toString).run();
    Launch second = context.launch(FORWARD).grid(tiles(s, s.queries()), slices(s)).block(THREADS);
    rows(second, x.q(), x.k(), x.v());
    sizes(second, lengths, s).arg(maxima).arg(sums);
    rows(second, new Rows(out, 0)).what(s::toString).run();
  }

  static void gradient(
      CudaContext context,
      Sizes s,
      @Nullable Tensor lengths,
      Tensor dout,
      Operands x,
      Tensor out,
      Tensor statistics,
      Operands dx) {
    long maxima = statistics.address();
    long sums = maxima + s.statistics() * Float.BYTES;
    long dots = context.allocate(s.statistics() * Float.BYTES);
    try {
      context
          .launch(DOTS)
          .grid(Math.min(1 << 16, Math.ceilDiv(s.statistics(), (long) THREADS)))
          .block(THREADS)
          .arg(dout.address())
          .arg(out.address())
          .arg((long) s.batch() * s.queries())
          .arg(s.heads())
          .arg(s.dim())
          .arg(s.queries())
          .arg(dots)
          .what(s::toString)
          .run();
      Rows slopes = new Rows(dout, 0);
      Launch queries =
          context.launch(QUERIES).grid(tiles(s, s.queries()), slices(s)).block(THREADS);
      rows(queries, x.q(), x.k(), x.v(), slopes);
      sizes(queries, lengths, s).arg(maxima).arg(sums).arg(dots);
      rows(queries, dx.q()).what(s::toString).run();
      Launch keys = context.launch(KEYS).grid(tiles(s, s.keys()), slices(s)).block(THREADS);
      rows(keys, x.q(), x.k(), x.v(), slopes);
      sizes(keys, lengths, s).arg(maxima).arg(sums).arg(dots);
      rows(keys, dx.k(), dx.v()).what(s::toString).run();
    } finally {
      context.free(dots);
    }
  }

  private static long tiles(Sizes s, int rows) {
    return (long) s.batch() * s.heads() * Math.ceilDiv(rows, TILE);
  }

  private static long slices(Sizes s) {
    return Math.ceilDiv(s.dim(), TILE);
  }

  private static Launch rows(Launch launch, Rows... operands) {
    for (Rows rows : operands) {
      launch.arg(rows.address()).arg(rows.step());
    }
    return launch;
  }

  private static Launch sizes(Launch launch, @Nullable Tensor lengths, Sizes s) {
    return launch
        .arg(lengths == null ? 0L : lengths.address())
        .arg(s.heads())
        .arg(s.dim())
        .arg(s.queries())
        .arg(s.keys())
        .arg(s.causal() ? 1 : 0)
        .arg(s.c());
  }
}
