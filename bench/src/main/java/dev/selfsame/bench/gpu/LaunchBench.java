package dev.selfsame.bench.gpu;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.selfsame.Device;
import dev.selfsame.SelfsameException;
import dev.selfsame.bench.Spread;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.CudaGraph;
import dev.selfsame.cuda.Kernel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongUnaryOperator;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code scripts/bench launch}: what a launch costs the host, by our way to the driver and by a C
 * program's.
 *
 * <p>Both launch {@code probe_fill} over no element, one block of one thread, three arguments, into
 * streams of their own, on one thread of one process. The time is the host's, of queueing: the
 * device is idle at the start of a sample and is not waited for at its end. A sample has {@value
 * #LAUNCHES} launches, few enough not to fill a card's queue. Rounds go forward and backward in
 * turn; ratios are formed within a round. Launches that a capture records run nothing, which leaves
 * the way to the driver alone; ours makes the context current before each launch, so C is timed
 * with and without that call.
 */
@Command(
    name = "launch",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Times launches of an empty kernel through this library and by a C program that calls the"
          + " same driver library, by turns; and replays of a graph of such launches.",
      "Exit status: 0 good; 1 the device failed or the C program is missing; 2 wrong usage."
    })
public final class LaunchBench implements Callable<Integer> {
  private static final Kernel EMPTY = Kernel.of("probe_fill");
  private static final int LAUNCHES = 256;
  private static final int LEAST_ROUNDS = 11;
  private static final double WARM_UP = 0.3;

  // Places of our ways.
  private static final int LAUNCH = 1;
  private static final int REPLAY = 7;

  @Option(names = "--device", defaultValue = "cuda:0", description = "cuda:N or softcuda.")
  private String deviceName = "cuda:0";

  @Option(names = "--graph", defaultValue = "64", description = "Launches of a graph (64).")
  private int nodes = 64;

  @Option(names = "--seconds", defaultValue = "5", description = "For all rounds (5).")
  private double seconds = 5;

  @Option(names = "--json", description = "Write the results there.")
  private Path json;

  /**
   * Something timed.
   *
   * @param peer the place of C's way of the same, or −1
   * @param nanos takes a number of launches and gives their time
   */
  private record Way(String name, int peer, LongUnaryOperator nanos) {}

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    CommandLine line = new CommandLine(new LaunchBench());
    line.setExecutionExceptionHandler((e, l, parsed) -> {
      if (!(e instanceof SelfsameException)) {
        e.printStackTrace();
      }
      System.err.println("bench launch: " + e.getMessage());
      return 1;
    });
    System.exit(line.execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    if (!(seconds > 0) || nodes < 1 || nodes > LAUNCHES) {
      System.err.println(
          "bench launch: --seconds must be above 0, --graph 1 … " + LAUNCHES + ", not " + nodes);
      return 2;
    }
    if (!(Device.parse(deviceName, 1) instanceof Device.Cuda device)) {
      System.err.println("bench launch: --device " + deviceName + " is no GPU; cuda:N or softcuda");
      return 2;
    }
    CudaContext context = device.context();
    boolean soft = context.driver().isSoftcuda();
    System.out.printf(
        "%s: %s, %s%s%n",
        device,
        context.properties().name(),
        context.driver().library(),
        soft ? "; softcuda, not run on hardware: its launches run to their end in the call" : "");
    long address = context.allocate(4);
    try (LaunchBaseline c = new LaunchBaseline(device, EMPTY.symbol());
        CudaGraph graph = context.capture(() -> ours(context, address, nodes))) {
      c.capture(nodes, address);
      List<Way> ways =
          List.of(
              new Way("C, launched", -1, n -> c.run(n, false, address)),
              new Way("ours, launched", 0, n -> ours(context, address, n)),
              new Way("C, context set before each launch", -1, n -> c.run(n, true, address)),
              new Way("ours, launched (again)", 2, n -> ours(context, address, n)),
              new Way("C, recorded, not run", -1, n -> c.record(n, address)),
              new Way("ours, recorded, not run", 4, n -> recorded(context, address, n)),
              new Way("C, replay of a graph of " + nodes, -1, n -> c.replay(n / nodes)),
              new Way("ours, replay of a graph of " + nodes, 6, n -> replays(graph, n / nodes)));
      // Whole graphs in a sample; as many launches in each way.
      long launches = (long) LAUNCHES / nodes * nodes;
      double[][] nanos = measure(context, c, ways, launches);
      ObjectNode report = new ObjectMapper().createObjectNode();
      report.put("device", device.toString());
      report.put("name", context.properties().name());
      report.put("hardware", !soft);
      report.put("commit", System.getProperty("selfsame.commit", "unknown"));
      report.put("cpu", cpu());
      report.put("loadAverage", Files.readString(Path.of("/proc/loadavg")).strip());
      report.put("rounds", nanos[0].length);
      report.put("launchesInSample", launches);
      table(ways, nanos, report);
      if (json != null) {
        ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        Files.writeString(json, mapper.writeValueAsString(report) + "\n");
      }
    } finally {
      context.free(address);
    }
    return 0;
  }

  private static String cpu() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(l -> l.startsWith("model name"))
          .map(l -> l.substring(l.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("unknown");
    }
  }

  private static long ours(CudaContext context, long address, long launches) {
    long start = System.nanoTime();
    for (long i = 0; i < launches; i++) {
      context.launch(EMPTY).grid(1).block(1).arg(address).arg(0L).arg((float) i).run();
    }
    return System.nanoTime() - start;
  }

  /** The launches alone: not the begin, the end and the instantiation of the graph. */
  private static long recorded(CudaContext context, long address, long launches) {
    long[] nanos = new long[1];
    context.capture(() -> nanos[0] = ours(context, address, launches)).close();
    return nanos[0];
  }

  private static long replays(CudaGraph graph, long times) {
    long start = System.nanoTime();
    for (long i = 0; i < times; i++) {
      graph.launch();
    }
    return System.nanoTime() - start;
  }

  /** Nanoseconds a launch: a row a way, a column a round. */
  private double[][] measure(CudaContext context, LaunchBaseline c, List<Way> ways, long launches) {
    int n = ways.size();
    for (Way way : ways) {
      long end = System.nanoTime() + (long) (WARM_UP * 1e9);
      while (System.nanoTime() < end) {
        sample(context, c, way, launches);
      }
    }
    List<double[]> rounds = new ArrayList<>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    while (rounds.size() < LEAST_ROUNDS || System.nanoTime() < end) {
      double[] round = new double[n];
      for (int turn = 0; turn < n; turn++) {
        int i = rounds.size() % 2 == 0 ? turn : n - 1 - turn;
        round[i] = sample(context, c, ways.get(i), launches);
      }
      rounds.add(round);
    }
    double[][] nanos = new double[n][rounds.size()];
    for (int i = 0; i < n; i++) {
      for (int r = 0; r < rounds.size(); r++) {
        nanos[i][r] = rounds.get(r)[i];
      }
    }
    return nanos;
  }

  private static double sample(CudaContext context, LaunchBaseline c, Way way, long launches) {
    long nanos = way.nanos().applyAsLong(launches);
    context.synchronize();
    c.synchronize();
    return nanos / (double) launches;
  }

  private static void table(List<Way> ways, double[][] nanos, ObjectNode report) {
    ArrayNode rows = report.putArray("ways");
    System.out.printf(
        "%d rounds of %d launches; a ratio is of times within a round, median (10th to 90th)%n",
        nanos[0].length, report.get("launchesInSample").asLong());
    System.out.printf(
        "%-36s %8s %17s  %s%n", "host time of a launch", "ns", "10th to 90th", "ours to C");
    for (int i = 0; i < ways.size(); i++) {
      Way way = ways.get(i);
      Spread s = Spread.of(nanos[i]);
      ObjectNode row = rows.addObject();
      row.put("name", way.name());
      spread(row.putObject("nanos"), s);
      String beside = "";
      if (way.peer() >= 0) {
        Spread ratio = Spread.of(combine(nanos[i], nanos[way.peer()], (x, y) -> x / y));
        Spread more = Spread.of(combine(nanos[i], nanos[way.peer()], (x, y) -> x - y));
        spread(row.putObject("ratio"), ratio);
        spread(row.putObject("more"), more);
        beside = String.format("%s, %.0f ns more", text(ratio), more.median());
      }
      String range = String.format("%.0f to %.0f", s.p10(), s.p90());
      System.out.printf("%-36s %8.0f %17s  %s%n", way.name(), s.median(), range, beside);
    }
    Spread saved = Spread.of(combine(nanos[LAUNCH], nanos[REPLAY], (x, y) -> x / y));
    System.out.println("our launches to our replay of as many: " + text(saved));
    spread(report.putObject("launchesToReplay"), saved);
  }

  private static double[] combine(double[] a, double[] b, DoubleBinaryOperator f) {
    double[] values = new double[a.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = f.applyAsDouble(a[i], b[i]);
    }
    return values;
  }

  private static String text(Spread s) {
    return String.format("%.3f (%.3f to %.3f)", s.median(), s.p10(), s.p90());
  }

  private static void spread(ObjectNode node, Spread s) {
    node.put("median", Spread.round(s.median()));
    node.put("p10", Spread.round(s.p10()));
    node.put("p90", Spread.round(s.p90()));
  }
}
