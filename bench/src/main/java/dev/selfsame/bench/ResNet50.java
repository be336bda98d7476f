package dev.selfsame.bench;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The convolutions of ResNet-50 (He et al. 2015, table 1) on 224×224 pixels; with the stride in the
 * 3×3 layers, as torchvision has it.
 */
public final class ResNet50 {
  /** Channels in, image size, channels out, filter size, stride, and how often it occurs. */
  private static final int[][] LAYERS = {
    {3, 224, 64, 7, 2, 1},
    {64, 56, 64, 1, 1, 1},
    {64, 56, 64, 3, 1, 3},
    {64, 56, 256, 1, 1, 4},
    {256, 56, 64, 1, 1, 2},
    {256, 56, 128, 1, 1, 1},
    {128, 56, 128, 3, 2, 1},
    {128, 28, 128, 3, 1, 3},
    {128, 28, 512, 1, 1, 4},
    {256, 56, 512, 1, 2, 1},
    {512, 28, 128, 1, 1, 3},
    {512, 28, 256, 1, 1, 1},
    {256, 28, 256, 3, 2, 1},
    {256, 14, 256, 3, 1, 5},
    {256, 14, 1024, 1, 1, 6},
    {512, 28, 1024, 1, 2, 1},
    {1024, 14, 256, 1, 1, 5},
    {1024, 14, 512, 1, 1, 1},
    {512, 14, 512, 3, 2, 1},
    {512, 7, 512, 3, 1, 2},
    {512, 7, 2048, 1, 1, 3},
    {1024, 14, 2048, 1, 2, 1},
    {2048, 7, 512, 1, 1, 2}
  };

  private ResNet50() {}

  /** Every distinct layer for n images, and how often the network has it. */
  public static Map<ConvShape, Integer> layers(int n) {
    Map<ConvShape, Integer> layers = new LinkedHashMap<>();
    for (int[] l : LAYERS) {
      layers.put(ConvShape.square(n, l[0], l[1], l[2], l[3], l[4]), l[5]);
    }
    return layers;
  }
}
