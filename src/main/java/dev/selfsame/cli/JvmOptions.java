package dev.selfsame.cli;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/** What this JVM was started without, though the kernels' speed needs it. */
final class JvmOptions {
  /** Below this many, the compiler stops guessing in a process that runs many operations. */
  private static final long GUESSES = 100_000;

  private JvmOptions() {}

  /** Sentences, each with the way out; none if nothing is missing. */
  static List<String> missing() {
    HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    return missing(
        option -> vm == null ? GUESSES : Long.parseLong(vm.getVMOption(option).getValue()),
        JvmOptions.class.getModule().isNativeAccessEnabled());
  }

  static List<String> missing(ToLongFunction<String> values, boolean nativeAccess) {
    List<String> missing = new ArrayList<>();
    for (String option : List.of("PerMethodTrapLimit", "PerMethodRecompilationCutoff")) {
      long value = values.applyAsLong(option);
      if (value < GUESSES) {
        missing.add(
            "-XX:%s is %d: kernels can be 3 to 10 times slower in a process that runs many operations; give -XX:%s=%d"
                .formatted(option, value, option, GUESSES));
      }
    }
    if (!nativeAccess) {
      missing.add(
          "native access is not enabled: threads can share a processor while another is idle; give"
              + " --enable-native-access=dev.selfsame (ALL-UNNAMED on the class path)");
    }
    return missing;
  }
}
