package dev.selfsame.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.study.StudyResult.Verdict;
import dev.selfsame.train.Finding;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Quick studies on all kinds of devices: figures, findings and pictures agree to the last bit. */
class StudiesTest {
  private static StudyResult run(Study study, Device device, long seed) {
    return study.run(
        new Study.Settings(device, seed, true),
        (done, total, what) -> {
          assertTrue(done <= total && total > 0, done + " of " + total);
        });
  }

  @TestFactory
  Stream<DynamicTest> figuresAreTheSameOnEveryDevice() {
    return Studies.ALL.stream()
        .map(study ->
            DynamicTest.dynamicTest(
                study.name(),
                () -> {
                  StudyResult expected = small(study, Device.scalar());
                  for (Device device : devices()) {
                    assertEquals(expected, small(study, device), study.name() + " on " + device);
                  }
                }));
  }

  /** Small enough for softcuda. */
  private static StudyResult small(Study study, Device device) {
    if (study instanceof CapacityStudy) {
      var settings = new Study.Settings(device, 1, true);
      return CapacityStudy.measure(
          settings, new CapacityStudy.Size(16, 2, 16, 4, 3), (done, total, what) -> {});
    }
    return run(study, device, 1);
  }

  private static List<Device> devices() {
    List<Device> devices = new ArrayList<>(List.of(Device.vector(), Device.vector(128, 3)));
    try {
      devices.add(Device.softcuda("shuffled"));
    } catch (DeviceException e) {
      System.err.println("NOT RUN on softcuda: " + e.getMessage());
    }
    return devices;
  }

  @TestFactory
  Stream<DynamicTest> theVerdictDoesNotHangOnTheSeed() {
    return Studies.ALL.stream()
        .map(study ->
            DynamicTest.dynamicTest(
                study.name(),
                () -> {
                  StudyResult one = run(study, Device.vector(), 1);
                  StudyResult two = run(study, Device.vector(), 2);
                  assertEquals(holds(one), holds(two), one.findings() + "\n" + two.findings());
                  assertFalse(one.charts().isEmpty());
                  assertTrue(one.tables().stream().noneMatch(t -> t.rows().isEmpty()));
                }));
  }

  private static List<Boolean> holds(StudyResult result) {
    return result.findings().stream().map(Finding::holds).toList();
  }

  @Test
  void anotherSeedIsAnotherMeasurement() {
    // Negative control of the comparison: results that differ are not equal.
    Study study = Studies.find("variance");
    assertNotEquals(run(study, Device.vector(), 1), run(study, Device.vector(), 2));
  }

  @Test
  void theVerdictIsCountedFromTheFindings() {
    Finding good = new Finding("a", "1", true);
    Finding bad = new Finding("b", "2", false);
    assertEquals(Verdict.BORNE_OUT, result(good, good).verdict());
    assertEquals(Verdict.IN_PART, result(good, bad).verdict());
    assertEquals(Verdict.NOT, result(bad).verdict());
    assertThrows(IllegalArgumentException.class, StudiesTest::result);
  }

  private static StudyResult result(Finding... findings) {
    return new StudyResult(List.of(), List.of(), List.of(findings));
  }

  @Test
  void tablesRefuseWhatTheyCanNotShow() {
    Table.Builder short_ = new Table.Builder("t", "a", "b");
    short_.row(1L);
    assertThrows(IllegalArgumentException.class, short_::build);
    Table.Builder odd = new Table.Builder("t", "a");
    odd.row(1f);
    assertThrows(IllegalArgumentException.class, odd::build);
    Table.Builder twice = new Table.Builder("t", "a", "a");
    assertThrows(IllegalArgumentException.class, twice::build);
    Table.Builder good = new Table.Builder("t", "name", "n");
    good.row("x", 1234L);
    good.row("longer", 5L);
    assertEquals(
        List.of("  name        n", "  x       1,234", "  longer      5"), good.build().lines());
    assertEquals(
        "| name | n |\n|---|---:|\n| x | 1,234 |\n| longer | 5 |\n", good.build().markdown());
  }

  @Test
  void numbersHaveFourDigits() {
    assertEquals(
        List.of("0.000", "1.500", "-0.06240", "0.1000", "1,365", "38,654,705,664", "9.999e-04"),
        Stream.of(0.0, 1.5, -0.0624, 0.09999999, 1365.3, 38_654_705_664L, 0.0009999)
            .map(Table::text)
            .toList());
  }

  @Test
  void anUnknownNameListsTheStudies() {
    String said =
        assertThrows(IllegalArgumentException.class, () -> Studies.find("entropy")).getMessage();
    assertTrue(said.contains("studies are parameters, equivariance"), said);
  }
}
