package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.Tensor;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchAdamW;
import dev.selfsame.op.AdamW;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/** AdamW over one large tensor, and over many small ones. */
final class AdamWCases {
  /** Parameter, gradient and two moments are read, all but the gradient written. */
  private static final double BYTES_PER_PARAMETER = 28;

  /** Elements followed in float64 by a check: all, or as many at random. */
  private static final int SAMPLE = 200_000;

  /** Above this, libtorch's C++ optimizer with its temporaries would take too much memory. */
  private static final long LARGE = 50_000_000;

  private AdamWCases() {}

  static List<Planned> all(Device device) {
    return List.of(
        planned("1e5 parameters", new long[] {100_000}, 3, device),
        planned("1e6 parameters", new long[] {1_000_000}, 3, device),
        planned("1e7 parameters", new long[] {10_000_000}, 3, device),
        planned("1e8 parameters", new long[] {100_000_000}, 1, device),
        planned("1000 tensors of 16 to 4096", small(1000), 3, device));
  }

  /** The cross-check: fifty steps, new gradients at each, sizes around lanes and pieces. */
  static List<Planned> fiftySteps(Device device) {
    return List.of(
        planned("50 steps, 1 tensor", new long[] {100_003}, 50, device),
        planned(
            "50 steps, 9 tensors",
            new long[] {1, 15, 16, 17, 1000, 4095, 4096, 4097, 12_289},
            50,
            device),
        planned("50 steps, 200 tensors", small(200), 50, device));
  }

  private static long[] small(int tensors) {
    var random = new SplittableRandom(7);
    return LongStream.generate(() -> random.nextLong(16, 4097)).limit(tensors).toArray();
  }

  private static Planned planned(String name, long[] sizes, int steps, Device device) {
    return new Planned(name, () -> build(name, sizes, steps, device));
  }

  private static BenchCase build(String name, long[] sizes, int steps, Device device) {
    var memory = new CaseMemory(device);
    boolean large = LongStream.of(sizes).sum() > LARGE;
    List<MemorySegment> ours = new ArrayList<>();
    List<MemorySegment> gradients = new ArrayList<>();
    for (int t = 0; t < sizes.length; t++) {
      ours.add(memory.normal(t, sizes[t]));
      gradients.add(memory.normal(1_000_000 + t, sizes[t]));
    }
    List<MemorySegment> fuseds = ours.stream().map(memory::copy).toList();
    List<MemorySegment> optimizers = large ? fuseds : ours.stream().map(memory::copy).toList();
    List<MemorySegment> first = zeros(memory, sizes);
    List<MemorySegment> second = zeros(memory, sizes);
    Runnable our = ours(memory, ours, gradients, first, second);
    Runnable optimizer = large ? () -> {} : TorchAdamW.optimizer(optimizers, gradients);
    Runnable fused =
        TorchAdamW.fused(fuseds, gradients, zeros(memory, sizes), zeros(memory, sizes));

    BenchCase.Check check =
        control -> {
          Elements elements = Elements.sample(sizes);
          var reference = new AdamWReference(elements.of(ours));
          for (int step = 0; step < steps; step++) {
            if (step > 0) {
              renew(gradients, step);
            }
            our.run();
            if (control && step == steps / 2) {
              Inputs.change(gradients.getFirst());
            }
            optimizer.run();
            fused.run();
            reference.step(elements.of(gradients));
          }
          double[] o = elements.of(ours);
          double[] t = elements.of(optimizers);
          double[] f = elements.of(fuseds);
          List<Agreement> all = new ArrayList<>();
          if (!large) {
            all.add(agreement("ours and libtorch", o, t, 2, reference));
            all.add(agreement("libtorch and float64", t, null, 1, reference));
          }
          all.add(agreement("ours and libtorch fused", o, f, 2, reference));
          all.add(agreement("ours and float64", o, null, 1, reference));
          all.add(agreement("libtorch fused and float64", f, null, 1, reference));
          return all;
        };
    return new BenchCase(
        name,
        Rate.GBYTES,
        Work.bytes(BYTES_PER_PARAMETER * LongStream.of(sizes).sum()),
        new Contender("selfsame", our),
        large
            ? List.of(new Contender("libtorch fused", fused))
            : List.of(
                new Contender("libtorch fused", fused),
                new Contender("libtorch C++ AdamW", optimizer)),
        sizes.length == 1
            ? BareUpdate.of(
                ours.getFirst(),
                gradients.getFirst(),
                first.getFirst(),
                second.getFirst(),
                memory.threads())
            : List.of(),
        check,
        memory);
  }

  private static Runnable ours(
      CaseMemory memory,
      List<MemorySegment> parameters,
      List<MemorySegment> gradients,
      List<MemorySegment> firstMoments,
      List<MemorySegment> secondMoments) {
    List<Tensor> p = tensors(memory, parameters);
    List<Tensor> g = tensors(memory, gradients);
    List<Tensor> m = tensors(memory, firstMoments);
    List<Tensor> v = tensors(memory, secondMoments);
    long[] step = {0};
    return () ->
        AdamW.step(
            p,
            g,
            m,
            v,
            new AdamW.Hyper(
                TorchAdamW.LR,
                TorchAdamW.BETA1,
                TorchAdamW.BETA2,
                TorchAdamW.EPSILON,
                TorchAdamW.WEIGHT_DECAY,
                ++step[0],
                AdamW.Decay.DECOUPLED));
  }

  private static List<MemorySegment> zeros(CaseMemory memory, long[] sizes) {
    return LongStream.of(sizes).mapToObj(memory::zeros).toList();
  }

  private static List<Tensor> tensors(CaseMemory memory, List<MemorySegment> segments) {
    return segments.stream().map(s -> memory.floats(s, s.byteSize() / Float.BYTES)).toList();
  }

  /** New gradients in the same memory, of very different sizes. */
  private static void renew(List<MemorySegment> gradients, int step) {
    for (int t = 0; t < gradients.size(); t++) {
      var random = new SplittableRandom(31L * step + t);
      MemorySegment g = gradients.get(t);
      for (long i = 0; i < g.byteSize() / Float.BYTES; i++) {
        g.setAtIndex(
            JAVA_FLOAT, i, (float) (random.nextGaussian() * Math.exp(random.nextDouble(-5, 2))));
      }
    }
  }

  private static Agreement agreement(
      String what, double[] got, double[] want, int factor, AdamWReference reference) {
    return Agreement.of(
        what,
        got.length,
        i -> got[(int) i],
        i -> want == null ? reference.parameter((int) i) : want[(int) i],
        // The reference itself rounds in float64: 2^-29 of the float bound.
        i -> factor * reference.error((int) i) * (1 + 0x1p-28));
  }

  /** Some elements of a list of tensors. */
  private record Elements(int[] tensor, long[] index) {
    static Elements sample(long[] sizes) {
      long total = LongStream.of(sizes).sum();
      int count = (int) Math.min(total, SAMPLE);
      var random = new SplittableRandom(5);
      long[] flat =
          total <= SAMPLE
              ? LongStream.range(0, total).toArray()
              : LongStream.generate(() -> random.nextLong(total)).limit(count).sorted().toArray();
      int[] tensor = new int[count];
      long[] index = new long[count];
      int t = 0;
      long start = 0;
      for (int i = 0; i < count; i++) {
        while (flat[i] - start >= sizes[t]) {
          start += sizes[t++];
        }
        tensor[i] = t;
        index[i] = flat[i] - start;
      }
      return new Elements(tensor, index);
    }

    double[] of(List<MemorySegment> memory) {
      double[] values = new double[tensor.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = memory.get(tensor[i]).getAtIndex(JAVA_FLOAT, index[i]);
      }
      return values;
    }
  }
}
