package dev.selfsame.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A thread's working memory for tasks of {@link Conv2dVectorGradientBlock}. */
final class Conv2dVectorGradientScratch {
  private static final ThreadLocal<Conv2dVectorGradientScratch> MINE =
      ThreadLocal.withInitial(Conv2dVectorGradientScratch::new);

  /** The block that this thread works on, or has others work on. */
  final Conv2dVectorGradientBlock block = new Conv2dVectorGradientBlock();

  /** Where the lanes of a vector are picked from, twice. */
  final int[] near = new int[16];

  final float[] pattern = new float[16];

  private float[] window = {};
  private int[] base = {};
  private long[] place = {};
  private float[] turned = {};
  private MemorySegment weights = MemorySegment.NULL;
  private float[] chains = {};

  private Conv2dVectorGradientScratch() {}

  /** The calling thread's. */
  static Conv2dVectorGradientScratch mine() {
    return MINE.get();
  }

  /** Output gradients of some filters. */
  float[] window(int length) {
    return window = atLeast(window, length);
  }

  /** Each term's place in the window. */
  int[] base(int length) {
    if (base.length < length) {
      base = new int[length];
    }
    return base;
  }

  /** Where a filter's taps go. */
  long[] place(int length) {
    if (place.length < length) {
      place = new long[length];
    }
    return place;
  }

  /** Weights, or results, that are being turned. */
  float[] turned(int length) {
    return turned = atLeast(turned, length);
  }

  /** Weights of a few panels of channels. */
  MemorySegment weights(long length) {
    return weights = atLeast(weights, length);
  }

  /** Chains of a few panels of channels. */
  float[] chains(int length) {
    return chains = atLeast(chains, length);
  }

  static float[] atLeast(float[] held, int length) {
    return held.length >= length ? held : new float[length];
  }

  /** On a cache line. */
  static MemorySegment atLeast(MemorySegment held, long length) {
    return held.byteSize() >= length * Float.BYTES
        ? held
        : Arena.ofAuto().allocate(length * JAVA_FLOAT.byteSize(), 64);
  }
}
