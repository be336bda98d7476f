package dev.selfsame.verify;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.cuda.CudaException;
import dev.selfsame.cuda.Nvml;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Burn-in: keeps a card busy with operations whose bits are known, and reports every bit that
 * differs. Since a kernel's bits don't depend on the card, a difference is a fault of the hardware.
 *
 * <pre>{@code
 * Soak.Outcome o = Soak.on(Device.cuda(0)).run(Duration.ofMinutes(30), listener);
 * }</pre>
 *
 * <p>The known bits come from the CPU's vector kernels, once, at the beginning. A round runs each
 * operation for about a tenth of a second and compares all its results on the card each time. The
 * rest of the memory is filled before a round with words that depend on their place (in every
 * second round with their complement), and checked after it. After a difference the inputs and the
 * card's copies of the known bits are read back, so that the report says whether one of them was
 * the cause; they are then written anew, and the burn-in goes on.
 */
public final class Soak {
  /** Faults that are kept with all details; all are counted. */
  public static final int MOST_FAULTS = 10_000;

  private static final double BATCH_SECONDS = 0.1;
  private static final long MAX_REPEATS = 1000;
  private static final long REGION_WORDS = 1L << 28;
  private static final double MEMORY_SHARE = 0.8;

  /** On softcuda a run is a function of its launches alone, whatever the machine's speed. */
  private static final long SOFTCUDA_REPEATS = 2;

  private static final long SOFTCUDA_MEMORY_BYTES = 1 << 20;

  private final Device.Cuda device;
  private final boolean soft;
  private long mostRounds = Long.MAX_VALUE;

  private Soak(Device.Cuda device) {
    this.device = device;
    soft = device.context().driver().isSoftcuda();
  }

  /**
   * A burn-in of a card, or of softcuda with small sizes.
   *
   * @throws DeviceException for another device
   */
  public static Soak on(Device device) {
    if (device instanceof Device.Cuda cuda) {
      return new Soak(cuda);
    }
    throw new DeviceException(
        "device is " + device + "; a burn-in takes a GPU (cuda:N) or softcuda");
  }

  /** Ends after so many rounds, if the time is not over before; at least 1. */
  public Soak rounds(long most) {
    if (most < 1) {
      throw new IllegalArgumentException("rounds is " + most + "; at least 1 is needed");
    }
    mostRounds = most;
    return this;
  }

  /** Is told how it goes, on the calling thread. */
  public interface Listener {
    /** Something begins: an operation being prepared (round 0) or run. */
    void at(double seconds, long round, String what);

    /** A fault was found. */
    void fault(SoakFault fault);
  }

  /**
   * What came of it.
   *
   * @param seconds that it ran
   * @param rounds that were run to the end
   * @param executions of each operation
   * @param memoryBytes that were filled and checked in each round
   * @param differences words with differing bits
   * @param faults the first {@link #MOST_FAULTS} of them
   * @param failure why it ended early, or null
   * @param last temperature and clocks at the end
   */
  public record Outcome(
      double seconds,
      long rounds,
      Map<String, Long> executions,
      long memoryBytes,
      long differences,
      List<SoakFault> faults,
      @Nullable String failure,
      Nvml.Reading last) {
    /** Whether no bit differed and the card didn't fail. */
    public boolean passed() {
      return differences == 0 && failure == null;
    }
  }

  /**
   * Runs it; at least one round.
   *
   * @param time after which no operation is begun
   */
  public Outcome run(Duration time, Listener listener) {
    return new Session(time, listener).run();
  }

  /** One run. */
  private final class Session {
    private final long start = System.nanoTime();
    private final long nanos;
    private final Listener listener;
    private final Nvml nvml = Nvml.of(device.context());
    private final List<SoakLoad> loads = new ArrayList<>();
    private final List<Tensor> regions = new ArrayList<>();
    private final List<SoakFault> faults = new ArrayList<>();
    private long differences;
    private long round;
    private long rounds;

    Session(Duration time, Listener listener) {
      nanos = time.toNanos();
      this.listener = listener;
    }

    Outcome run() {
      String failure = null;
      try (Scope scope = Scope.open()) {
        prepare(scope);
        SoakNotes memoryNotes = new SoakNotes(scope, device);
        do {
          round++;
          fillMemory();
          for (SoakLoad load : loads) {
            if (rounds > 0 && isOver()) {
              break;
            }
            listener.at(seconds(), round, load.spec.name());
            batch(load);
          }
          checkMemory(memoryNotes);
          rounds++;
        } while (!isOver() && rounds < mostRounds);
      } catch (CudaException e) {
        failure = "after " + Math.round(seconds()) + " s, round " + round + ": " + e.getMessage();
      }
      Map<String, Long> executions = new LinkedHashMap<>();
      loads.forEach(load -> executions.put(load.spec.name(), load.executions));
      long bytes = regions.stream().mapToLong(r -> r.elements() * 4).sum();
      return new Outcome(
          seconds(),
          rounds,
          executions,
          bytes,
          differences,
          List.copyOf(faults),
          failure,
          nvml.read());
    }

    private boolean isOver() {
      return System.nanoTime() - start >= nanos;
    }

    private double seconds() {
      return (System.nanoTime() - start) / 1e9;
    }

    private void prepare(Scope scope) {
      for (SoakLoad.Spec spec : SoakLoads.all(soft)) {
        listener.at(seconds(), 0, spec.name());
        loads.add(new SoakLoad(spec, scope, device, Device.vector()));
      }
      // Once now: what an operation needs beside its tensors is then taken, and repeats are set.
      for (SoakLoad load : loads) {
        load.runOnce();
        device.synchronize();
        long before = System.nanoTime();
        load.runOnce();
        device.synchronize();
        double each = (System.nanoTime() - before) / 1e9;
        load.repeats =
            soft ? SOFTCUDA_REPEATS : Math.clamp((long) (BATCH_SECONDS / each), 1, MAX_REPEATS);
      }
      long left =
          soft ? SOFTCUDA_MEMORY_BYTES : (long) (MEMORY_SHARE * device.context().freeBytes());
      for (long words = left / 4; words > 0; words -= REGION_WORDS) {
        Shape shape = Shape.of(Math.min(words, REGION_WORDS));
        regions.add(Tensor.empty(scope, device, DType.I32, shape));
      }
    }

    private int flip() {
      return round % 2 == 0 ? -1 : 0;
    }

    private long seed(int region) {
      return (round - 1) / 2 * 1_000_003L + region;
    }

    private void fillMemory() {
      for (int i = 0; i < regions.size(); i++) {
        SoakNotes.fill(device.context(), regions.get(i), seed(i), flip());
      }
    }

    private void checkMemory(SoakNotes notes) {
      listener.at(seconds(), round, "memory");
      for (int i = 0; i < regions.size(); i++) {
        notes.check(regions.get(i), seed(i), flip());
        SoakNotes.Found found = notes.take();
        report("memory", "region " + i, SoakFault.Kind.MEMORY, regions.get(i), found);
      }
    }

    private void batch(SoakLoad load) {
      for (long i = 0; i < load.repeats; i++) {
        load.runOnce();
      }
      boolean differs = false;
      for (int i = 0; i < load.results.size(); i++) {
        SoakNotes.Found found = load.notes.get(i).take();
        String name = load.references.get(i).name();
        report(load.spec.name(), name, SoakFault.Kind.RESULT, load.results.get(i), found);
        differs |= found.count() > 0;
      }
      if (differs) {
        load.inputs.forEach(k -> diagnose(load, k, SoakFault.Kind.INPUT));
        load.references.forEach(k -> diagnose(load, k, SoakFault.Kind.REFERENCE));
      }
    }

    /** Reads back what nothing writes, reports what changed, and writes it anew. */
    private void diagnose(SoakLoad load, SoakLoad.Known known, SoakFault.Kind kind) {
      int n = Math.toIntExact(known.tensor().elements());
      int[] actual = new int[n];
      known.tensor().copyTo(MemorySegment.ofArray(actual));
      int[] expected = new int[n];
      MemorySegment.ofArray(expected).copyFrom(known.bits());
      List<SoakNotes.Note> notes = new ArrayList<>();
      long count = 0;
      for (int i = 0; i < n; i++) {
        if (expected[i] != actual[i]) {
          count++;
          if (notes.size() < SoakNotes.MOST) {
            notes.add(new SoakNotes.Note(i, expected[i], actual[i]));
          }
        }
      }
      report(
          load.spec.name(), known.name(), kind, known.tensor(), new SoakNotes.Found(count, notes));
      if (count > 0) {
        known.upload();
      }
    }

    private void report(
        String kernel, String place, SoakFault.Kind kind, Tensor in, SoakNotes.Found found) {
      differences += found.count();
      if (found.count() == 0) {
        return;
      }
      Nvml.Reading reading = nvml.read();
      Instant now = Instant.now();
      for (SoakNotes.Note note : found.notes()) {
        SoakFault fault =
            new SoakFault(
                now,
                seconds(),
                round,
                kernel,
                place,
                kind,
                note.index(),
                in.address() + 4 * note.index(),
                note.expected(),
                note.actual(),
                reading);
        if (faults.size() < MOST_FAULTS) {
          faults.add(fault);
        }
        listener.fault(fault);
      }
    }
  }
}
