package dev.selfsame.cpu;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link Conv2dVectorFilterKernel} with the Vector API: 25 accumulators, for 32 registers. */
final class Conv2dVectorFilterTiles implements Conv2dVectorFilterKernel {
  private static final VectorSpecies<Float> F = Lanes.floats(MethodHandles.lookup());
  private static final Class<? extends FloatVector> FLOATS = Lanes.type(FloatVector.zero(F));
  private static final int L = F.length();

  Conv2dVectorFilterTiles() {}

  @Override
  public void taps(
      float[] x, int[] place, int[] row, int first, float[] dy, int n, float[] c, int ct) {
    int o0 = row[first];
    int o1 = row[first + 1];
    int o2 = row[first + 2];
    int o3 = row[first + 3];
    int o4 = row[first + 4];
    FloatVector c0 = FloatVector.fromArray(F, c, ct + 0 * L);
    FloatVector c1 = FloatVector.fromArray(F, c, ct + 1 * L);
    FloatVector c2 = FloatVector.fromArray(F, c, ct + 2 * L);
    FloatVector c3 = FloatVector.fromArray(F, c, ct + 3 * L);
    FloatVector c4 = FloatVector.fromArray(F, c, ct + 4 * L);
    FloatVector c5 = FloatVector.fromArray(F, c, ct + 5 * L);
    FloatVector c6 = FloatVector.fromArray(F, c, ct + 6 * L);
    FloatVector c7 = FloatVector.fromArray(F, c, ct + 7 * L);
    FloatVector c8 = FloatVector.fromArray(F, c, ct + 8 * L);
    FloatVector c9 = FloatVector.fromArray(F, c, ct + 9 * L);
    FloatVector c10 = FloatVector.fromArray(F, c, ct + 10 * L);
    FloatVector c11 = FloatVector.fromArray(F, c, ct + 11 * L);
    FloatVector c12 = FloatVector.fromArray(F, c, ct + 12 * L);
    FloatVector c13 = FloatVector.fromArray(F, c, ct + 13 * L);
    FloatVector c14 = FloatVector.fromArray(F, c, ct + 14 * L);
    FloatVector c15 = FloatVector.fromArray(F, c, ct + 15 * L);
    FloatVector c16 = FloatVector.fromArray(F, c, ct + 16 * L);
    FloatVector c17 = FloatVector.fromArray(F, c, ct + 17 * L);
    FloatVector c18 = FloatVector.fromArray(F, c, ct + 18 * L);
    FloatVector c19 = FloatVector.fromArray(F, c, ct + 19 * L);
    FloatVector c20 = FloatVector.fromArray(F, c, ct + 20 * L);
    FloatVector c21 = FloatVector.fromArray(F, c, ct + 21 * L);
    FloatVector c22 = FloatVector.fromArray(F, c, ct + 22 * L);
    FloatVector c23 = FloatVector.fromArray(F, c, ct + 23 * L);
    FloatVector c24 = FloatVector.fromArray(F, c, ct + 24 * L);
    for (int t = 0; t < n; t++) {
      int at = place[t];
      FloatVector g = FLOATS.cast(FloatVector.fromArray(F, dy, t * L));
      int r0 = at + o0;
      c0 = g.fma(FloatVector.broadcast(F, x[r0]), c0);
      c1 = g.fma(FloatVector.broadcast(F, x[r0 + 1]), c1);
      c2 = g.fma(FloatVector.broadcast(F, x[r0 + 2]), c2);
      c3 = g.fma(FloatVector.broadcast(F, x[r0 + 3]), c3);
      c4 = g.fma(FloatVector.broadcast(F, x[r0 + 4]), c4);
      int r1 = at + o1;
      c5 = g.fma(FloatVector.broadcast(F, x[r1]), c5);
      c6 = g.fma(FloatVector.broadcast(F, x[r1 + 1]), c6);
      c7 = g.fma(FloatVector.broadcast(F, x[r1 + 2]), c7);
      c8 = g.fma(FloatVector.broadcast(F, x[r1 + 3]), c8);
      c9 = g.fma(FloatVector.broadcast(F, x[r1 + 4]), c9);
      int r2 = at + o2;
      c10 = g.fma(FloatVector.broadcast(F, x[r2]), c10);
      c11 = g.fma(FloatVector.broadcast(F, x[r2 + 1]), c11);
      c12 = g.fma(FloatVector.broadcast(F, x[r2 + 2]), c12);
      c13 = g.fma(FloatVector.broadcast(F, x[r2 + 3]), c13);
      c14 = g.fma(FloatVector.broadcast(F, x[r2 + 4]), c14);
      int r3 = at + o3;
      c15 = g.fma(FloatVector.broadcast(F, x[r3]), c15);
      c16 = g.fma(FloatVector.broadcast(F, x[r3 + 1]), c16);
      c17 = g.fma(FloatVector.broadcast(F, x[r3 + 2]), c17);
      c18 = g.fma(FloatVector.broadcast(F, x[r3 + 3]), c18);
      c19 = g.fma(FloatVector.broadcast(F, x[r3 + 4]), c19);
      int r4 = at + o4;
      c20 = g.fma(FloatVector.broadcast(F, x[r4]), c20);
      c21 = g.fma(FloatVector.broadcast(F, x[r4 + 1]), c21);
      c22 = g.fma(FloatVector.broadcast(F, x[r4 + 2]), c22);
      c23 = g.fma(FloatVector.broadcast(F, x[r4 + 3]), c23);
      c24 = g.fma(FloatVector.broadcast(F, x[r4 + 4]), c24);
    }
    FLOATS.cast(c0).intoArray(c, ct + 0 * L);
    FLOATS.cast(c1).intoArray(c, ct + 1 * L);
    FLOATS.cast(c2).intoArray(c, ct + 2 * L);
    FLOATS.cast(c3).intoArray(c, ct + 3 * L);
    FLOATS.cast(c4).intoArray(c, ct + 4 * L);
    FLOATS.cast(c5).intoArray(c, ct + 5 * L);
    FLOATS.cast(c6).intoArray(c, ct + 6 * L);
    FLOATS.cast(c7).intoArray(c, ct + 7 * L);
    FLOATS.cast(c8).intoArray(c, ct + 8 * L);
    FLOATS.cast(c9).intoArray(c, ct + 9 * L);
    FLOATS.cast(c10).intoArray(c, ct + 10 * L);
    FLOATS.cast(c11).intoArray(c, ct + 11 * L);
    FLOATS.cast(c12).intoArray(c, ct + 12 * L);
    FLOATS.cast(c13).intoArray(c, ct + 13 * L);
    FLOATS.cast(c14).intoArray(c, ct + 14 * L);
    FLOATS.cast(c15).intoArray(c, ct + 15 * L);
    FLOATS.cast(c16).intoArray(c, ct + 16 * L);
    FLOATS.cast(c17).intoArray(c, ct + 17 * L);
    FLOATS.cast(c18).intoArray(c, ct + 18 * L);
    FLOATS.cast(c19).intoArray(c, ct + 19 * L);
    FLOATS.cast(c20).intoArray(c, ct + 20 * L);
    FLOATS.cast(c21).intoArray(c, ct + 21 * L);
    FLOATS.cast(c22).intoArray(c, ct + 22 * L);
    FLOATS.cast(c23).intoArray(c, ct + 23 * L);
    FLOATS.cast(c24).intoArray(c, ct + 24 * L);
  }
}
