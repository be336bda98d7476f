package dev.selfsame.cpu;

/** A thread's buffers for {@link GemmVector}, kept between calls. */
final class GemmScratch {
  private static final ThreadLocal<GemmScratch> MINE = ThreadLocal.withInitial(GemmScratch::new);

  private float[] tile = {};
  private float[] panel = {};
  private float[] a = {};
  private float[] b = {};
  private float[] chains = {};

  private GemmScratch() {}

  static GemmScratch of() {
    return MINE.get();
  }

  float[] tile(int length) {
    return tile = atLeast(tile, length);
  }

  float[] panel(int length) {
    return panel = atLeast(panel, length);
  }

  float[] a(int length) {
    return a = atLeast(a, length);
  }

  float[] b(int length) {
    return b = atLeast(b, length);
  }

  float[] chains(int length) {
    return chains = atLeast(chains, length);
  }

  private static float[] atLeast(float[] held, int length) {
    return held.length >= length ? held : new float[length];
  }
}
