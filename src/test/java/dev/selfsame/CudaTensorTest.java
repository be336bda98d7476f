package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.cuda.Softcuda;
import dev.selfsame.op.Devices;
import dev.selfsame.op.Sums;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tensors in device memory, on softcuda. */
class CudaTensorTest {
  @BeforeAll
  static void needsSoftcuda() {
    Assumptions.assumeTrue(
        Devices.tested().stream().anyMatch(d -> d.toString().equals("softcuda")),
        "NOT RUN: softcuda is not usable");
  }

  private static Device.Cuda device() {
    return (Device.Cuda) Device.softcuda();
  }

  @Test
  void copiesBetweenDevices() {
    try (Scope scope = Scope.open()) {
      Tensor host = Tensor.of(scope, Device.scalar(), new float[] {1, 2, 3, 4}, 2, 2);
      Tensor there = host.to(scope, device());
      Tensor elsewhere = there.to(scope, Device.softcuda("descending"));
      assertArrayEquals(host.toFloatArray(), elsewhere.to(scope, Device.vector()).toFloatArray());
      assertArrayEquals(new float[] {3, 4}, there.slice(1, 2).toFloatArray());
      assertEquals(there.address() + 8, there.slice(1, 2).address());
      assertThrows(DeviceException.class, there::segment);
      assertTrue(there.overlaps(there.slice(0, 1)));
    }
  }

  /** What JCuda's CUdeviceptr or a DLPack pointer gives: an address. */
  @Test
  void wrapsAnAddressWithoutACopy() {
    try (Scope scope = Scope.open()) {
      Tensor owner = Tensor.of(scope, device(), new float[] {1, 2, 3}, 3);
      try (Scope inner = Scope.open()) {
        Tensor wrapped = Tensor.wrapAddress(inner, device(), DType.F32, owner.address(), 3);
        wrapped.fill(7f);
        Tensor sum = Tensor.zeros(inner, device(), 1);
        Sums.sum(wrapped, sum);
        assertEquals(21f, sum.item());
        assertEquals(4, inner.liveBytes());
      }
      assertArrayEquals(new float[] {7, 7, 7}, owner.toFloatArray());
      assertThrows(
          DeviceException.class, () -> Tensor.wrapAddress(scope, device(), DType.F32, 0, 3));
      assertThrows(
          DeviceException.class,
          () -> Tensor.wrapAddress(scope, device(), DType.F32, owner.address() + 2, 1));
    }
  }

  @Test
  void anExhaustedDeviceIsAnExceptionAndNothingLeaks() {
    long before = Tensor.liveBytes();
    try (Scope scope = Scope.open()) {
      Device.Cuda device = device();
      Softcuda.controls().failAllocation(1);
      DeviceException e =
          assertThrows(DeviceException.class, () -> Tensor.empty(scope, device, 1000, 1000));
      assertTrue(e.getMessage().contains("4000000"), e.getMessage());
      assertEquals(before, Tensor.liveBytes());
      assertArrayEquals(new float[2], Tensor.zeros(scope, device, 2).toFloatArray());
    }
  }

  @Test
  void aSumThatFailsHalfWayLeavesNothing() {
    try (Scope scope = Scope.open()) {
      Device.Cuda device = device();
      Tensor x =
          Tensor.zeros(scope, device, 1025, 1025); // three levels of block sums, and of run sums
      Tensor total = Tensor.zeros(scope, device, 1);
      Tensor columns = Tensor.zeros(scope, device, 1025);
      long before = device.context().liveBytes();
      for (int nth = 1; nth <= 2; nth++) {
        Softcuda.controls().failAllocation(nth);
        assertThrows(DeviceException.class, () -> Sums.sum(x, total));
        assertEquals(before, device.context().liveBytes());
        Softcuda.controls().failAllocation(nth);
        assertThrows(DeviceException.class, () -> Sums.columns(x, columns));
        assertEquals(before, device.context().liveBytes());
      }
    }
  }

  @Test
  void useAfterCloseIsAnException() {
    Tensor t;
    try (Scope scope = Scope.open()) {
      t = Tensor.zeros(scope, device(), 3);
    }
    assertThrows(ClosedException.class, t::address);
    assertThrows(ClosedException.class, t::toFloatArray);
  }
}
