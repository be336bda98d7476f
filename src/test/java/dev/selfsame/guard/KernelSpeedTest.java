package dev.selfsame.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.cpu.Lanes;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Holds what the kernels' speed rests on, without a clock: vectors stay in registers, and every
 * loop over vectors is compiled by C2. Where that fails, the kernel still gives the right bits, 50
 * to 100 times slower.
 *
 * <p>The bytecode is read from the class files; the rest is told by {@link KernelProbe}, which runs
 * all cases in one JVM, once forth and once back: what other kernels leave in the profiles must not
 * make a kernel box. What they leave depends on when C2 comes to what, so one run shows one such
 * process; {@link VectorReceivers} shows in the bytecode what would box in some of them. Small
 * calls, whose bytes are counted more narrowly, have a JVM of their own.
 */
class KernelSpeedTest {
  /** Above 8,000 bytes of code (HugeMethodLimit) a method is never compiled. */
  private static final int MOST_BYTES = 6_000;

  /** Above 325 bytes (FreqInlineSize) a method is never inlined. */
  private static final int MOST_INLINED = 325;

  /**
   * C2 compiles anew without a guess after a few failures; one that it can't learn from fails as
   * often as the loop is run.
   */
  private static final int MOST_LEFT = 15;

  /** Where a guess is left: these stand at C2's limit of nodes, and a cast is nodes, too. */
  private static final List<String> GUESSED =
      Stream.of("PairErfWide.products", "PairErfNarrow.products", "RunGroups.groups")
          .map(method -> Lanes.class.getPackageName() + "." + method)
          .toList();

  private static final String CONTROLS = KernelControls.class.getName();

  private static final List<MethodShape> KERNELS = new ArrayList<>();
  private static final List<String[]> FACTS = new ArrayList<>();

  @BeforeAll
  static void probe(@TempDir Path folder) throws Exception {
    KERNELS.addAll(shapes(Lanes.class));
    for (String what : List.of(KernelProbe.FORTH, KernelProbe.BACK, CallCases.GROUP)) {
      List<String[]> facts = probe(folder, what);
      FACTS.addAll(
          facts.stream().noneMatch(KernelSpeedTest::boxesUnasked)
              ? facts
              : again(facts, folder, what));
    }
  }

  /**
   * A second process where a case boxed in the first: about once in ten processes C2 makes objects
   * of one accumulator of one loop, another one each time, though it inlined all calls. That is
   * said, but only what boxes in both is a fault of the code.
   */
  private static List<String[]> again(List<String[]> first, Path folder, String what)
      throws Exception {
    Map<String, String[]> before =
        first.stream()
            .filter(fact -> fact[0].equals("bytes"))
            .collect(Collectors.toMap(fact -> fact[1], fact -> fact));
    return probe(folder, what).stream()
        .map(fact -> fact[0].equals("bytes") ? better(before.get(fact[1]), fact, what) : fact)
        .toList();
  }

  private static String[] better(String[] first, String[] second, String what) {
    if (boxes(first) == boxes(second)) {
      return second;
    }
    String[] worse = boxes(first) ? first : second;
    System.err.printf(
        "BOXED IN ONE OF TWO PROCESSES (%s): %s, %s bytes a call after %s calls%n",
        what, worse[1], worse[2], worse[4]);
    return boxes(first) ? second : first;
  }

  private static boolean boxesUnasked(String[] fact) {
    return fact[0].equals("bytes") && boxes(fact) && !fact[1].startsWith("control: ");
  }

  private static List<String[]> probe(Path folder, String what) throws Exception {
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx1g",
            "@" + Path.of("scripts", "classpath.args").toAbsolutePath(),
            "-XX:CompileCommand=quiet",
            "-XX:CompileCommand=dontinline," + CONTROLS + "::isNotInlined",
            "-XX:CompileCommand=dontinline," + CONTROLS + "::isLeftToC1",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:CompilerDirectivesFile=" + leftToC1(folder),
            "-cp",
            System.getProperty("java.class.path"),
            KernelProbe.class.getName(),
            folder.resolve("probe.jfr").toString(),
            what);
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    try {
      assertTrue(process.waitFor(10, TimeUnit.MINUTES), "the probe takes too long: " + what);
    } finally {
      process.destroyForcibly();
    }
    assertEquals(0, process.exitValue(), Files.readString(err));
    return Files.readAllLines(out).stream().map(line -> line.split("\t")).toList();
  }

  private static boolean boxes(String[] fact) {
    return Long.parseLong(fact[2]) > Long.parseLong(fact[3]);
  }

  private static Path leftToC1(Path folder) throws IOException {
    String method = CONTROLS.replace('.', '/') + ".isLeftToC1";
    return Files.writeString(
        folder.resolve("directives"), "[{match: \"" + method + "\", c2: {Exclude: true}}]");
  }

  // ---- bytecode
  // -----------------------------------------------------------------------------------------------

  @Test
  void everyMethodIsSmallEnoughToBeCompiled() {
    assertNone(
        tooLarge(KERNELS), "cut it: above 8,000 bytes of bytecode C2 never compiles a method");
    assertFalse(tooLarge(MethodShape.of(hugeMethod())).isEmpty(), "control: a huge method");
  }

  @Test
  void whatPassesVectorsIsSmallEnoughToBeInlined() {
    String todo = "cut it, or write it out in its loop: a vector that is passed becomes an object";
    assertNone(tooLargeToInline(KERNELS, MOST_INLINED), todo);
    assertFalse(tooLargeToInline(KERNELS, 1).isEmpty(), "control: some methods pass vectors");
  }

  @Test
  void accumulatorsAreLocals() throws IOException {
    List<String> found = named(KERNELS.stream().filter(MethodShape::makesVectorArray).toList());
    assertNone(found, "name its accumulators: what lies in an array of vectors is an object");
    List<MethodShape> controls = shapes(KernelControls.class);
    assertTrue(controls.stream().anyMatch(MethodShape::makesVectorArray), "control: fillsAnArray");
  }

  @Test
  void vectorsAreOfAKnownClassWhereMethodsAreCalledOnThem() throws IOException {
    Set<String> found = new TreeSet<>();
    VectorReceivers.unknown(classFiles(Lanes.class))
        .forEach((method, places) -> {
          boolean runsOnce = method.endsWith("<clinit>");
          if (!runsOnce && GUESSED.stream().noneMatch(method::startsWith)) {
            found.add(method + " " + places);
          }
        });
    assertNone(
        found,
        "cast it to the kernel's class (Lanes.type), or let a known vector be the receiver: what is"
            + " loaded, broadcast or carried round a loop is of a class that C2 guesses from"
            + " profiles which all code shares; in some processes it boxes");
    Set<String> controls = VectorReceivers.unknown(classFiles(KernelControls.class)).keySet();
    assertEquals(
        Set.of("boxes", "guesses", "isLeftToC1", "isNotInlined"),
        controls.stream()
            .map(method -> method.substring(method.lastIndexOf('.') + 1))
            .collect(Collectors.toSet()),
        "controls");
  }

  private static List<String> tooLarge(List<MethodShape> shapes) {
    return named(shapes.stream().filter(s -> s.bytes() > MOST_BYTES).toList());
  }

  private static List<String> tooLargeToInline(List<MethodShape> shapes, int most) {
    return named(shapes.stream().filter(s -> s.passesVectors() && s.bytes() > most).toList());
  }

  private static List<String> named(List<MethodShape> shapes) {
    return shapes.stream().map(s -> s.name() + ": " + s.bytes() + " bytes of bytecode").toList();
  }

  private static byte[] hugeMethod() {
    return ClassFile.of()
        .build(
            ClassDesc.of("Huge"),
            type ->
                type.withMethodBody(
                    "huge",
                    MethodTypeDesc.of(ConstantDescs.CD_void),
                    ClassFile.ACC_STATIC,
                    code -> {
                      for (int i = 0; i < 8_001; i++) {
                        code.nop();
                      }
                      code.return_();
                    }));
  }

  // ---- what the JVM does with it
  // ------------------------------------------------------------------------------

  @Test
  void noCallAllocatesForItsVectors() {
    Set<String> boxing = new TreeSet<>();
    for (String[] fact : facts("bytes")) {
      if (boxes(fact)) {
        boxing.add(
            "%s: %s bytes a call after %s calls; a plan may take %s"
                .formatted(fact[1], fact[2], fact[4], fact[3]));
      }
    }
    assertTrue(removeControl(boxing, "control: an object a call"), "control: an object a call");
    assertTrue(removeControl(boxing, "control: an object a row"), "control: an object a row");
    assertTrue(removeControl(boxing, "control: boxes"), "control: boxes");
    assertTrue(removeControl(boxing, "control: calls"), "control: calls");
    assertTrue(removeControl(boxing, "control: is left to C1"), "control: is left to C1");
    List<String> calls = vectorCalls();
    assertTrue(
        calls.removeIf(call -> call.startsWith(CONTROLS + ".calls calls ")), "control: calls");
    assertNone(
        boxing,
        "a call makes objects that it did not make: one for each row or task, or a vector becomes"
            + " an object: it is passed to a method that is not inlined, kept in an"
            + " array, or its species is not a constant. C2 left these calls:\n  "
            + String.join("\n  ", calls)
            + "\nThese cases box");
  }

  @Test
  void everyLoopOverVectorsIsCompiledByC2() throws IOException {
    Set<String> left = leftToC1(KERNELS);
    assertTrue(
        leftToC1(shapes(KernelControls.class)).remove(CONTROLS + ".isLeftToC1"),
        "control: isLeftToC1");
    assertNone(left, "it runs often, but C2 gave it up: see -XX:+PrintCompilation for the reason");
  }

  @Test
  void noLoopIsLeftAgainAndAgain() {
    Set<String> left = new TreeSet<>();
    for (String[] fact : facts("left")) {
      if (Integer.parseInt(fact[4]) > MOST_LEFT) {
        left.add("%s, bytecode %s, %s: %s times".formatted(fact[1], fact[2], fact[3], fact[4]));
      }
    }
    assertTrue(removeControl(left, CONTROLS + ".pad,"), "control");
    assertNone(
        left,
        "C2 checks a range before the loop, for all rounds, and where it fails the interpreter goes"
            + " on: don't choose in the loop whether to load, cut the loop in two");
  }

  /** Loops that ran often enough for C1's profiles, but have no code of C2, not even inlined. */
  private static Set<String> leftToC1(List<MethodShape> shapes) {
    Map<String, Integer> levels = new HashMap<>();
    facts("compiled")
        .forEach(fact -> levels.merge(fact[1] + fact[2], Integer.parseInt(fact[3]), Math::max));
    facts("inlined").forEach(fact -> levels.put(fact[1] + fact[2], 4));
    Set<String> left = new TreeSet<>();
    for (MethodShape shape : shapes) {
      int level = levels.getOrDefault(shape.name() + shape.descriptor(), 0);
      if (shape.isHot() && level > 0 && level < 4) {
        left.add(shape.name());
      }
    }
    return left;
  }

  /** Says which kernel classes no case reaches; their loops are not guarded. */
  @AfterAll
  static void nameKernelsWithoutACase() {
    Set<String> reached = new HashSet<>();
    facts("compiled").forEach(fact -> reached.add(owner(fact[1])));
    facts("inlined").forEach(fact -> reached.add(owner(fact[1])));
    for (MethodShape shape : KERNELS) {
      if (shape.isHot() && reached.add(owner(shape.name()))) {
        System.err.println("NOT GUARDED: " + owner(shape.name()) + " has no case in KernelCases");
      }
    }
  }

  /** The evidence, not only the verdict: how much room is left below HotSpot's limit. */
  @AfterAll
  static void showMethodSizes() {
    List<MethodShape> loops =
        KERNELS.stream()
            .filter(MethodShape::isHot)
            .sorted(Comparator.comparingInt(MethodShape::bytes).reversed())
            .toList();
    System.out.printf(
        "%d loops over vectors, in bytes of bytecode (never compiled above 8,000): median %d;"
            + " largest: %s%n",
        loops.size(),
        loops.get(loops.size() / 2).bytes(),
        loops.stream()
            .limit(10)
            .map(s -> s.name().replaceFirst(".*\\.(?=[A-Z])", "") + " " + s.bytes())
            .collect(Collectors.joining(", ")));
  }

  private static String owner(String method) {
    return method.substring(0, method.lastIndexOf('.'));
  }

  /**
   * Calls that pass vectors in C2's code: where a case boxes, one of these is the likely reason.
   */
  private static List<String> vectorCalls() {
    List<String> calls = new ArrayList<>();
    for (String[] fact : facts("called")) {
      if (MethodShape.passesVectors(MethodTypeDesc.ofDescriptor(fact[2]))) {
        calls.add("%s calls %s: %s".formatted(fact[3], fact[1], fact[4]));
      }
    }
    return calls;
  }

  private static boolean removeControl(Set<String> found, String start) {
    return found.removeIf(text -> text.startsWith(start));
  }

  private static List<String[]> facts(String kind) {
    List<String[]> facts = FACTS.stream().filter(fact -> fact[0].equals(kind)).toList();
    assertFalse(facts.isEmpty(), "the probe said nothing of " + kind);
    return facts;
  }

  private static void assertNone(Iterable<String> found, String todo) {
    assertFalse(found.iterator().hasNext(), () -> todo + ":\n  " + String.join("\n  ", found));
  }

  /** Of the classes in the package of a class. */
  private static List<MethodShape> shapes(Class<?> neighbour) throws IOException {
    List<MethodShape> shapes = new ArrayList<>();
    for (byte[] each : classFiles(neighbour)) {
      shapes.addAll(MethodShape.of(each));
    }
    return shapes;
  }

  private static List<byte[]> classFiles(Class<?> neighbour) throws IOException {
    List<byte[]> found = new ArrayList<>();
    Path file =
        Path.of(neighbour.getProtectionDomain().getCodeSource().getLocation().getPath())
            .resolve(neighbour.getName().replace('.', '/') + ".class");
    try (DirectoryStream<Path> files = Files.newDirectoryStream(file.getParent(), "*.class")) {
      for (Path each : files) {
        found.add(Files.readAllBytes(each));
      }
    }
    return found;
  }
}
