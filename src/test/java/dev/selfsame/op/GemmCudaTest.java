package dev.selfsame.op;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Every CUDA tile, with chunks split and not, two products a launch, whatever a shape would choose.
 */
class GemmCudaTest {
  private static List<GemmCase> cases() {
    List<GemmCase> cases = new ArrayList<>();
    for (int form = 0; form < 4; form++) {
      boolean ta = (form & 1) != 0;
      boolean tb = (form & 2) != 0;
      Activation act = form == 1 ? Activation.RELU : Activation.NONE;
      // Multiples of four take 16-byte accesses, other sizes don't; 1030 terms are three chunks.
      cases.add(GemmCase.of(0, false, 8, 12, 1032, ta, tb, true, act, GemmCase.random(form)));
      cases.add(GemmCase.of(3, form > 1, 5, 7, 1030, ta, tb, form > 1, act, GemmCase.random(form)));
      cases.add(GemmCase.of(0, false, 130, 133, 11, ta, tb, false, act, GemmCase.random(form)));
    }
    cases.add(
        GemmCase.of(
            0, false, 6, 8, 515, false, true, true, Activation.RELU, GemmCase.special(1, 2000)));
    return cases;
  }

  @TestFactory
  Stream<DynamicTest> everyTile() {
    return Devices.tested().stream()
        .filter(Device.Cuda.class::isInstance)
        .map(Device.Cuda.class::cast)
        .flatMap(device ->
            Stream.of(GemmCuda.Tile.values())
                .map(tile ->
                    DynamicTest.dynamicTest(device + " " + tile, () -> check(device, tile))));
  }

  private static void check(Device.Cuda device, GemmCuda.Tile tile) {
    for (GemmCase c : cases()) {
      float[] expected = c.on(Devices.control());
      for (boolean split : new boolean[] {false, true}) {
        try (Scope scope = Scope.open()) {
          Tensor a = c.a(scope, device);
          Tensor b = c.b(scope, device);
          Tensor bias = c.bias(scope, device);
          Tensor out = c.out(scope, device);
          long live = device.context().liveBytes();
          GemmCuda.gemm(
              device.context(),
              Gemm.check(a, b, bias, out),
              Gemm.addresses(a, b, bias, c.activation(), out),
              tile,
              split,
              2);
          Bits.assertSame(c + " split " + split, expected, out.toFloatArray());
          assertEquals(live, device.context().liveBytes());
        }
      }
    }
  }
}
