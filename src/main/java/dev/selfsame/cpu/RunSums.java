package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.RUN;

import dev.selfsame.contract.Mem;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Run sums of channels (see {@link dev.selfsame.contract.OrderedSum}), eight runs at a time ({@link
 * RunGroups}): those that follow each other in a large plane, and those of eight channels at one
 * place in small planes.
 */
final class RunSums {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
  private static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;
  static final int W = F.length();
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final Class<? extends FloatVector> EIGHTS = Lanes.type(FloatVector.zero(EIGHT));
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /** Runs of a group, and their terms. */
  private static final int GROUP = RunGroups.GROUP;

  private static final int TERMS = GROUP * RUN;

  /** Most terms brought together at once, with room for what is copied too much. */
  private static final int MOST = BlockScratch.BLOCKS * BlockScratch.FLOATS - TERMS;

  /** Channels and runs of a task. */
  private static final int TASK_CHANNELS = 64;

  private static final int TASK_RUNS = 256;

  /** Channels whose runs are brought together at once where a plane cuts them. */
  private static final int CUT_CHANNELS = MOST / RUN;

  /** The calling thread's first partials, kept between calls. */
  private static final ThreadLocal<float[]> PARTIALS = ThreadLocal.withInitial(() -> new float[0]);

  /** Where the sums of a thread's runs belong that it has brought together. */
  private static final ThreadLocal<int[]> PLACES =
      ThreadLocal.withInitial(() -> new int[MOST / RUN]);

  private RunSums() {}

  /** Run sum of each channel of x [n, channels, space] to out [channels]. */
  static void channels(
      MemorySegment x, long n, long channels, long space, MemorySegment out, Workers workers) {
    int runs = Math.toIntExact(Math.ceilDiv(Math.multiplyExact(n, space), (long) RUN));
    int floats = Math.toIntExact(Math.multiplyExact(channels, runs));
    float[] partials = PARTIALS.get();
    if (partials.length < floats) {
      partials = new float[floats];
      PARTIALS.set(partials);
    }
    if (space >= RUN && space < TERMS + RUN && channels >= GROUP) {
      lanesOfChannels(x, n, (int) channels, (int) space, runs, partials, out, workers);
    } else {
      lanesOfRuns(x, n, (int) channels, space, runs, partials, out, workers);
    }
  }

  // ---- a channel's runs side by side -----------------------------------------------------------

  private static void lanesOfRuns(
      MemorySegment x,
      long n,
      int channels,
      long space,
      int runs,
      float[] partials,
      MemorySegment out,
      Workers workers) {
    int tasks = Math.ceilDiv(runs, TASK_RUNS);
    workers.run(
        (long) channels * tasks,
        task -> {
          int channel = (int) (task / tasks);
          int first = (int) (task % tasks) * TASK_RUNS;
          int end = Math.min(runs, first + TASK_RUNS);
          channel(x, n, channels, space, channel, first, end, partials, channel * runs);
        });
    for (int c = 0; c < channels; c++) {
      Mem.f32(out, c, fold(partials, c * runs, runs));
    }
  }

  /**
   * Runs first … end − 1 of a channel to {@code partials} from {@code to} + first on. Eight and
   * more inside a plane are read in place; those that planes cut, and few, are brought together in
   * scratch, the last one filled up with −0, which changes no sum.
   */
  private static void channel(
      MemorySegment x,
      long n,
      long channels,
      long space,
      long channel,
      int first,
      int end,
      float[] partials,
      int to) {
    MemorySegment t = BlockScratch.mine();
    float[] sums = BlockScratch.myArray();
    int[] places = PLACES.get();
    int together = 0;
    for (int run = first; run < end; ) {
      long term = (long) run * RUN;
      long image = term / space;
      long inImage = term - image * space;
      int whole = (int) Math.min((space - inImage) / RUN, end - run);
      if (whole >= GROUP) {
        long at = (image * channels + channel) * space + inImage;
        RunGroups.groups(x, at, RUN, TERMS, whole / GROUP, partials, to + run);
        if (whole % GROUP > 0) {
          int last = whole - GROUP;
          RunGroups.groups(x, at + (long) last * RUN, RUN, TERMS, 1, partials, to + run + last);
        }
        run += whole;
        continue;
      }
      // Small planes are brought together as long as there is room, of large ones what they cut.
      int some = space < TERMS ? Math.min(MOST / RUN - together, end - run) : 1;
      collect(
          x,
          channels,
          space,
          channel,
          term,
          Math.min(some * RUN, n * space - term),
          t,
          together * RUN);
      for (int i = 0; i < some; i++) {
        places[together++] = to + run++;
      }
      if (together == MOST / RUN) {
        scatter(t, together, sums, partials, places);
        together = 0;
      }
    }
    scatter(t, together, sums, partials, places);
  }

  /** Terms of a channel from number {@code term} on, its last run filled up. */
  private static void collect(
      MemorySegment x,
      long channels,
      long space,
      long channel,
      long term,
      long count,
      MemorySegment t,
      int to) {
    long image = term / space;
    long inImage = term - image * space;
    for (int i = 0; i < count; image++, inImage = 0) {
      int some = (int) Math.min(count - i, space - inImage);
      copy(x, (image * channels + channel) * space + inImage, t, to + i, some);
      i += some;
    }
    fill(t, to + (int) count);
  }

  /** Sums of the runs of t, each to its place. */
  private static void scatter(
      MemorySegment t, int runs, float[] sums, float[] partials, int[] places) {
    RunGroups.groups(t, 0, RUN, TERMS, Math.ceilDiv(runs, GROUP), sums, 0);
    for (int i = 0; i < runs; i++) {
      partials[places[i]] = sums[i];
    }
  }

  /** The run sum of {@code count} partials, which are overwritten. */
  private static float fold(float[] partials, int from, int count) {
    MemorySegment t = BlockScratch.mine();
    float[] sums = BlockScratch.myArray();
    int left = count;
    for (; left > RUN; left = Math.ceilDiv(left, RUN)) {
      for (int done = 0; done < left; done += MOST) {
        int some = Math.min(MOST, left - done);
        MemorySegment.copy(partials, from + done, t, ValueLayout.JAVA_FLOAT, 0, some);
        fill(t, some);
        RunGroups.groups(t, 0, RUN, TERMS, Math.ceilDiv(some, TERMS), sums, 0);
        System.arraycopy(sums, 0, partials, from + done / RUN, Math.ceilDiv(some, RUN));
      }
    }
    float sum = partials[from];
    for (int i = 1; i < left; i++) {
      sum += partials[from + i];
    }
    return sum;
  }

  /** −0 from {@code count} to the end of its run; of the runs after it, nobody reads the sums. */
  private static void fill(MemorySegment t, int count) {
    for (int i = count; i < Math.ceilDiv(count, RUN) * RUN; i++) {
      Mem.f32(t, i, -0f);
    }
  }

  /** A piece of a plane, in whole vectors where there are as many: the next overwrites the rest. */
  private static void copy(MemorySegment x, long at, MemorySegment t, int i, int count) {
    long bytes = (long) (count + W) << 2;
    if ((at << 2) + bytes > x.byteSize()) {
      MemorySegment.copy(x, at << 2, t, (long) i << 2, (long) count << 2);
      return;
    }
    MemorySegment xs = x.asSlice(at << 2, bytes);
    MemorySegment ts = t.asSlice((long) i << 2, bytes);
    for (int j = 0; j < count; j += W) {
      FLOATS
          .cast(FloatVector.fromMemorySegment(F, xs, (long) j << 2, ORDER))
          .intoMemorySegment(ts, (long) j << 2, ORDER);
    }
  }

  // ---- channels side by side -------------------------------------------------------------------

  private static void lanesOfChannels(
      MemorySegment x,
      long n,
      int channels,
      int space,
      int runs,
      float[] partials,
      MemorySegment out,
      Workers workers) {
    int tasks = Math.max(1, channels / TASK_CHANNELS);
    workers.run(
        tasks,
        task -> {
          int first = (int) task * TASK_CHANNELS;
          int count = task == tasks - 1 ? channels - first : TASK_CHANNELS;
          for (int run = 0; run < runs; run++) {
            channelsRun(x, n, channels, space, run, first, count, partials);
          }
          foldRows(partials, runs, channels, first, count);
          for (int c = first; c < first + count; c++) {
            Mem.f32(out, c, partials[c]);
          }
        });
  }

  /**
   * One run of {@code count} channels, eight or more, to a row of partials. A plane cuts it once at
   * most, and the last run not at all.
   */
  private static void channelsRun(
      MemorySegment x,
      long n,
      int channels,
      int space,
      int run,
      int first,
      int count,
      float[] partials) {
    long term = (long) run * RUN;
    long image = term / space;
    int inImage = (int) (term - image * space);
    long at = (image * channels + first) * space + inImage;
    int to = run * channels + first;
    int left = (int) Math.min(RUN, n * space - term);
    int here = Math.min(left, space - inImage);
    // What is left of the channels is summed together with some before.
    int last = count % GROUP == 0 ? -1 : count - GROUP;
    if (here == RUN) {
      RunGroups.groups(x, at, space, GROUP * space, count / GROUP, partials, to);
      if (last >= 0) {
        RunGroups.groups(x, at + (long) last * space, space, 0, 1, partials, to + last);
      }
    } else if (left == RUN) {
      long next = ((image + 1) * channels + first) * space;
      for (int c = 0; c < count; c += CUT_CHANNELS) {
        int some = Math.min(CUT_CHANNELS, count - c);
        long skip = (long) c * space;
        cutRuns(x, at + skip, next + skip, here, space, some, partials, to + c);
      }
    } else {
      for (int c = 0; c <= count - GROUP; c += GROUP) {
        shortRuns(x, at + (long) c * space, space, left, partials, to + c);
      }
      if (last >= 0) {
        shortRuns(x, at + (long) last * space, space, left, partials, to + last);
      }
    }
  }

  /**
   * Runs of {@code count} channels whose first {@code here} terms end a plane and whose others
   * begin the next image's: brought together in scratch, whole vectors, the next overwriting the
   * rest.
   */
  private static void cutRuns(
      MemorySegment x,
      long at,
      long next,
      int here,
      int space,
      int count,
      float[] partials,
      int to) {
    MemorySegment t = BlockScratch.mine();
    float[] sums = BlockScratch.myArray();
    for (int c = 0; c < count; c++) {
      copy(x, at + (long) c * space, t, c * RUN, here);
      copy(x, next + (long) c * space, t, c * RUN + here, RUN - here);
    }
    RunGroups.groups(t, 0, RUN, TERMS, Math.ceilDiv(count, GROUP), sums, 0);
    System.arraycopy(sums, 0, partials, to, count);
  }

  /** The first {@code count} terms of eight runs, eight chains at once to hide their latency. */
  private static void shortRuns(
      MemorySegment x, long at, long far, int count, float[] partials, int to) {
    float a = Mem.f32(x, at);
    float b = Mem.f32(x, at + far);
    float c = Mem.f32(x, at + 2 * far);
    float d = Mem.f32(x, at + 3 * far);
    float e = Mem.f32(x, at + 4 * far);
    float f = Mem.f32(x, at + 5 * far);
    float g = Mem.f32(x, at + 6 * far);
    float h = Mem.f32(x, at + 7 * far);
    for (long i = at + 1; i < at + count; i++) {
      a += Mem.f32(x, i);
      b += Mem.f32(x, i + far);
      c += Mem.f32(x, i + 2 * far);
      d += Mem.f32(x, i + 3 * far);
      e += Mem.f32(x, i + 4 * far);
      f += Mem.f32(x, i + 5 * far);
      g += Mem.f32(x, i + 6 * far);
      h += Mem.f32(x, i + 7 * far);
    }
    partials[to] = a;
    partials[to + 1] = b;
    partials[to + 2] = c;
    partials[to + 3] = d;
    partials[to + 4] = e;
    partials[to + 5] = f;
    partials[to + 6] = g;
    partials[to + 7] = h;
  }

  /** Run sums of columns of partials [runs, channels], to the first row. */
  private static void foldRows(float[] partials, int runs, int channels, int first, int count) {
    for (int left = runs; left > 1; left = Math.ceilDiv(left, RUN)) {
      for (int row = 0; row < left; row += RUN) {
        int end = Math.min(left, row + RUN);
        addRows(
            partials,
            row * channels + first,
            end - row,
            channels,
            count,
            row / RUN * channels + first);
      }
    }
  }

  /** Adds {@code rows} rows in order, to a row at or before the first. */
  private static void addRows(float[] p, int from, int rows, int channels, int count, int to) {
    int c = 0;
    for (; c <= count - GROUP; c += GROUP) {
      FloatVector sum = EIGHTS.cast(FloatVector.fromArray(EIGHT, p, from + c));
      for (int r = 1; r < rows; r++) {
        sum = EIGHTS.cast(FloatVector.fromArray(EIGHT, p, from + r * channels + c)).add(sum);
      }
      EIGHTS.cast(sum).intoArray(p, to + c);
    }
    for (; c < count; c++) {
      float sum = p[from + c];
      for (int r = 1; r < rows; r++) {
        sum += p[from + r * channels + c];
      }
      p[to + c] = sum;
    }
  }
}
