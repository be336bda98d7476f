package dev.selfsame.op;

import static dev.selfsame.op.Conv2dCases.PLAIN;
import static dev.selfsame.op.Conv2dCases.SHAPES;
import static dev.selfsame.op.Conv2dCases.check;
import static dev.selfsame.op.Conv2dCases.filled;
import static dev.selfsame.op.Conv2dCases.part;
import static dev.selfsame.op.Conv2dCases.run;
import static dev.selfsame.op.Conv2dCases.vectors;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.op.Conv2d.Geometry;
import dev.selfsame.op.Conv2dCases.Case;
import dev.selfsame.op.Conv2dCases.Data;
import dev.selfsame.op.Conv2dCases.Results;
import dev.selfsame.verify.Bits;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Conv2dTest {
  @Test
  void everyDeviceGivesTheDefinitionsBits() {
    for (Case z : SHAPES) {
      check(z, Data.random(z, 1), Devices.tested());
    }
  }

  @Test
  void smallCasesOfEveryKindAgree() {
    Random random = new Random(7);
    for (int i = 0; i < 60; i++) {
      Case z = randomCase(random);
      check(z, Data.random(z, i), i % 6 == 0 ? Devices.tested() : vectors());
    }
  }

  private static Case randomCase(Random random) {
    while (true) {
      int groups = random.nextInt(1, 4);
      Geometry g =
          new Geometry(
              random.nextInt(1, 4),
              random.nextInt(1, 4),
              random.nextInt(0, 4),
              random.nextInt(0, 4),
              random.nextInt(1, 3),
              random.nextInt(1, 3),
              groups);
      Case z =
          new Case(
              random.nextInt(1, 3),
              groups * random.nextInt(1, 5),
              random.nextInt(1, 12),
              random.nextInt(1, 40),
              groups * random.nextInt(1, 9),
              random.nextInt(1, 5),
              random.nextInt(1, 5),
              g);
      try {
        if (z.p() * z.q() > 0) {
          return z;
        }
      } catch (ShapeException tooLarge) {
        // Draw again.
      }
    }
  }

  @Test
  void chunksEndWhereTheContractSays() {
    // Terms of the forward pass: C·R·S.
    for (int c : new int[] {511, 512, 513, 1024, 1025}) {
      Case z = new Case(1, c, 1, 3, 5, 1, 1, PLAIN);
      check(z, Data.random(z, c), Devices.tested());
    }
    for (int c : new int[] {57, 171}) {
      Case z = new Case(1, c, 3, 3, 3, 3, 3, Geometry.of(1, 1));
      check(z, Data.random(z, c), Devices.tested());
    }
    // Terms of the data gradient: K·R·S, a quarter of them at stride 2.
    for (int k : new int[] {511, 513, 1025}) {
      Case z = new Case(1, 3, 2, 3, k, 1, 1, PLAIN);
      check(z, Data.random(z, k), Devices.tested());
    }
    Case strided = new Case(1, 2, 4, 5, 300, 4, 4, Geometry.of(2, 1));
    check(strided, Data.random(strided, 5), Devices.tested());
    // Terms of the weight gradient: N·P·Q.
    for (int w : new int[] {511, 512, 513, 1023, 1024, 1025}) {
      Case z = new Case(1, 2, 1, w, 3, 1, 1, PLAIN);
      check(z, Data.random(z, w), Devices.tested());
    }
    for (int n : new int[] {1, 21}) {
      Case z = new Case(n, 2, 5, 5, 2, 3, 3, Geometry.of(1, 1));
      check(z, Data.random(z, n), Devices.tested());
    }
  }

  @Test
  void longContractionsUseLongerChunks() {
    List<Case> cases =
        List.of(
            new Case(1, 1, 1, 16_384, 2, 1, 1, PLAIN),
            new Case(1, 1, 1, 16_385, 2, 1, 1, PLAIN),
            new Case(3, 2, 75, 75, 6, 3, 3, Geometry.of(1, 1)),
            new Case(1, 1821, 2, 3, 2, 3, 3, Geometry.of(1, 1)),
            new Case(1, 2, 2, 3, 1821, 3, 3, Geometry.of(1, 1)),
            new Case(1, 16_385, 1, 2, 4, 1, 1, PLAIN),
            // Chains and totals that outlive a span of packed terms.
            new Case(1, 1821, 12, 12, 17, 3, 3, Geometry.of(1, 1)));
    for (Case z : cases) {
      check(z, Data.random(z, 3), vectors());
    }
  }

  @Test
  void wideLayersAgree() {
    List<Case> cases =
        List.of(
            new Case(1, 64, 14, 14, 36, 3, 3, Geometry.of(1, 1)),
            new Case(1, 20, 7, 7, 100, 3, 3, Geometry.of(1, 1)),
            new Case(1, 600, 7, 7, 29, 1, 1, Geometry.of(1, 0)),
            new Case(1, 300, 7, 7, 53, 1, 1, PLAIN),
            new Case(6, 40, 14, 14, 36, 1, 1, PLAIN),
            // So many pixels that a data gradient of 1x1 goes by the forward pass's product.
            new Case(6, 100, 14, 14, 36, 1, 1, PLAIN),
            // 17 positions of as many images: a vector and one more.
            new Case(17, 600, 1, 1, 29, 1, 1, PLAIN),
            new Case(1, 120, 30, 30, 40, 3, 3, Geometry.of(1, 1)),
            new Case(1, 20, 56, 56, 40, 1, 1, PLAIN),
            new Case(1, 3, 40, 40, 16, 7, 7, Geometry.of(2, 3)),
            new Case(1, 40, 14, 14, 64, 3, 3, Geometry.of(2, 1)),
            // Blocks of a strided data gradient that end inside of a row.
            new Case(5, 40, 29, 30, 64, 3, 3, Geometry.of(2, 1)),
            new Case(1, 64, 14, 14, 96, 1, 1, Geometry.of(2, 0)),
            new Case(1, 40, 30, 30, 40, 3, 3, Geometry.of(1, 1).withGroups(40)),
            new Case(1, 1, 3, 1500, 9, 3, 3, Geometry.of(1, 1)),
            new Case(1, 2, 9, 9, 5, 3, 3, Geometry.of(1, 90_000).withDilation(90_000, 90_000)));
    for (Case z : cases) {
      check(z, Data.random(z, 4), vectors());
    }
  }

  /**
   * Each channel by itself, 3x3: planes in blocks of rows, of one pixel, filters larger than the
   * image, taps that only meet padding; chunks of a weight gradient that share their turned rows,
   * also with the next image's; strides that pass rows over.
   */
  @Test
  void depthwiseLayersAgree() {
    List<Case> cases =
        List.of(
            new Case(2, 3, 70, 70, 3, 3, 3, Geometry.of(1, 1).withGroups(3)),
            new Case(2, 20, 1, 1, 20, 3, 3, Geometry.of(1, 1).withGroups(20)),
            new Case(1, 3, 2, 1, 3, 3, 3, Geometry.of(1, 4).withGroups(3)),
            new Case(1, 2, 5, 9, 2, 3, 3, new Geometry(1, 1, 1, 20, 1, 20, 2)),
            new Case(2, 3, 1, 1, 3, 5, 5, Geometry.of(2, 2).withGroups(3)),
            new Case(3, 130, 28, 27, 130, 3, 3, Geometry.of(1, 1).withGroups(130)),
            new Case(1, 20, 80, 60, 20, 2, 2, Geometry.of(3, 0).withGroups(20)));
    for (Case z : cases) {
      check(z, Data.random(z, 8), vectors());
    }
  }

  /** Many small images, which lanes lie across: not all lanes have one, rows in blocks. */
  @Test
  void manySmallImagesAgree() {
    List<Case> cases =
        List.of(
            new Case(50, 6, 14, 14, 16, 5, 5, PLAIN),
            new Case(32, 4, 9, 7, 11, 4, 3, new Geometry(2, 1, 1, 2, 1, 1, 1)),
            new Case(26, 12, 12, 12, 12, 3, 3, new Geometry(1, 2, 2, 2, 2, 2, 2)),
            new Case(32, 16, 20, 20, 12, 3, 3, Geometry.of(1, 1)));
    for (Case z : cases) {
      check(z, Data.random(z, 6), vectors());
    }
  }

  /** Wide images, whose windows are read in place: chunks end inside of a channel's taps. */
  @Test
  void wideImagesAgree() {
    List<Case> cases =
        List.of(
            new Case(2, 60, 31, 29, 16, 3, 3, Geometry.of(1, 1)),
            new Case(1, 40, 9, 50, 24, 5, 5, Geometry.of(1, 2)),
            new Case(1, 3, 30, 61, 40, 7, 7, Geometry.of(2, 3)),
            new Case(2, 12, 17, 47, 48, 3, 3, new Geometry(2, 3, 1, 0, 1, 1, 2)),
            new Case(1, 9, 26, 49, 35, 3, 3, new Geometry(1, 1, 2, 1, 2, 2, 1)),
            new Case(1, 8, 5, 700, 8, 3, 5, Geometry.of(1, 2)),
            new Case(3, 8, 17, 50, 40, 2, 3, Geometry.of(1, 2)),
            // Chunks of 1,024 terms.
            new Case(1, 1830, 2, 20, 8, 3, 3, Geometry.of(1, 1)));
    for (Case z : cases) {
      check(z, Data.random(z, 6), vectors());
    }
  }

  @Test
  void manyChannelsAgree() {
    // Enough rows for packed panels; small images of a batch in one panel, groups, dilation, rows
    // longer than a block, several steps and chunks.
    List<Case> cases =
        List.of(
            new Case(5, 17, 5, 5, 34, 3, 3, Geometry.of(1, 1)),
            new Case(3, 32, 7, 7, 20, 3, 3, Geometry.of(2, 1)),
            new Case(2, 36, 6, 9, 38, 3, 2, Geometry.of(1, 1).withGroups(2)),
            new Case(1, 17, 12, 11, 18, 3, 3, Geometry.of(1, 2).withDilation(2, 2)),
            new Case(2, 600, 3, 3, 20, 1, 1, PLAIN),
            new Case(3, 20, 14, 14, 600, 1, 1, PLAIN),
            new Case(1, 16, 2, 1200, 16, 1, 3, Geometry.of(1, 0)));
    for (Case z : cases) {
      check(z, Data.random(z, 4), vectors());
    }
  }

  @Test
  void manyChannelsOfFewPixelsAgree() {
    // Data gradients with lanes across channels: all ways to pack filters, phases of unequal size,
    // without pixels or without taps, chains that wait for their next step, several blocks.
    List<Case> cases =
        List.of(
            new Case(3, 40, 15, 15, 24, 4, 4, Geometry.of(2, 1)),
            new Case(2, 33, 9, 10, 20, 5, 5, Geometry.of(2, 2)),
            new Case(2, 24, 7, 8, 30, 2, 2, Geometry.of(3, 0)),
            new Case(1, 24, 1, 5, 6, 3, 3, Geometry.of(4, 1)),
            new Case(2, 20, 11, 11, 18, 3, 3, Geometry.of(2, 2).withDilation(2, 2)),
            new Case(2, 68, 7, 7, 36, 3, 3, Geometry.of(2, 1).withGroups(2)),
            new Case(2, 70, 6, 6, 140, 3, 3, Geometry.of(1, 1)),
            new Case(1, 36, 6, 6, 300, 3, 3, Geometry.of(2, 1)),
            new Case(40, 48, 8, 8, 30, 3, 3, Geometry.of(1, 1)),
            new Case(1, 40, 2, 1300, 6, 3, 3, Geometry.of(2, 1)),
            new Case(1, 18, 2, 2, 1900, 3, 3, Geometry.of(1, 1)),
            new Case(1, 18, 2, 4, 4200, 3, 3, Geometry.of(2, 1)));
    for (Case z : cases) {
      check(z, Data.random(z, 4), vectors());
    }
  }

  @Test
  void largeTilesOfTheGpuAgree() {
    // Enough tiles of 128 x 256 outputs, then of 128 x 128 only, the weight gradient in parts of
    // the
    // contraction.
    List<Case> cases =
        List.of(
            new Case(1, 256, 1, 129, 64 * 65, 1, 1, PLAIN.withGroups(64)),
            new Case(1, 256, 1, 513, 64 * 65, 1, 1, PLAIN.withGroups(64)),
            new Case(1, 70, 64, 128, 4, 1, 1, PLAIN));
    List<Device> devices =
        Devices.tested().stream()
            .filter(
                d -> List.of("vector:512", "softcuda:shuffled", "cuda:0").contains(d.toString()))
            .toList();
    for (Case z : cases) {
      check(z, Data.random(z, 6), devices);
    }
  }

  @Test
  void specialValuesAgree() {
    float[] special = {
      0f,
      -0f,
      1f,
      -1f,
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      1e-38f,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN
    };
    for (int kinds : new int[] {2, 7, 9, 12}) {
      Random random = new Random(kinds);
      for (Case z :
          List.of(SHAPES.get(4), SHAPES.get(5), SHAPES.get(13), SHAPES.get(15), SHAPES.get(11))) {
        check(z, Data.of(z, () -> special[random.nextInt(kinds)]), Devices.tested());
      }
    }
  }

  @Test
  void underflowToMinusZeroSurvives() {
    // A product that rounds to −0: the chain is −0, and neither a tail nor a fold may turn it into
    // +0.
    Case z = new Case(1, 3, 1, 5, 2, 1, 1, PLAIN);
    Data d =
        new Data(
            filled(15, -Float.MIN_VALUE),
            filled(6, 0.25f),
            filled(2, -0f),
            filled(10, -Float.MIN_VALUE));
    Results control = check(z, d, Devices.tested());
    assertEquals(0x80000000, Float.floatToRawIntBits(control.y()[0]));
    assertEquals(0x80000000, Float.floatToRawIntBits(control.dx()[0]));
    assertEquals(0, Float.floatToRawIntBits(control.relu()[0]));
  }

  @Test
  void paddingTakesPart() {
    Case z = new Case(1, 1, 2, 2, 1, 3, 3, Geometry.of(1, 1));
    Data d =
        new Data(filled(4, 1f), filled(9, Float.POSITIVE_INFINITY), filled(1, 0f), filled(4, 1f));
    Results control = check(z, d, Devices.tested());
    for (int i = 0; i < 4; i++) {
      assertTrue(Float.isNaN(control.y()[i]), "0 x inf in the padding of the image");
      assertTrue(Float.isNaN(control.dx()[i]), "0 x inf outside of the output grid");
    }
    Data infinite =
        new Data(filled(4, 1f), filled(9, 1f), filled(1, 0f), filled(4, Float.POSITIVE_INFINITY));
    Results other = check(z, infinite, Devices.tested());
    assertTrue(Float.isNaN(other.dw()[0]), "padding beside an infinite output gradient");
    assertEquals(Float.POSITIVE_INFINITY, other.dw()[4]);
  }

  @Test
  void pixelsWithoutTapsGetZero() {
    Case z = new Case(1, 2, 6, 6, 2, 1, 1, Geometry.of(3, 0));
    Results control = check(z, Data.random(z, 8), Devices.tested());
    assertEquals(0, Float.floatToRawIntBits(control.dx()[1]));
    assertFalse(control.dx()[0] == 0f);
  }

  @Test
  void aSampleDoesNotSeeItsBatch() {
    Case batch = new Case(5, 3, 9, 7, 5, 3, 3, Geometry.of(2, 1));
    Case alone = new Case(1, 3, 9, 7, 5, 3, 3, Geometry.of(2, 1));
    Data all = Data.random(batch, 9);
    for (Device device : Devices.tested()) {
      Results whole = run(device, batch, all);
      for (int i = 0; i < 5; i++) {
        Data one = new Data(part(all.x(), i, 5), all.w(), all.bias(), part(all.dy(), i, 5));
        Results r = run(device, alone, one);
        Bits.assertSame(device + " y of sample " + i, part(whole.y(), i, 5), r.y());
        Bits.assertSame(device + " dx of sample " + i, part(whole.dx(), i, 5), r.dx());
      }
    }
  }
}
