package dev.selfsame.op;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.GemmVector;
import org.jspecify.annotations.Nullable;

/**
 * A matrix that many products have as their second factor, as all steps of a recurrent layer share
 * its weights. The vector device packs it once for all of them; the bits are those of {@link Gemm}.
 * It must not change meanwhile.
 */
final class SharedFactor {
  private final Tensor b;
  private final GemmVector.@Nullable Matrix packed;

  private SharedFactor(Tensor b, GemmVector.@Nullable Matrix packed) {
    this.b = b;
    this.packed = packed;
  }

  /**
   * Ready for products.
   *
   * @param scope holds what is packed
   * @param b [K, N]; may be a transposed view
   * @param uses how many products there will be; a single one packs as it goes
   */
  static SharedFactor of(Scope scope, Tensor b, long uses) {
    if (uses < 2 || !(b.device() instanceof Device.Vector device)) {
      return new SharedFactor(b, null);
    }
    GemmVector on = GemmVector.on(device.bits());
    long k = b.size(0);
    long n = b.size(1);
    Tensor packed = Tensor.empty(scope, device, on.packedLength(n, k));
    var plain = new GemmVector.Matrix(Gemm.memory(b), Gemm.layout(b), 0);
    return new SharedFactor(b, on.pack(plain, n, k, packed.memory(), device.workers()));
  }

  /** out = a·b + bias. */
  void multiply(Tensor a, @Nullable Tensor bias, Tensor out) {
    GemmVector.Matrix right = packed;
    if (right == null || !(out.device() instanceof Device.Vector device)) {
      Gemm.gemm(a, b, bias, Activation.NONE, out);
      return;
    }
    Gemm.Sizes s = Gemm.check(a, b, bias, out);
    GemmVector.on(device.bits())
        .gemm(
            new GemmVector.Matrix(Gemm.memory(a), Gemm.layout(a), 0),
            right,
            bias == null ? null : bias.memory(),
            false,
            out.memory(),
            new GemmVector.Extent(1, s.m(), s.n(), s.k()),
            device.workers());
  }
}
