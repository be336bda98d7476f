package dev.selfsame.bench;

import dev.selfsame.Device;
import dev.selfsame.bench.ScalarChecked.Prepared;
import dev.selfsame.op.BatchNorm;
import org.openjdk.jmh.annotations.Param;

/** Batch normalization of images: training, evaluation and the gradients. */
public class BatchNormBench extends CaseBench {
  /** Which call. */
  public enum Pass {
    FORWARD,
    EVALUATE,
    GRADIENT
  }

  /** Which call. */
  @Param({"FORWARD", "EVALUATE", "GRADIENT"})
  public Pass pass;

  /** Height and width of 8 images of 64 channels. */
  @Param({"7", "56"})
  public long size;

  @Override
  protected BenchCase build(Device device) {
    long[] shape = {8, 64, size, size};
    long n = 8 * 64 * size * size;
    return ScalarChecked.build(
        pass + " 8x64x" + size + "x" + size,
        Rate.GBYTES,
        4.0 * n * (pass == Pass.GRADIENT ? 3 : 2),
        device,
        memory -> {
          var ys = memory.zeros(n);
          var x = memory.floats(memory.normal(1, n), shape);
          var dy = memory.floats(memory.normal(2, n), shape);
          var gamma = memory.floats(memory.normal(3, 64), 64);
          var beta = memory.floats(memory.normal(4, 64), 64);
          var mean = memory.floats(memory.zeros(64), 64);
          var rstd = memory.floats(memory.zeros(64), 64);
          var dgamma = memory.floats(memory.zeros(64), 64);
          var dbeta = memory.floats(memory.zeros(64), 64);
          var y = memory.floats(ys, shape);
          BatchNorm.forward(x, gamma, beta, 1e-5f, null, y, mean, rstd);
          return new Prepared(
              switch (pass) {
                case FORWARD -> () -> BatchNorm.forward(x, gamma, beta, 1e-5f, null, y, mean, rstd);
                case EVALUATE -> () -> BatchNorm.evaluate(x, gamma, beta, 1e-5f, mean, rstd, y);
                case GRADIENT ->
                    () -> BatchNorm.gradient(dy, x, gamma, mean, rstd, y, dgamma, dbeta);
              },
              ys);
        });
  }
}
