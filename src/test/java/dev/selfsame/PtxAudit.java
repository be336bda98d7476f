package dev.selfsame;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Reads PTX and names every instruction whose result the numerics contract does not fix: float
 * arithmetic that is not {@code .rn}, flushed subnormals, approximations, float atomics, matrix
 * instructions.
 */
final class PtxAudit {
  private static final Pattern FLOAT =
      Pattern.compile("f16|f16x2|bf16|bf16x2|tf32|f32|f32x2|f64|e[0-9]m[0-9]\\w*");
  private static final Set<String> ROUNDED =
      Set.of("add", "sub", "mul", "fma", "div", "sqrt", "rcp");
  private static final Set<String> APPROXIMATE =
      Set.of("sin", "cos", "ex2", "lg2", "tanh", "rsqrt", "mad");
  private static final Set<String> MATRIX = Set.of("mma", "wmma", "wgmma", "tcgen05");
  private static final Set<String> TO_INTEGER = Set.of("rni", "rzi", "rmi", "rpi");
  private static final Pattern ENTRY = Pattern.compile("\\.entry\\s+(\\w+)");

  /**
   * What was read.
   *
   * @param kernels for each kernel, how often each rounded float instruction stands in it
   * @param violations the instructions that break the contract
   */
  record Report(Map<String, Map<String, Integer>> kernels, List<String> violations) {
    int arithmetic() {
      return kernels.values().stream().flatMap(k -> k.values().stream()).mapToInt(n -> n).sum();
    }
  }

  private PtxAudit() {}

  /** Reads the PTX files of a folder: for gpu-check, where kernels are built without Maven. */
  public static void main(String[] arguments) throws IOException {
    int violations = 0;
    int kernels = 0;
    int arithmetic = 0;
    try (var files = Files.list(Path.of(arguments[0]))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".ptx")).sorted().toList()) {
        Report report = audit(Files.readString(file));
        report.violations().forEach(v -> System.out.println(file.getFileName() + ": " + v));
        violations += report.violations().size();
        kernels += report.kernels().size();
        arithmetic += report.arithmetic();
      }
    }
    System.out.printf(
        "PTX audit: %d kernels, %d float instructions, %d violations%n",
        kernels, arithmetic, violations);
    // An audit that read nothing is no audit.
    System.exit(violations > 0 || arithmetic == 0 ? 1 : 0);
  }

  static Report audit(String ptx) {
    String kernel = "?";
    var kernels = new TreeMap<String, Map<String, Integer>>();
    var violations = new ArrayList<String>();
    int number = 0;
    for (String line : ptx.split("\n")) {
      number++;
      String text = line.replaceFirst("//.*", "").strip();
      var entry = ENTRY.matcher(text);
      if (entry.find()) {
        kernel = entry.group(1);
        kernels.put(kernel, new TreeMap<>());
      }
      // Several statements may share a line (inline assembly); a predicate or a brace may lead.
      for (String statement : text.split(";")) {
        String instruction = statement.strip().replaceFirst("^[{}\\s]*(@!?%?\\w+\\s+)?", "");
        if (instruction.isEmpty() || instruction.startsWith(".") || instruction.endsWith(":")) {
          continue;
        }
        String[] opcode = instruction.split("[\\s(]", 2)[0].split("\\.");
        String why = why(opcode[0], List.of(opcode).subList(1, opcode.length));
        if (why != null) {
          violations.add(kernel + ", line " + number + ": " + why + ": " + instruction);
        }
        if (ROUNDED.contains(opcode[0]) && floats(List.of(opcode)) > 0) {
          kernels.computeIfAbsent(kernel, _ -> new TreeMap<>()).merge(opcode[0], 1, Integer::sum);
        }
      }
    }
    return new Report(kernels, violations);
  }

  private static String why(String base, List<String> parts) {
    if (parts.contains("ftz")) {
      return "flushes subnormals";
    }
    if (parts.contains("approx") || parts.contains("full")) {
      return "approximate";
    }
    if (MATRIX.contains(base)) {
      return "matrix instruction, order of sums not specified";
    }
    if (floats(parts) == 0) {
      return null;
    }
    if (base.equals("red")
        || base.equals("atom")
        || base.equals("multimem")
        || parts.contains("reduce")) {
      return "float atomic, order arbitrary";
    }
    if (APPROXIMATE.contains(base)) {
      return "not rounded to nearest";
    }
    if (ROUNDED.contains(base) && !parts.contains("rn")) {
      return "without .rn";
    }
    if (base.equals("cvt") && !parts.contains("rn") && narrows(parts)) {
      return "conversion without .rn";
    }
    return null;
  }

  /** Whether a conversion has to round: from integer to float, or to a narrower float. */
  private static boolean narrows(List<String> parts) {
    // cvt{.mode}.to.from: the two types come last.
    String to = parts.get(parts.size() - 2);
    String from = parts.getLast();
    if (!FLOAT.matcher(to).matches()) {
      return false; // To an integer: the mode (.rzi, .rni …) is part of the instruction and exact.
    }
    if (FLOAT.matcher(from).matches()) {
      boolean toIntegral = parts.stream().anyMatch(TO_INTEGER::contains);
      return !toIntegral && !(to.equals("f64") || from.endsWith("16"));
    }
    return true;
  }

  private static int floats(List<String> parts) {
    return (int) parts.stream().filter(p -> FLOAT.matcher(p).matches()).count();
  }
}
