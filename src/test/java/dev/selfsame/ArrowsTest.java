package dev.selfsame;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.EvaluationResult;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Uses run one way: cli, study, train, then (verify, data, nn, optim), grad, op, dev.selfsame,
 * (cpu, cuda), contract.
 */
class ArrowsTest {
  private static final JavaClasses HOUSE =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .withImportOption(l -> !l.contains("/jt/tests/"))
          .importPackages("dev.selfsame");

  /** Exceptions live at the root and may be thrown from below. */
  private static final DescribedPredicate<JavaClass> EXCEPTIONS =
      assignableTo(SelfsameException.class);

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # package, what it may use ('root' is dev.selfsame itself)
          contract,
          cpu,      contract
          cuda,     contract
          root,     cpu cuda contract
          op,       root cpu cuda contract
          grad,     op root
          io,       root contract
          optim,    grad op root io contract
          nn,       grad op root io contract
          data,     io root contract
          verify,   grad op root cuda contract
          train,    verify data nn optim io grad op root contract
          study,    train verify data nn optim io grad op root contract
          cli,      study train verify data nn optim io grad op root cuda contract
          """)
  void packageUsesOnlyWhatIsBelowIt(String name, String below) {
    EvaluationResult result = arrow(name, below == null ? "" : below);
    assertFalse(result.hasViolation(), () -> result.getFailureReport().toString());
  }

  @Test
  void aWrongArrowIsFound() {
    // Negative control: op does use the root.
    assertFalse(!arrow("op", "cpu cuda contract").hasViolation(), "op -> root was not found");
  }

  @Test
  void theCoreNeedsOnlyTheJdk() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.selfsame.cli..")
        .should()
        .dependOnClassesThat(
            resideInAnyPackage(
                "picocli..",
                "me.tongfei..",
                "org.knowm..",
                "com.fasterxml..",
                "java.awt..",
                "javax.."))
        .check(HOUSE);
  }

  @Test
  void onlyItsOwnPackageKnowsJCuda() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.selfsame.jcuda..")
        .should()
        .dependOnClassesThat(resideInAnyPackage("jcuda..", "dev.selfsame.jcuda.."))
        .check(HOUSE);
  }

  @Test
  void nobodyPrintsButTheCommandLine() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.selfsame.cli..")
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .check(HOUSE);
  }

  @Test
  void noTranscendentalsOfTheJdk() {
    // Their results are not specified to the bit. Math.fma, sqrt and the like are.
    DescribedPredicate<com.tngtech.archunit.core.domain.JavaCall<?>> loose =
        describe(
            "Math functions whose last bit is not specified",
            call ->
                call.getTargetOwner().isEquivalentTo(Math.class)
                    && Stream.of(
                            "exp", "expm1", "log", "log10", "log1p", "pow", "sin", "cos", "tan",
                            "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "cbrt",
                            "hypot")
                        .anyMatch(call.getName()::equals));
    noClasses()
        .that()
        .resideInAnyPackage(
            "dev.selfsame",
            "dev.selfsame.contract..",
            "dev.selfsame.cpu..",
            "dev.selfsame.op..",
            "dev.selfsame.grad..",
            "dev.selfsame.nn..",
            "dev.selfsame.optim..")
        .should()
        .callMethodWhere(describe(loose.getDescription(), call -> loose.test(call)))
        .check(HOUSE);
  }

  private static EvaluationResult arrow(String name, String below) {
    String[] allowed =
        Stream.concat(Stream.of(name), Stream.of(below.split(" ")).filter(s -> !s.isBlank()))
            .map(ArrowsTest::packageOf)
            .toArray(String[]::new);
    DescribedPredicate<JavaClass> ours = resideInAnyPackage("dev.selfsame..");
    return classes()
        .that()
        .resideInAPackage(packageOf(name))
        .should()
        .onlyDependOnClassesThat(
            DescribedPredicate.not(ours)
                .or(resideInAnyPackage(allowed))
                .or(EXCEPTIONS)
                .as("those of %s, or exceptions", String.join(", ", allowed)))
        .allowEmptyShould(true)
        .evaluate(HOUSE);
  }

  private static String packageOf(String name) {
    return name.equals("root") ? "dev.selfsame" : "dev.selfsame." + name + "..";
  }
}
