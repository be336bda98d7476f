package dev.selfsame.verify;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Kernel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What the comparing kernels of cuda-kernels/soak.cu found: a count, and the first notes. */
final class SoakNotes {
  /** Notes kept of one comparison; beyond it differences are counted only. */
  static final int MOST = 64;

  private static final Kernel COMPARE = Kernel.of("soak_compare");
  private static final Kernel CHECK = Kernel.of("soak_check");
  private static final Kernel FILL = Kernel.of("soak_fill");
  private static final int THREADS = 256;
  private static final int HEAD = 2;

  private final CudaContext context;
  private final Tensor found;

  /**
   * A differing word.
   *
   * @param index which word
   * @param expected its known bits
   * @param actual what was read
   */
  record Note(long index, int expected, int actual) {}

  /**
   * What was found.
   *
   * @param count of differing words
   * @param notes at most {@link #MOST} of them, by index
   */
  record Found(long count, List<Note> notes) {}

  SoakNotes(Scope scope, Device.Cuda device) {
    context = device.context();
    found = Tensor.empty(scope, device, DType.I32, Shape.of(HEAD + 4 * MOST)).fill(0);
  }

  void compare(Tensor expected, Tensor actual) {
    long n = expected.elements();
    context
        .launch(COMPARE)
        .grid(blocks(n))
        .block(THREADS)
        .arg(expected.address())
        .arg(actual.address())
        .arg(n)
        .arg(found.address())
        .arg(MOST)
        .run();
  }

  void check(Tensor memory, long seed, int flip) {
    context
        .launch(CHECK)
        .grid(blocks(memory.elements()))
        .block(THREADS)
        .arg(memory.address())
        .arg(memory.elements())
        .arg(seed)
        .arg(flip)
        .arg(found.address())
        .arg(MOST)
        .run();
  }

  static void fill(CudaContext context, Tensor memory, long seed, int flip) {
    context
        .launch(FILL)
        .grid(blocks(memory.elements()))
        .block(THREADS)
        .arg(memory.address())
        .arg(memory.elements())
        .arg(seed)
        .arg(flip)
        .run();
  }

  /** Enough to fill any card; each thread takes several steps. */
  private static long blocks(long words) {
    return Math.clamp(Math.ceilDiv(words, 4L * THREADS), 1, 4096);
  }

  /** Word {@code index} of memory filled with a seed: the twin of soak_word in soak.cu. */
  static int word(long index, long seed) {
    long z = (index + 1) * 0x9e3779b97f4a7c15L + seed;
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return (int) (z ^ z >>> 31);
  }

  /** Waits, reads what was found since the last call, and starts anew. */
  Found take() {
    int[] words = found.slice(0, HEAD).toIntArray();
    long count = Integer.toUnsignedLong(words[0]);
    if (count == 0) {
      return new Found(0, List.of());
    }
    int[] all = found.toIntArray();
    List<Note> notes = new ArrayList<>();
    for (int i = 0; i < Math.min(count, MOST); i++) {
      int at = HEAD + 4 * i;
      long index = Integer.toUnsignedLong(all[at]) | (long) all[at + 1] << 32;
      notes.add(new Note(index, all[at + 2], all[at + 3]));
    }
    notes.sort(Comparator.comparingLong(Note::index));
    found.fill(0);
    return new Found(count, notes);
  }
}
