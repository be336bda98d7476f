package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.Attention;
import org.openjdk.jmh.annotations.Param;

/** Attention of sequences to themselves, 8 heads of 64. */
public class AttentionBench extends CaseBench {
  private static final int HEADS = 8;
  private static final long WIDTH = HEADS * 64L;

  /** Which direction. */
  public enum Pass {
    FORWARD,
    GRADIENT
  }

  /** Which direction. */
  @Param({"FORWARD", "GRADIENT"})
  public Pass pass;

  /** Positions of a sequence; there are 1,024 in all. */
  @Param({"64", "256", "1024"})
  public long length;

  /** Whether a position sees none after it. */
  @Param({"false", "true"})
  public boolean causal;

  @Override
  protected BenchCase build(Device device) {
    long batch = 1024 / length;
    long n = 1024 * WIDTH;
    double products = 2.0 * 1024 * WIDTH * length * (causal ? 0.5 : 1);
    return ScalarChecked.build(
        pass + " " + batch + "x" + length + (causal ? " causal" : ""),
        Rate.GFLOPS,
        products * (pass == Pass.FORWARD ? 2 : 5),
        device,
        memory -> {
          var out = memory.zeros(n);
          var dx = memory.zeros(3 * n);
          var qkv = memory.floats(memory.normal(1, 3 * n), batch, length, 3 * WIDTH);
          var dout = memory.floats(memory.normal(2, n), batch, length, WIDTH);
          var y = memory.floats(out, batch, length, WIDTH);
          var dqkv = memory.floats(dx, batch, length, 3 * WIDTH);
          var statistics = memory.floats(memory.zeros(2 * HEADS * 1024), 2, batch, HEADS, length);
          Attention.forward(qkv, null, HEADS, causal, y, statistics);
          return switch (pass) {
            case FORWARD ->
                new Prepared(() -> Attention.forward(qkv, null, HEADS, causal, y, statistics), out);
            case GRADIENT ->
                new Prepared(
                    () -> Attention.gradient(dout, qkv, null, HEADS, causal, y, statistics, dqkv),
                    dx);
          };
        });
  }
}
