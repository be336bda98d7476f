package dev.selfsame.guard;

import com.sun.management.ThreadMXBean;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.cpu.Lanes;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordedObject;
import jdk.jfr.consumer.RecordingFile;

/**
 * Runs a group of kernels in a JVM of its own, where no other test has left its mark on the
 * compiler's profiles, and prints what the JVM says of them, one fact a line with tabs between:
 *
 * <pre>
 * bytes    case  bytes a call  budget  calls that it took
 * compiled class.method  descriptor  the highest level: 3 with profiles by C1, 4 by C2
 * inlined  class.method  descriptor
 * called   class.method  descriptor  by which method  why it was not inlined
 * left     class.method  bytecode index  reason  how often C2's code was left there
 * </pre>
 *
 * <p>Allocation is counted by the JVM, compilations are flight recorder events: neither depends on
 * the clock, so a busy machine only takes longer.
 */
final class KernelProbe {
  /** Processor time until which a case may box: C2 compiles beside it. */
  private static final long PATIENCE = 3_000_000_000L;

  private static final int BATCH = 10;

  /**
   * All cases in one JVM, as in a program, where each meets the profiles of those before it; but
   * for {@link CallCases}, which have a JVM of their own.
   */
  static final String FORTH = "all";

  /** The same from the last to the first. */
  static final String BACK = "all from the last";

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private KernelProbe() {}

  /** Takes the file for the recording, and the group or the case to run, or an order for all. */
  public static void main(String[] args) throws IOException {
    Path file = Path.of(args[0]);
    try (Recording recording = new Recording();
        Scope scope = Scope.open()) {
      recording.enable("jdk.Compilation").withoutThreshold();
      recording.enable("jdk.CompilerInlining");
      recording.enable("jdk.Deoptimization").withoutStackTrace();
      recording.start();
      List<KernelCases.Case> cases = cases(scope, args[1]);
      boolean all = args[1].equals(FORTH) || args[1].equals(BACK);
      List<KernelCases.Case> wanted =
          (args[1].equals(BACK) ? cases.reversed() : cases)
              .stream()
                  .filter(c ->
                      all && !c.group().equals(CallCases.GROUP)
                          || c.group().equals(args[1])
                          || c.name().equals(args[1]))
                  .toList();
      wanted.forEach(KernelProbe::measure);
      wanted.forEach(KernelProbe::runOn);
      recording.stop();
      recording.dump(file);
    }
    report(file);
  }

  private static List<KernelCases.Case> cases(Scope scope, String wanted) {
    return KernelCases.of(scope, Device.vector(Lanes.preferredBits(), 1), wanted);
  }

  /** Calls until nothing is boxed any more, or for as long as that is given. */
  private static void measure(KernelCases.Case c) {
    long start = THREADS.getCurrentThreadCpuTime();
    long least = Long.MAX_VALUE;
    int calls = 0;
    int clean = 0;
    while (clean < 5 && THREADS.getCurrentThreadCpuTime() - start < PATIENCE) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < BATCH; i++) {
        c.call().run();
      }
      long bytes = (THREADS.getCurrentThreadAllocatedBytes() - before) / BATCH;
      least = Math.min(least, bytes);
      clean = bytes <= c.budget() ? clean + 1 : 0;
      calls += BATCH;
    }
    System.out.println(
        String.join("\t", "bytes", c.name(), "" + least, "" + c.budget(), "" + calls));
  }

  /** Some calls more: a loop that a case just made warm would still wait for C2. */
  private static void runOn(KernelCases.Case c) {
    long start = THREADS.getCurrentThreadCpuTime();
    for (int i = 0; i < 100 && THREADS.getCurrentThreadCpuTime() - start < PATIENCE / 10; i++) {
      c.call().run();
    }
  }

  /** What C2 did: its last word on each method, not what it made while profiles were young. */
  private static void report(Path file) throws IOException {
    Map<String, Integer> levels = new HashMap<>();
    Map<String, Integer> last = new HashMap<>();
    List<RecordedEvent> inlinings = new ArrayList<>();
    Map<String, Integer> left = new HashMap<>();
    for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
      String kind = event.getEventType().getName();
      if (kind.equals("jdk.CompilerInlining")) {
        inlinings.add(event);
      } else if (kind.equals("jdk.Deoptimization")) {
        RecordedMethod method = event.getValue("method");
        String name = name(method.getType().getName(), method.getName());
        if (name.startsWith("dev.selfsame.")) {
          String reason = event.getString("reason");
          left.merge(String.join("\t", name, "" + event.getInt("bci"), reason), 1, Integer::sum);
        }
      } else if (event.getBoolean("succeded")) {
        RecordedMethod method = event.getValue("method");
        String name = name(method.getType().getName(), method.getName());
        if (name.startsWith("dev.selfsame.")) {
          String typed = name + "\t" + method.getDescriptor();
          levels.merge(typed, (int) event.getShort("compileLevel"), Math::max);
          if (event.getShort("compileLevel") == 4) {
            last.merge(name, event.getInt("compileId"), Math::max);
          }
        }
      }
    }
    Map<Integer, String> roots = new HashMap<>();
    last.forEach((name, id) -> roots.put(id, name));
    Set<String> lines = new TreeSet<>();
    left.forEach((place, times) -> lines.add("left\t" + place + "\t" + times));
    levels.forEach((name, level) -> lines.add("compiled\t" + name + "\t" + level));
    for (RecordedEvent event : inlinings) {
      String root = roots.get(event.getInt("compileId"));
      if (root != null) {
        RecordedObject callee = event.getValue("callee");
        String name = name(callee.getString("type"), callee.getString("name"));
        lines.add(
            event.getBoolean("succeeded")
                ? String.join("\t", "inlined", name, callee.getString("descriptor"))
                : String.join(
                    "\t",
                    "called",
                    name,
                    callee.getString("descriptor"),
                    root,
                    event.getString("message")));
      }
    }
    lines.forEach(System.out::println);
  }

  /** A hidden copy for another width (Lanes) counts as the class itself. */
  private static String name(String type, String method) {
    return type.replaceFirst("[+./]0x.*", "").replace('/', '.') + "." + method;
  }
}
