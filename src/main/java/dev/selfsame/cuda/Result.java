package dev.selfsame.cuda;

/** The {@code CUresult} codes that this package acts on; all others are only named. */
final class Result {
  static final int SUCCESS = 0;
  static final int INVALID_VALUE = 1;
  static final int OUT_OF_MEMORY = 2;
  static final int NO_DEVICE = 100;
  static final int INVALID_IMAGE = 200;
  static final int NO_BINARY_FOR_GPU = 209;
  static final int INVALID_PTX = 218;
  static final int UNSUPPORTED_PTX_VERSION = 222;
  static final int NOT_FOUND = 500;
  static final int NOT_READY = 600;

  /**
   * True for results after which the context is of no more use: the driver returns the same error
   * from every further call, so the device counts as lost.
   */
  static boolean sticky(int result) {
    return switch (result) {
      case 4, 46, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 999 -> true;
      default -> false;
    };
  }

  private Result() {}
}
