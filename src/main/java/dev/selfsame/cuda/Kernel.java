package dev.selfsame.cuda;

/**
 * The symbol of a CUDA kernel. Holds nothing of a device: each context looks the symbol up at its
 * first launch.
 *
 * @param symbol the kernel's {@code extern "C"} name, such as {@code gemm_nn_128x128}
 */
public record Kernel(String symbol) {
  /** Checks that the symbol is a C identifier. */
  public Kernel {
    if (!symbol.matches("[A-Za-z_][A-Za-z0-9_]*")) {
      throw new IllegalArgumentException("\"" + symbol + "\" is no kernel symbol");
    }
  }

  /**
   * A kernel by its symbol.
   *
   * @param symbol the kernel's {@code extern "C"} name
   * @return the handle, to be kept in a static final field
   */
  public static Kernel of(String symbol) {
    return new Kernel(symbol);
  }

  @Override
  public String toString() {
    return symbol;
  }
}
