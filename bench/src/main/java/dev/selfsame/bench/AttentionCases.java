package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchAttention;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Attention;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Attention of sequences to themselves: forward, and forward with all gradients. */
final class AttentionCases {
  private static final String[] NAMES = {"out", "dq", "dk", "dv"};

  private AttentionCases() {}

  static List<Planned> all(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (boolean gradient : new boolean[] {false, true}) {
      for (boolean causal : new boolean[] {false, true}) {
        for (int[] s : new int[][] {{16, 64, 4, 16}, {8, 128, 8, 64}, {1, 1024, 8, 64}}) {
          cases.add(planned(s, causal, gradient, device));
        }
      }
    }
    return cases;
  }

  /** Around lanes and panels: for the cross-check. */
  static List<Planned> odd(Device device) {
    List<Planned> cases = new ArrayList<>();
    for (boolean causal : new boolean[] {false, true}) {
      for (int[] s : new int[][] {{2, 5, 2, 3}, {1, 33, 3, 16}, {2, 65, 1, 40}}) {
        cases.add(planned(s, causal, true, device));
      }
    }
    return cases;
  }

  private static Planned planned(int[] s, boolean causal, boolean gradient, Device device) {
    String name =
        "%s %dx%d, %d heads of %d%s"
            .formatted(
                gradient ? "gradient" : "forward", s[0], s[1], s[2], s[3], causal ? " causal" : "");
    return new Planned(
        name, () -> new Buffers(s[0], s[1], s[2], s[3], causal, device).toCase(name, gradient));
  }

  /** All memory of a case, ours and theirs. */
  private static final class Buffers {
    private final int batch;
    private final int length;
    private final int heads;
    private final int dim;
    private final boolean causal;
    private final CaseMemory memory;
    private final MemorySegment[] in = new MemorySegment[4];
    private final MemorySegment[] ours = new MemorySegment[4];
    private final MemorySegment[] theirs = new MemorySegment[4];

    Buffers(int batch, int length, int heads, int dim, boolean causal, Device device) {
      this.batch = batch;
      this.length = length;
      this.heads = heads;
      this.dim = dim;
      this.causal = causal;
      memory = new CaseMemory(device);
      for (int i = 0; i < 4; i++) {
        in[i] = memory.normal(i + 1, count());
        ours[i] = memory.zeros(count());
        theirs[i] = memory.zeros(count());
      }
    }

    private long count() {
      return (long) batch * length * heads * dim;
    }

    private dev.selfsame.Tensor ours(MemorySegment s) {
      return memory.floats(s, batch, length, (long) heads * dim);
    }

    private Tensor theirs(MemorySegment s) {
      return TorchPeer.floats(s, batch, length, heads, dim);
    }

    private Runnable our(boolean gradient) {
      var q = ours(in[0]);
      var k = ours(in[1]);
      var v = ours(in[2]);
      var dout = ours(in[3]);
      var out = ours(ours[0]);
      var dq = ours(ours[1]);
      var dk = ours(ours[2]);
      var dv = ours(ours[3]);
      var statistics =
          memory.floats(memory.zeros(2L * batch * heads * length), 2, batch, heads, length);
      return () -> {
        Attention.forward(q, k, v, null, heads, causal, out, statistics);
        if (gradient) {
          Attention.gradient(dout, q, k, v, null, heads, causal, out, statistics, dq, dk, dv);
        }
      };
    }

    /** Two products forward and five backward; of causal scores, half. */
    private Work work(boolean gradient) {
      double pairs = causal ? length * (length + 1.0) / 2 : (double) length * length;
      double product = 2.0 * batch * heads * dim * pairs;
      return new Work((gradient ? 7 : 2) * product, (gradient ? 8 : 4) * 4.0 * count());
    }

    BenchCase toCase(String name, boolean gradient) {
      var peer = new TorchAttention(theirs(in[0]), theirs(in[1]), theirs(in[2]), causal);
      Tensor dout = theirs(in[3]);
      if (gradient) {
        peer.train();
      }
      Runnable our = our(gradient);
      Runnable their = () -> (gradient ? peer.backward(dout) : peer.forward()).close();
      return new BenchCase(
          name,
          Rate.GFLOPS,
          work(gradient),
          new Contender("selfsame", our),
          List.of(new Contender("libtorch", their)),
          control -> {
            our.run();
            if (control) {
              // All results of its head depend on a query.
              for (int i = 0; i < 4; i++) {
                Inputs.change(in[i]);
              }
            }
            try (Tensor out = gradient ? peer.backward(dout) : peer.forward()) {
              keep(out, true, theirs[0]);
            }
            for (int i = 0; gradient && i < 3; i++) {
              try (Tensor g = peer.gradient(i)) {
                keep(g, false, theirs[i + 1]);
              }
            }
            return agreements(gradient ? 4 : 1);
          },
          () -> {
            peer.close();
            dout.close();
            memory.run();
          });
    }

    /** Copies a tensor, [B, T, H, D] or [B, H, T, D], to memory of the first order. */
    private static void keep(Tensor t, boolean turned, MemorySegment to) {
      try (Tensor rows = turned ? t.transpose(1, 2) : t.alias();
          Tensor dense = rows.contiguous()) {
        to.copyFrom(TorchPeer.memory(dense));
      }
    }

    private List<Agreement> agreements(int results) {
      int n = (int) count();
      double[][] value = new double[4][n];
      double[][] bound = new double[4][n];
      for (int b = 0; b < batch; b++) {
        for (int h = 0; h < heads; h++) {
          var reference = new AttentionReference(head(b, h), length, dim, causal);
          for (int r = 0; r < results; r++) {
            for (int i = 0; i < length; i++) {
              int at = ((b * length + i) * heads + h) * dim;
              System.arraycopy(reference.value[r], i * dim, value[r], at, dim);
              System.arraycopy(reference.bound[r], i * dim, bound[r], at, dim);
            }
          }
        }
      }
      List<Agreement> all = new ArrayList<>();
      for (int r = 0; r < results; r++) {
        for (MemorySegment[] out : List.of(ours, theirs)) {
          MemorySegment got = out[r];
          double[] want = value[r];
          double[] by = bound[r];
          all.add(
              Agreement.of(
                  NAMES[r] + (out == ours ? ", ours and float64" : ", libtorch and float64"),
                  n,
                  i -> got.getAtIndex(JAVA_FLOAT, i),
                  i -> want[(int) i],
                  i -> by[(int) i]));
        }
      }
      return all;
    }

    private AttentionReference.Head head(int b, int h) {
      double[][] x = new double[4][];
      for (int i = 0; i < 4; i++) {
        x[i] = AttentionReference.head(in[i], b, h, length, heads, dim);
      }
      return new AttentionReference.Head(x[0], x[1], x[2], x[3]);
    }
  }
}
