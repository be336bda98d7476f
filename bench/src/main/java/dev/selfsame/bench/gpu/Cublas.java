package dev.selfsame.bench.gpu;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Tensor;
import dev.selfsame.jcuda.NotBitEqualGemm;
import java.util.ArrayList;
import java.util.List;

/** cuBLAS as the peer of matrix products: through JCublas, or by its own functions. */
interface Cublas extends AutoCloseable {
  /** out = a·b, in FP32 without TF32, in the stream of the device's work. */
  void gemm(Tensor a, Tensor b, Tensor out);

  /** Which cuBLAS it is, and how it is called. */
  String description();

  @Override
  void close();

  /**
   * What was looked for.
   *
   * @param cublas the peer, or null
   * @param text which it is, or why there is none
   */
  record Found(Cublas cublas, String text) {}

  /** JCublas (CUDA 12) where it works, else the functions of CUDA 13's or 12's library. */
  static Found find(Device.Cuda device) {
    List<String> reasons = new ArrayList<>();
    try {
      Cublas jcublas = new ThroughJCublas(NotBitEqualGemm.open(device));
      return new Found(jcublas, jcublas.description());
    } catch (DeviceException e) {
      reasons.add("JCublas: " + e.getMessage());
    } catch (LinkageError e) {
      reasons.add("JCublas: " + e);
    }
    for (String library : CublasFunctions.LIBRARIES) {
      try {
        Cublas direct = new CublasFunctions(device, library);
        return new Found(direct, direct.description());
      } catch (DeviceException e) {
        reasons.add(library + ": " + e.getMessage());
      }
    }
    return new Found(null, "no cuBLAS: " + String.join("; ", reasons));
  }

  /** By way of JCuda. */
  record ThroughJCublas(NotBitEqualGemm cublas) implements Cublas {
    @Override
    public void gemm(Tensor a, Tensor b, Tensor out) {
      cublas.gemmNotBitEqual(a, b, out);
    }

    @Override
    public String description() {
      return "cuBLAS " + cublas.version() + " through JCublas";
    }

    @Override
    public void close() {
      cublas.close();
    }
  }
}
