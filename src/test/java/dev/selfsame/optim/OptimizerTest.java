package dev.selfsame.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.selfsame.Device;
import dev.selfsame.Parameter;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class OptimizerTest {
  private static Parameter parameter(Scope scope, String name, float value) {
    return new Parameter(name, Tensor.zeros(scope, Device.scalar(), 1).fill(value));
  }

  @Test
  void groupsHaveTheirOwnSettings() {
    try (Scope scope = Scope.open()) {
      Parameter decayed = parameter(scope, "a", 1f);
      Parameter kept = parameter(scope, "b", 1f);
      Sgd sgd =
          new Sgd(
              scope,
              List.of(
                  new ParameterGroup(List.of(decayed), LearningRate.constant(0.5), 0.5),
                  new ParameterGroup(List.of(kept), LearningRate.constant(0.25), 0)),
              0,
              false);
      decayed.gradientMemory().fill(1f);
      kept.gradientMemory().fill(1f);
      sgd.step();
      assertEquals(0.25f, decayed.value().item());
      assertEquals(0.75f, kept.value().item());
      assertEquals(1, sgd.steps());
    }
  }

  @Test
  void aParameterWithoutAGradientIsLeftAlone() {
    try (Scope scope = Scope.open()) {
      Parameter unused = parameter(scope, "a", 1f);
      AdamW adam = new AdamW(scope, List.of(unused), LearningRate.constant(1), 1);
      adam.step();
      assertEquals(1f, unused.value().item());
    }
  }

  @Test
  void aSharedParameterIsListedOnce() {
    try (Scope scope = Scope.open()) {
      Parameter p = parameter(scope, "shared", 1f);
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new AdamW(scope, List.of(p, p), LearningRate.constant(1), 0));
      assertEquals(
          "parameter shared stands twice in the groups; a shared parameter is listed once",
          e.getMessage());
    }
  }

  @Test
  void namesAreUniqueBecauseStatesGoByThem() {
    try (Scope scope = Scope.open()) {
      List<Parameter> twins = List.of(parameter(scope, "w", 1f), parameter(scope, "w", 2f));
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new AdamW(scope, twins, LearningRate.constant(1), 0));
      assertEquals("two parameters are named w; saved states go by the names", e.getMessage());
    }
  }

  @Test
  void aFailedStepDoesNotCount() {
    try (Scope scope = Scope.open()) {
      Parameter p = parameter(scope, "w", 1f);
      boolean[] failing = {true};
      LearningRate rate =
          step -> {
            if (failing[0]) {
              throw new IllegalStateException("planned");
            }
            return step;
          };
      Sgd sgd = new Sgd(scope, List.of(new ParameterGroup(List.of(p), rate, 0)), 0, false);
      p.gradientMemory().fill(1f);
      assertThrows(IllegalStateException.class, sgd::step);
      assertEquals(0, sgd.steps());
      failing[0] = false;
      sgd.step();
      assertEquals(1, sgd.steps());
      assertEquals(0f, p.value().item());
      assertThrows(SelfsameException.class, () -> sgd.resumeAt(-1));
    }
  }

  @Test
  void stateHasAllMoments() {
    try (Scope scope = Scope.open()) {
      AdamW adam =
          new AdamW(scope, List.of(parameter(scope, "w", 1f)), LearningRate.constant(1), 0);
      assertArrayEquals(new Object[] {"m.w", "v.w"}, adam.state().keySet().toArray());
    }
  }

  @Test
  void schedules() {
    LearningRate cosine = LearningRate.cosine(1, 0, 100);
    assertEquals(1, cosine.at(1));
    assertEquals(0.5, cosine.at(51), 1e-15);
    assertEquals(0, cosine.at(100));
    assertEquals(0, cosine.at(1000));
    assertEquals(0.1, LearningRate.constant(1).warmup(10).at(1));
    assertEquals(1, LearningRate.constant(1).warmup(10).at(10));
    LearningRate steps = LearningRate.step(8, 10, 0.5);
    assertEquals(8, steps.at(10));
    assertEquals(4, steps.at(11));
    assertEquals(2, steps.at(21));
    assertThrows(IllegalArgumentException.class, () -> LearningRate.step(1, 0, 1));
  }
}
