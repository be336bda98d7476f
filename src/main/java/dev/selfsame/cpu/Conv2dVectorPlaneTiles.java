package dev.selfsame.cpu;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Conv2dVectorPlaneKernel} with the Vector API: each vector of pixels is read once for the
 * three rows of outputs that it meets, whose chains wait in registers; the weights stay there, too.
 * Two blocks, for one has three chains at a time only.
 */
final class Conv2dVectorPlaneTiles implements Conv2dVectorPlaneKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int L = F.length();

  @Override
  public int lanes() {
    return L;
  }

  @Override
  public void rows(
      float[] x,
      int xa,
      int xb,
      int step,
      int col0,
      int col1,
      int col2,
      float[] w,
      int rows,
      float[] y,
      int ya,
      int yb,
      int yStep) {
    FloatVector zero = FloatVector.zero(F);
    FloatVector w0 = FloatVector.broadcast(F, w[0]);
    FloatVector w1 = FloatVector.broadcast(F, w[1]);
    FloatVector w2 = FloatVector.broadcast(F, w[2]);
    FloatVector w3 = FloatVector.broadcast(F, w[3]);
    FloatVector w4 = FloatVector.broadcast(F, w[4]);
    FloatVector w5 = FloatVector.broadcast(F, w[5]);
    FloatVector w6 = FloatVector.broadcast(F, w[6]);
    FloatVector w7 = FloatVector.broadcast(F, w[7]);
    FloatVector w8 = FloatVector.broadcast(F, w[8]);
    FloatVector af0 = FLOATS.cast(FloatVector.fromArray(F, x, xa + col0));
    FloatVector af1 = FLOATS.cast(FloatVector.fromArray(F, x, xa + col1));
    FloatVector af2 = FLOATS.cast(FloatVector.fromArray(F, x, xa + col2));
    FloatVector bf0 = FLOATS.cast(FloatVector.fromArray(F, x, xb + col0));
    FloatVector bf1 = FLOATS.cast(FloatVector.fromArray(F, x, xb + col1));
    FloatVector bf2 = FLOATS.cast(FloatVector.fromArray(F, x, xb + col2));
    FloatVector as0 = FLOATS.cast(FloatVector.fromArray(F, x, xa + step + col0));
    FloatVector as1 = FLOATS.cast(FloatVector.fromArray(F, x, xa + step + col1));
    FloatVector as2 = FLOATS.cast(FloatVector.fromArray(F, x, xa + step + col2));
    FloatVector bs0 = FLOATS.cast(FloatVector.fromArray(F, x, xb + step + col0));
    FloatVector bs1 = FLOATS.cast(FloatVector.fromArray(F, x, xb + step + col1));
    FloatVector bs2 = FLOATS.cast(FloatVector.fromArray(F, x, xb + step + col2));
    FloatVector aEnds = af0.fma(w0, zero);
    aEnds = af1.fma(w1, aEnds);
    aEnds = af2.fma(w2, aEnds);
    FloatVector bEnds = bf0.fma(w0, zero);
    bEnds = bf1.fma(w1, bEnds);
    bEnds = bf2.fma(w2, bEnds);
    aEnds = as0.fma(w3, aEnds);
    aEnds = as1.fma(w4, aEnds);
    aEnds = as2.fma(w5, aEnds);
    bEnds = bs0.fma(w3, bEnds);
    bEnds = bs1.fma(w4, bEnds);
    bEnds = bs2.fma(w5, bEnds);
    FloatVector aGoes = as0.fma(w0, zero);
    aGoes = as1.fma(w1, aGoes);
    aGoes = as2.fma(w2, aGoes);
    FloatVector bGoes = bs0.fma(w0, zero);
    bGoes = bs1.fma(w1, bGoes);
    bGoes = bs2.fma(w2, bGoes);
    for (int i = 0; i < rows; i++) {
      int row = (i + 2) * step;
      FloatVector at0 = FLOATS.cast(FloatVector.fromArray(F, x, xa + row + col0));
      FloatVector at1 = FLOATS.cast(FloatVector.fromArray(F, x, xa + row + col1));
      FloatVector at2 = FLOATS.cast(FloatVector.fromArray(F, x, xa + row + col2));
      FloatVector bt0 = FLOATS.cast(FloatVector.fromArray(F, x, xb + row + col0));
      FloatVector bt1 = FLOATS.cast(FloatVector.fromArray(F, x, xb + row + col1));
      FloatVector bt2 = FLOATS.cast(FloatVector.fromArray(F, x, xb + row + col2));
      aEnds = at0.fma(w6, aEnds);
      aEnds = at1.fma(w7, aEnds);
      aEnds = at2.fma(w8, aEnds);
      bEnds = bt0.fma(w6, bEnds);
      bEnds = bt1.fma(w7, bEnds);
      bEnds = bt2.fma(w8, bEnds);
      FLOATS.cast(aEnds).intoArray(y, ya + i * yStep);
      FLOATS.cast(bEnds).intoArray(y, yb + i * yStep);
      aEnds = at0.fma(w3, aGoes);
      aEnds = at1.fma(w4, aEnds);
      aEnds = at2.fma(w5, aEnds);
      bEnds = bt0.fma(w3, bGoes);
      bEnds = bt1.fma(w4, bEnds);
      bEnds = bt2.fma(w5, bEnds);
      aGoes = at0.fma(w0, zero);
      aGoes = at1.fma(w1, aGoes);
      aGoes = at2.fma(w2, aGoes);
      bGoes = bt0.fma(w0, zero);
      bGoes = bt1.fma(w1, bGoes);
      bGoes = bt2.fma(w2, bGoes);
    }
  }
}
