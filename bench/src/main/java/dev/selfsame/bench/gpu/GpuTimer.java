package dev.selfsame.bench.gpu;

import dev.selfsame.bench.Spread;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Event;
import java.util.ArrayList;
import java.util.List;

/** Times queued work by the GPU's own events; several contenders by turns. */
final class GpuTimer implements AutoCloseable {
  private static final double SAMPLE_MILLIS = 2;
  private static final int MOST_RUNS = 1000;
  private static final int LEAST_SAMPLES = 5;
  private static final int MOST_SAMPLES = 200;

  private final CudaContext context;
  private final Event start;
  private final Event end;

  GpuTimer(CudaContext context) {
    this.context = context;
    start = context.newEvent();
    end = context.newEvent();
  }

  /**
   * Milliseconds of one run, for each contender; samples of all were taken by turns.
   *
   * @param millis by contender
   * @param ratios of each contender's time to the first one's, sample by sample
   */
  record Times(List<Spread> millis, List<Spread> ratios) {}

  Times time(List<Runnable> contenders, double seconds) {
    int[] runs = new int[contenders.size()];
    for (int i = 0; i < runs.length; i++) {
      // Loads modules, fills pools, and finds out how many runs make a sample.
      sample(contenders.get(i), 1);
      double once = sample(contenders.get(i), 2);
      runs[i] = (int) Math.clamp(Math.ceil(SAMPLE_MILLIS / Math.max(once, 1e-6)), 1, MOST_RUNS);
      sample(contenders.get(i), runs[i]);
    }
    List<List<Double>> millis = new ArrayList<>();
    contenders.forEach(c -> millis.add(new ArrayList<>()));
    long begun = System.nanoTime();
    int samples = 0;
    while (samples < LEAST_SAMPLES
        || samples < MOST_SAMPLES && System.nanoTime() - begun < seconds * 1e9) {
      for (int i = 0; i < runs.length; i++) {
        millis.get(i).add(sample(contenders.get(i), runs[i]));
      }
      samples++;
    }
    List<Spread> spreads = new ArrayList<>();
    List<Spread> ratios = new ArrayList<>();
    double[] first = array(millis.getFirst());
    for (List<Double> one : millis) {
      double[] times = array(one);
      spreads.add(Spread.of(times));
      double[] ratio = new double[times.length];
      for (int i = 0; i < ratio.length; i++) {
        ratio[i] = times[i] / first[i];
      }
      ratios.add(Spread.of(ratio));
    }
    return new Times(spreads, ratios);
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private double sample(Runnable work, int runs) {
    context.synchronize();
    start.record();
    for (int i = 0; i < runs; i++) {
      work.run();
    }
    end.record();
    return end.millisecondsSince(start) / runs;
  }

  @Override
  public void close() {
    start.close();
    end.close();
  }
}
