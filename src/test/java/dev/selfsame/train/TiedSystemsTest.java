package dev.selfsame.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.op.Devices;
import dev.selfsame.verify.Bits;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What siamese, tied-autoencoder, multitask and distill are known for, after schedules so short
 * that a test can wait for them. That they have the same bits on all devices, and resume, is
 * SystemsTest's.
 */
class TiedSystemsTest {
  private static final double FAR = 0.5;

  private static List<Finding> findings(TrainingSystem system, long steps) {
    TrainingSystem.Settings settings = system.settings(1, steps);
    // One thread: the models are small, and other tests may be at work beside this one.
    try (TrainingRun run = system.start(Device.parse("vector", 1), settings)) {
      for (long step = 0; step < steps; step++) {
        run.step();
      }
      String before = ParameterHash.of(run.parameters());
      List<Finding> findings =
          system.findings(
              new Trained(run, settings, true, run.evaluate(), (task, done, total) -> {}));
      assertEquals(before, ParameterHash.of(run.parameters()), "measuring changed the model");
      return findings;
    }
  }

  private static void assertHolds(Finding finding) {
    assertTrue(finding.holds(), finding.toString());
  }

  @Test
  void siameseAddsTheGradientsOfItsBranches() {
    List<Finding> findings = findings(new Siamese(), 25);
    assertHolds(findings.get(1));
    // So few steps don't reach the goal: the finding says so.
    assertFalse(findings.get(0).holds(), findings.get(0).toString());
  }

  @Test
  void theTiedAutoencoderIsSymmetricAndItsLinearFormFindsThePrincipalComponents() {
    List<Finding> findings = findings(new TiedAutoencoder(), 300);
    assertHolds(findings.get(0));
    assertHolds(findings.get(1));
    assertHolds(findings.get(3));
  }

  @Test
  void tiedTasksAreNearerAndLearnFromEachOther() {
    findings(new Multitask(), 50).forEach(TiedSystemsTest::assertHolds);
  }

  @Test
  void theTiedStudentIsBetter() {
    findings(new Distill(), 150).forEach(TiedSystemsTest::assertHolds);
  }

  /**
   * A matrix times its own transpose is symmetric; times another's it is not: the check sees it.
   */
  @Test
  void gramMatricesAreSymmetricOnEveryDevice() {
    float[] values = new float[5 * 33];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) StrictMath.sin(i * 1.7);
    }
    for (Device device : Devices.tested()) {
      try (Scope scope = Scope.open()) {
        float[] s = Subspaces.gram(device, Tensor.of(scope, device, values, 5, 33));
        for (int i = 0; i < 33; i++) {
          for (int j = 0; j < i; j++) {
            assertTrue(Bits.same(s[i * 33 + j], s[j * 33 + i]), i + ", " + j + " on " + device);
          }
        }
        assertNotEquals(s[1], s[2]);
      }
    }
  }

  @Test
  void anglesBetweenSubspaces() {
    double[][] plane = {{1, 0, 0, 0}, {0, 1, 0, 0}};
    double[][] turned = {{StrictMath.cos(FAR), 0, StrictMath.sin(FAR), 0}, {0, 1, 0, 0}};
    double[][] apart = {{0, 0, 1, 0}, {0, 0, 0, 1}};
    assertEquals(1, Subspaces.leastCosine(plane, plane), 1e-12);
    assertEquals(StrictMath.cos(FAR), Subspaces.leastCosine(plane, turned), 1e-12);
    assertEquals(0, Subspaces.leastCosine(plane, apart), 1e-12);
    // Another basis of the plane, neither orthogonal nor of length 1.
    double[][] skew = {{2, 1, 0, 0}, {1, 1, 0, 0}};
    assertEquals(1, Subspaces.leastCosine(plane, Subspaces.basis(skew)), 1e-12);
  }
}
