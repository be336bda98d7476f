package dev.selfsame.guard;

import static dev.selfsame.contract.Mem.f32;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Kernels that are wrong on purpose: each must be found by the check that it is made for. */
final class KernelControls {
  static final String GROUP = "controls";

  /** What is kept in a field is an object. */
  @SuppressWarnings("NonFinalStaticField")
  private static FloatVector kept = FloatVector.zero(FloatVector.SPECIES_PREFERRED);

  @SuppressWarnings("NonFinalStaticField")
  private static long[] row = {};

  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

  private static final MemorySegment PADDED = Arena.ofAuto().allocate(16 * Float.BYTES);

  private KernelControls() {}

  static List<KernelCases.Case> cases() {
    float[] x = new float[20_000];
    MemorySegment few = Arena.ofAuto().allocate(1_005 * Float.BYTES);
    return List.of(
        new KernelCases.Case(GROUP, "control: boxes", 1_000, () -> boxes(x)),
        new KernelCases.Case(GROUP, "control: calls", 1_000, () -> calls(x)),
        new KernelCases.Case(GROUP, "control: is left to C1", 1_000, () -> isLeftToC1(x)),
        new KernelCases.Case(GROUP, "control: an object a call", 0, () -> keepObjects(1)),
        new KernelCases.Case(GROUP, "control: an object a row", 1_000, () -> keepObjects(50)),
        new KernelCases.Case(
            GROUP, "control: is left again and again", 1_000, () -> isLeftAgainAndAgain(few)));
  }

  static void boxes(float[] x) {
    for (int i = 0; i + F.length() <= x.length; i += F.length()) {
      kept = FloatVector.fromArray(F, x, i).mul(kept);
    }
  }

  static void keepObjects(int rows) {
    for (int r = 0; r < rows; r++) {
      row = new long[] {r};
    }
  }

  static void calls(float[] x) {
    for (int i = 0; i + F.length() <= x.length; i += F.length()) {
      isNotInlined(FloatVector.fromArray(F, x, i)).intoArray(x, i);
    }
  }

  static FloatVector isNotInlined(FloatVector v) {
    return v.mul(0.5f);
  }

  static void isLeftToC1(float[] x) {
    for (int i = 0; i + F.length() <= x.length; i += F.length()) {
      FloatVector.fromArray(F, x, i).mul(0.5f).intoArray(x, i);
    }
  }

  /** Pads the last piece of sixteen: the check before the loop is of sixteen. */
  static void isLeftAgainAndAgain(MemorySegment few) {
    long n = few.byteSize() / Float.BYTES;
    for (int again = 0; again < 2_000; again++) {
      for (long at = 0; at < n; at += 16) {
        pad(few, at, n - at);
      }
    }
  }

  private static void pad(MemorySegment from, long at, long n) {
    for (long j = 0; j < 16; j++) {
      f32(PADDED, j, j < n ? f32(from, at + j) : 0f);
    }
  }

  /** The sum that the loop carries round is the receiver. */
  static void guesses(float[] x) {
    Class<? extends FloatVector> known = FloatVector.zero(F).getClass();
    FloatVector sum = known.cast(FloatVector.fromArray(F, x, 0));
    for (int i = F.length(); i + F.length() <= x.length; i += F.length()) {
      sum = sum.add(known.cast(FloatVector.fromArray(F, x, i)));
    }
    known.cast(sum).intoArray(x, 0);
  }

  static FloatVector[] fillsAnArray(float[] x) {
    FloatVector[] sums = new FloatVector[4];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = FloatVector.fromArray(F, x, i * F.length());
    }
    return sums;
  }
}
