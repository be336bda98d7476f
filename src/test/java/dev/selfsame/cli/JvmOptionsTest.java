package dev.selfsame.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class JvmOptionsTest {
  @Test
  void whatIsMissingIsNamedWithTheWayOut() {
    assertEquals(List.of(), JvmOptions.missing(option -> 100_000, true));
    List<String> missing =
        JvmOptions.missing(option -> option.equals("PerMethodTrapLimit") ? 100 : 100_000, false);
    assertEquals(2, missing.size());
    assertTrue(missing.get(0).contains("give -XX:PerMethodTrapLimit=100000"), missing.get(0));
    assertTrue(missing.get(1).contains("--enable-native-access=dev.selfsame"), missing.get(1));
  }

  @Test
  void theRunningMachineCanBeAsked() {
    JvmOptions.missing(); // an option of that name exists, or this throws
  }
}
