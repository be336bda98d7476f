package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** The three passes of a convolution in float64, element by element, from their definition. */
final class Conv2dReference {
  private Conv2dReference() {}

  /**
   * y[n, k, p, q] = Σ over c, r, s of x[n, c, p·stride − padding + r·dilation, …]·w[k, c, r, s].
   */
  static Reference forward(ConvShape g, MemorySegment x, MemorySegment w) {
    return index -> {
      int q = (int) (index % g.q());
      int p = (int) (index / g.q() % g.p());
      int k = (int) (index / g.q() / g.p() % g.k());
      int n = (int) (index / g.q() / g.p() / g.k());
      int group = k / (g.k() / g.groups());
      int depth = g.c() / g.groups();
      double value = 0;
      double magnitude = 0;
      for (int c = 0; c < depth; c++) {
        for (int r = 0; r < g.r(); r++) {
          for (int s = 0; s < g.s(); s++) {
            int h = p * g.stride() - g.padding() + r * g.dilation();
            int v = q * g.stride() - g.padding() + s * g.dilation();
            if (h >= 0 && h < g.h() && v >= 0 && v < g.w()) {
              double term =
                  at(x, g.h(), g.w(), (long) n * g.c() + group * depth + c, h, v)
                      * at(w, g.r(), g.s(), (long) k * depth + c, r, s);
              value += term;
              magnitude += Math.abs(term);
            }
          }
        }
      }
      return new Reference.Term(value, magnitude);
    };
  }

  /**
   * dx[n, c, h, w] = Σ over k, r, s of dy at the outputs that the pixel took part in, times w[k, c,
   * r, s].
   */
  static Reference dataGradient(ConvShape g, MemorySegment dy, MemorySegment w) {
    return index -> {
      int v = (int) (index % g.w());
      int h = (int) (index / g.w() % g.h());
      int c = (int) (index / g.w() / g.h() % g.c());
      int n = (int) (index / g.w() / g.h() / g.c());
      int depth = g.c() / g.groups();
      int filters = g.k() / g.groups();
      int group = c / depth;
      double value = 0;
      double magnitude = 0;
      for (int k = group * filters; k < (group + 1) * filters; k++) {
        for (int r = 0; r < g.r(); r++) {
          for (int s = 0; s < g.s(); s++) {
            int top = h + g.padding() - r * g.dilation();
            int left = v + g.padding() - s * g.dilation();
            int p = top / g.stride();
            int q = left / g.stride();
            if (top >= 0
                && left >= 0
                && top % g.stride() == 0
                && left % g.stride() == 0
                && p < g.p()
                && q < g.q()) {
              double term =
                  at(dy, g.p(), g.q(), (long) n * g.k() + k, p, q)
                      * at(w, g.r(), g.s(), (long) k * depth + c % depth, r, s);
              value += term;
              magnitude += Math.abs(term);
            }
          }
        }
      }
      return new Reference.Term(value, magnitude);
    };
  }

  /**
   * dw[k, c, r, s] = Σ over n, p, q of dy[n, k, p, q]·x[n, c, p·stride − padding + r·dilation, …].
   */
  static Reference weightGradient(ConvShape g, MemorySegment dy, MemorySegment x) {
    return index -> {
      int s = (int) (index % g.s());
      int r = (int) (index / g.s() % g.r());
      int depth = g.c() / g.groups();
      int c = (int) (index / g.s() / g.r() % depth);
      int k = (int) (index / g.s() / g.r() / depth);
      int group = k / (g.k() / g.groups());
      double value = 0;
      double magnitude = 0;
      for (int n = 0; n < g.n(); n++) {
        for (int p = 0; p < g.p(); p++) {
          for (int q = 0; q < g.q(); q++) {
            int h = p * g.stride() - g.padding() + r * g.dilation();
            int v = q * g.stride() - g.padding() + s * g.dilation();
            if (h >= 0 && h < g.h() && v >= 0 && v < g.w()) {
              double term =
                  at(dy, g.p(), g.q(), (long) n * g.k() + k, p, q)
                      * at(x, g.h(), g.w(), (long) n * g.c() + group * depth + c, h, v);
              value += term;
              magnitude += Math.abs(term);
            }
          }
        }
      }
      return new Reference.Term(value, magnitude);
    };
  }

  private static double at(
      MemorySegment t, int height, int width, long plane, int row, int column) {
    return t.getAtIndex(JAVA_FLOAT, (plane * height + row) * width + column);
  }
}
