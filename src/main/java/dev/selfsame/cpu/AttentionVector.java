package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Attention on vectors (op/Attention). Lanes lie across queries: a panel of two vectors of queries
 * has its scores transposed, a row for each key, so that softmax runs down the columns in the
 * contract's order with no sum across lanes, and both products are {@link OutputTile}'s. The work
 * on one head is in {@link AttentionHead}; tasks are heads, of few heads also parts of their
 * queries.
 */
public final class AttentionVector {
  /** Tasks of a forward call, at least, where the queries allow it. */
  private static final int TASKS = 16;

  /** Queries of a task, at least: what packing the keys and values is worth. */
  private static final int TASK_QUERIES = 256;

  private static final @Nullable AttentionVector[] BY_WIDTH = new @Nullable AttentionVector[3];

  private final ThreadLocal<AttentionHead> mine;

  private AttentionVector(int bits) {
    mine = ThreadLocal.withInitial(() -> new AttentionHead(bits));
  }

  /** The kernels of a vector width. */
  public static AttentionVector on(int bits) {
    int i = bits >> 8;
    AttentionVector made = BY_WIDTH[i];
    if (made == null) {
      // Of two threads that both make it, one wins; they are the same.
      made = new AttentionVector(bits);
      BY_WIDTH[i] = made;
    }
    return made;
  }

  /** {@code heads} heads of {@code dim} numbers; c scales the scores. */
  public record Sizes(
      int batch, int heads, int dim, int queries, int keys, boolean causal, float c) {
    /** Keys of {@code length} that the queries before {@code end} see. */
    int seen(int length, int end) {
      return causal ? Math.min(length, end) : length;
    }
  }

  /**
   * {@code count} rows a sequence, {@code step} apart; a head's numbers lie side by side in them,
   * the first head's from {@code column} on.
   */
  public record Rows(MemorySegment memory, long column, long step, long count) {
    long at(long b, long row, long h, long dim) {
      return (b * count + row) * step + column + h * dim;
    }
  }

  /**
   * The outputs, and the statistics of each query.
   *
   * @param lengths keys of each sequence
   * @param statistics the maxima [B, H, T], then the sums
   */
  public void forward(
      Sizes s,
      int[] lengths,
      Rows q,
      Rows k,
      Rows v,
      Rows out,
      MemorySegment statistics,
      Workers workers) {
    long all = (long) s.batch * s.heads;
    int parts = (int) Math.max(1, Math.min(Math.ceilDiv(TASKS, all), s.queries / TASK_QUERIES));
    int each = Math.ceilDiv(s.queries, parts);
    workers.run(
        all * parts,
        task -> {
          // Later queries first: if causal, they see more keys.
          int from = (int) (parts - 1 - task % parts) * each;
          int head = (int) (task / parts);
          int to = Math.min(from + each, s.queries);
          if (from < to) {
            mine.get().begin(s, lengths, head).forward(from, to, q, k, v, out, statistics);
          }
        });
  }

  /** The gradients. A task is a head: its keys' sums run over all of its queries. */
  public void gradient(
      Sizes s,
      int[] lengths,
      Rows dout,
      Rows q,
      Rows k,
      Rows v,
      Rows out,
      MemorySegment statistics,
      Rows dq,
      Rows dk,
      Rows dv,
      Workers workers) {
    workers.run(
        (long) s.batch * s.heads,
        head ->
            mine.get()
                .begin(s, lengths, (int) head)
                .gradient(dout, q, k, v, out, statistics, dq, dk, dv));
  }
}
