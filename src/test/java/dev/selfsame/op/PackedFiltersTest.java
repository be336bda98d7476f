package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.ClosedException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Conv2dCases.Case;
import dev.selfsame.op.Conv2dCases.Data;
import dev.selfsame.verify.Bits;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class PackedFiltersTest {
  private static final Geometry SAME = Geometry.of(1, 1);

  /** Rows around tiles of all widths, fewer rows than are packed, groups, several chunks. */
  private static final List<Case> CASES =
      List.of(
          new Case(1, 3, 5, 6, 1, 3, 3, SAME),
          new Case(2, 4, 5, 6, 15, 3, 3, SAME),
          new Case(2, 4, 5, 6, 16, 1, 1, Geometry.of(1, 0)),
          new Case(1, 7, 9, 9, 17, 1, 1, Geometry.of(2, 0)),
          new Case(2, 60, 7, 7, 29, 3, 3, SAME),
          new Case(1, 8, 6, 6, 50, 3, 3, Geometry.of(2, 1).withGroups(2)),
          new Case(1, 600, 4, 5, 24, 1, 1, Geometry.of(1, 0)),
          new Case(1, 600, 7, 7, 29, 1, 1, Geometry.of(1, 0)));

  @Test
  void bitsAreThoseOfTheTensor() {
    for (Case z : CASES) {
      Data d = Data.random(z, 7);
      float[] plain = forward(Devices.control(), z, d, d.w());
      for (Device device : Devices.tested()) {
        try (Scope scope = Scope.open()) {
          PackedFilters filters =
              PackedFilters.of(scope, Tensor.of(scope, device, d.w(), z.weight()), z.g().groups());
          // Images of several sizes may share them.
          Bits.assertSame(device + " " + z, plain, forward(scope, device, z, d, filters));
          Bits.assertSame(device + " again " + z, plain, forward(scope, device, z, d, filters));
        }
      }
    }
  }

  @Test
  void laterChangesOfTheTensorDoNotReachThem() {
    for (Case z : CASES) {
      Data d = Data.random(z, 8);
      float[] changed = d.w().clone();
      int last = changed.length - 1;
      changed[last] = 3f;
      float[] before = forward(Devices.control(), z, d, d.w());
      float[] after = forward(Devices.control(), z, d, changed);
      assertFalse(Arrays.equals(before, after), "the change must show for this to test anything");
      for (Device device : Devices.tested()) {
        try (Scope scope = Scope.open()) {
          Tensor w = Tensor.of(scope, device, d.w(), z.weight());
          PackedFilters filters = PackedFilters.of(scope, w, z.g().groups());
          filters.requireCurrent(w);
          w.copyFrom(Tensor.of(scope, device, changed, z.weight()));
          Bits.assertSame(device + " " + z, before, forward(scope, device, z, d, filters));
          var stale = assertThrows(IllegalStateException.class, () -> filters.requireCurrent(w));
          assertTrue(stale.getMessage().contains("element " + last + " "), stale.getMessage());
          PackedFilters fresh = PackedFilters.of(scope, w, z.g().groups());
          Bits.assertSame(device + " " + z, after, forward(scope, device, z, d, fresh));
        }
      }
    }
  }

  @Test
  void badUsesAreRefusedAndNothingIsWritten() {
    Case z = new Case(1, 4, 5, 6, 16, 3, 3, SAME);
    Data d = Data.random(z, 9);
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        Tensor w = Tensor.of(scope, device, d.w(), z.weight());
        Tensor x = Tensor.of(scope, device, d.x(), z.x());
        Tensor y = Tensor.zeros(scope, device, z.y());
        assertThrows(ShapeException.class, () -> PackedFilters.of(w, 3));
        assertThrows(ShapeException.class, () -> PackedFilters.of(w, 0));
        assertThrows(
            ShapeException.class, () -> PackedFilters.of(Tensor.zeros(scope, device, 20, 6), 1));
        PackedFilters closed = PackedFilters.of(w, 1);
        closed.close();
        assertTrue(closed.isClosed());
        assertThrows(ClosedException.class, () -> run(x, closed, SAME, y));
        assertThrows(ClosedException.class, () -> closed.requireCurrent(w));
        PackedFilters filters = PackedFilters.of(scope, w, 1);
        assertThrows(ShapeException.class, () -> run(x, filters, SAME.withGroups(2), y));
        assertThrows(ShapeException.class, () -> run(x, filters, Geometry.of(2, 1), y));
        assertThrows(ShapeException.class, () -> filters.requireCurrent(x));
        if (!(device instanceof Device.Scalar)) {
          PackedFilters other =
              PackedFilters.of(scope, Tensor.of(scope, Device.scalar(), d.w(), z.weight()), 1);
          assertThrows(DeviceException.class, () -> run(x, other, SAME, y));
        }
        assertArrayEquals(new float[(int) y.elements()], y.toFloatArray());
      }
    }
    Scope gone = Scope.open();
    gone.close();
    try (Scope scope = Scope.open()) {
      Tensor w = Tensor.of(scope, Device.scalar(), d.w(), z.weight());
      assertThrows(ClosedException.class, () -> PackedFilters.of(gone, w, 1));
    }
  }

  private static void run(Tensor x, PackedFilters filters, Geometry g, Tensor y) {
    Conv2d.forward(x, filters, null, Activation.NONE, g, y);
  }

  private static float[] forward(
      Scope scope, Device device, Case z, Data d, PackedFilters filters) {
    Tensor x = Tensor.of(scope, device, d.x(), z.x());
    Tensor bias = Tensor.of(scope, device, d.bias(), z.k());
    Tensor y = Tensor.zeros(scope, device, z.y());
    Conv2d.forward(x, filters, bias, Activation.RELU, z.g(), y);
    return y.toFloatArray();
  }

  private static float[] forward(Device device, Case z, Data d, float[] w) {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(scope, device, d.x(), z.x());
      Tensor bias = Tensor.of(scope, device, d.bias(), z.k());
      Tensor y = Tensor.zeros(scope, device, z.y());
      Conv2d.forward(x, Tensor.of(scope, device, w, z.weight()), bias, Activation.RELU, z.g(), y);
      return y.toFloatArray();
    }
  }
}
