package dev.selfsame.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The constants of exact_math.cuh are those of {@link ExactMathConstants}, bit for bit. */
class ExactMathTwinTest {
  private static final Pattern CONSTANT =
      Pattern.compile("constexpr (double|float) (\\w+) = ([^;]+);");
  private static final Pattern TABLE =
      Pattern.compile("EM_TABLE (?:float|uint32_t) (\\w+)[^=]+= (\\{[^;]+);");
  private static final Pattern NUMBER = Pattern.compile("-?0x[0-9a-f.]+(?:p-?\\d+f?|u)");

  @Test
  void constantsAreTheSame() throws Exception {
    List<MatchResult> found = CONSTANT.matcher(source()).results().toList();
    assertTrue(found.size() > 60, "found only " + found.size() + " constants");
    for (MatchResult m : found) {
      Field field = ExactMathConstants.class.getDeclaredField(m.group(2));
      assertEquals(m.group(1), field.getType().getName(), m.group(2));
      assertEquals(number(m.group(3)), field.getDouble(null), m.group(2));
    }
  }

  @Test
  void tablesAreTheSame() throws Exception {
    List<MatchResult> found = TABLE.matcher(source()).results().toList();
    assertEquals(6, found.size());
    for (MatchResult m : found) {
      var expected = new ArrayList<Double>();
      Field field = ExactMathConstants.class.getDeclaredField(m.group(1));
      flatten(field.get(null), expected);
      var actual = NUMBER.matcher(m.group(2)).results().map(n -> number(n.group())).toList();
      assertEquals(expected, actual, m.group(1));
    }
  }

  private static void flatten(Object array, List<Double> into) {
    for (int i = 0; i < Array.getLength(array); i++) {
      Object element = Array.get(array, i);
      if (element instanceof Integer bits) {
        into.add((double) Integer.toUnsignedLong(bits));
      } else if (element instanceof Float f) {
        into.add((double) f);
      } else {
        flatten(element, into);
      }
    }
  }

  private static double number(String literal) {
    if (literal.endsWith("u")) {
      return Long.decode(literal.substring(0, literal.length() - 1));
    }
    // Java reads a hexadecimal literal's trailing f as a type, as C++ does.
    return literal.endsWith("f") ? Float.parseFloat(literal) : Double.parseDouble(literal);
  }

  private static String source() throws IOException {
    return Files.readString(Path.of("cuda-kernels/exact_math.cuh"));
  }
}
