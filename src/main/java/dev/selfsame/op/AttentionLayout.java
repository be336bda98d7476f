package dev.selfsame.op;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.IndexException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.AttentionVector;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Sizes and operands of {@link Attention}, and their checks. */
final class AttentionLayout {
  private static final int MAX_DIM = 256;
  private static final long MAX_ROWS = 1 << 20;

  private AttentionLayout() {}

  /** H heads of D numbers; c is 1/√D. */
  record Sizes(int batch, int heads, int dim, int queries, int keys, boolean causal, float c) {
    int width() {
      return heads * dim;
    }

    /** Queries of all heads of all sequences: that many maxima, then that many sums. */
    long statistics() {
      return (long) batch * heads * queries;
    }

    /** Keys that query {@code i} sees of a sequence of {@code length}. */
    int seen(int length, int i) {
      return causal ? Math.min(length, i + 1) : length;
    }

    AttentionVector.Sizes forVectors() {
      return new AttentionVector.Sizes(batch, heads, dim, queries, keys, causal, c);
    }

    @Override
    public String toString() {
      return "attention of %d x %d heads of %d, %d queries, %d keys%s"
          .formatted(batch, heads, dim, queries, keys, causal ? ", causal" : "");
    }
  }

  /** Rows [B, ·, …] of a tensor, from one of their columns on. */
  record Rows(Tensor tensor, long column) {
    long step() {
      return tensor.size(2);
    }

    long count() {
      return tensor.size(1);
    }

    /** The element of (sequence, row, head) that its D numbers begin at. */
    long at(long b, long row, long h, long dim) {
      return (b * count() + row) * step() + column + h * dim;
    }

    AttentionVector.Rows memory() {
      return new AttentionVector.Rows(tensor.memory(), column, step(), count());
    }

    long address() {
      return tensor.address() + column * Float.BYTES;
    }
  }

  /** Queries, keys and values, of H·D columns. */
  record Operands(Rows q, Rows k, Rows v, long columns) {
    void apart(String op, String destinationName, Tensor destination) {
      if (q.tensor == k.tensor) {
        Check.apart(op, "qkv", q.tensor, destinationName, destination);
        return;
      }
      Check.apart(op, "q", q.tensor, destinationName, destination);
      Check.apart(op, "k", k.tensor, destinationName, destination);
      Check.apart(op, "v", v.tensor, destinationName, destination);
    }
  }

  // ---- checks

  static Operands separate(String op, Tensor q, Tensor k, Tensor v, Tensor destination) {
    Check.plain(op, op.equals(Attention.OP) ? "out" : "dq", destination, DType.F32);
    Check.input(op, "q", q, destination);
    Check.input(op, "k", k, destination);
    Check.input(op, "v", v, destination);
    Check.rank(op, "q", q, 3, "[B, T, H·D]");
    Check.rank(op, "k", k, 3, "[B, S, H·D]");
    Check.notEmpty(op, "q", q);
    Check.notEmpty(op, "k", k);
    Check.shape(op, "k", k, q.size(0), k.size(1), q.size(2));
    Check.shape(op, "v", v, k.shape());
    return new Operands(new Rows(q, 0), new Rows(k, 0), new Rows(v, 0), q.size(2));
  }

  static Operands together(String op, String name, Tensor qkv, Tensor destination) {
    Check.plain(op, op.equals(Attention.OP) ? "out" : "dqkv", destination, DType.F32);
    Check.input(op, name, qkv, destination);
    Check.rank(op, name, qkv, 3, "[B, T, 3·H·D]");
    Check.notEmpty(op, name, qkv);
    long columns = qkv.size(2) / 3;
    if (qkv.size(2) % 3 != 0) {
      throw new ShapeException(
          op + ": " + name + " has " + qkv.size(2) + " columns; a multiple of 3 is needed");
    }
    return new Operands(
        new Rows(qkv, 0), new Rows(qkv, columns), new Rows(qkv, 2 * columns), columns);
  }

  static Sizes sizes(String op, Operands x, int heads, boolean causal) {
    Check.positive(op, "heads", heads);
    if (x.columns % heads != 0) {
      throw new ShapeException(
          op + ": heads is " + heads + "; a divisor of the " + x.columns + " columns is needed");
    }
    long dim = x.columns / heads;
    if (dim > MAX_DIM) {
      throw new ShapeException(
          op + ": a head has " + dim + " columns; at most " + MAX_DIM + " are allowed");
    }
    long queries = x.q.count();
    long keys = x.k.count();
    if (queries > MAX_ROWS || keys > MAX_ROWS) {
      throw new ShapeException(
          op + ": " + queries + " queries and " + keys + " keys; at most 2^20 are allowed");
    }
    if (causal && queries != keys) {
      throw new ShapeException(
          op + ": causal with " + queries + " queries and " + keys + " keys; as many are needed");
    }
    long batch = x.q.tensor().size(0);
    if (batch > Integer.MAX_VALUE / x.columns) {
      throw new ShapeException(op + ": " + batch + " sequences; that is too many for one call");
    }
    float c = (float) (1 / Math.sqrt(dim));
    return new Sizes((int) batch, heads, (int) dim, (int) queries, (int) keys, causal, c);
  }

  /** The keys of each sequence. */
  static int[] lengths(
      String op,
      @Nullable Tensor lengths,
      Sizes s,
      Tensor first,
      String name,
      Tensor... destinations) {
    if (lengths == null) {
      int[] all = new int[s.batch];
      Arrays.fill(all, s.keys);
      return all;
    }
    Check.plain(op, "lengths", lengths, DType.I32);
    Check.device(op, "lengths", lengths, first.device());
    Check.shape(op, "lengths", lengths, s.batch);
    for (Tensor destination : destinations) {
      Check.apart(op, "lengths", lengths, name, destination);
    }
    if (lengths.device() instanceof Device.Cuda d) {
      LengthCheck same = new LengthCheck(lengths.address(), s.batch, s.keys);
      if (d.context()
          .checkBeforeReplay(lengths.address(), same, () -> values(op, lengths, s.keys))) {
        return new int[0]; // the kernels read them on the device
      }
    }
    return values(op, lengths, s.keys);
  }

  private record LengthCheck(long address, long count, long keys) {}

  private static int[] values(String op, Tensor lengths, int keys) {
    int[] each = lengths.toIntArray();
    for (int b = 0; b < each.length; b++) {
      if (each[b] < 1 || each[b] > keys) {
        throw new IndexException(
            op + ": lengths[" + b + "] is " + each[b] + "; 1 to " + keys + " are allowed");
      }
    }
    return each;
  }
}
