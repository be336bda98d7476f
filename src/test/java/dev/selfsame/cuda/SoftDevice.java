package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assumptions.abort;

import java.util.List;

/**
 * Softcuda for tests: absent means not run, said loudly, or failed with
 * -Dselfsame.require=softcuda.
 */
final class SoftDevice {
  /** A context of its own on softcuda. */
  static CudaContext open() {
    return CudaContext.open(driver(), 0);
  }

  static Driver driver() {
    String missing = Softcuda.probe();
    if (missing == null) {
      return Softcuda.driver();
    }
    String required = System.getProperty("selfsame.require", "");
    if (List.of(required.split(",")).contains("softcuda")) {
      throw new AssertionError("-Dselfsame.require asks for softcuda: " + missing);
    }
    System.err.println("NOT RUN on softcuda: " + missing);
    return abort(missing);
  }

  private SoftDevice() {}
}
