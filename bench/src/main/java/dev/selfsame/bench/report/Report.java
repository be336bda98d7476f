package dev.selfsame.bench.report;

import dev.selfsame.bench.Limits;
import dev.selfsame.bench.RunRecord.CaseResult;
import dev.selfsame.bench.RunRecord.PeerResult;
import dev.selfsame.bench.RunRecord.SuiteResult;
import dev.selfsame.bench.Spread;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code scripts/bench report}: a page of tables, and pictures, from records. */
@Command(
    name = "report",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Makes REPORT.md, and pictures beside it, from records of scripts/bench pair: rates with"
          + " their",
      "spread, share of the machine's limit, ratios to each peer, geometric means, targets met or",
      "not. Records of one commit with different numbers of threads give the speed-up, too.",
      "All are of one machine. Fields that an old record lacks are shown as –. Exit code 2 if a"
          + " file is",
      "no such record, or of another machine than the first."
    })
public final class Report implements Callable<Integer> {
  @Parameters(
      paramLabel = "FILE",
      arity = "0..*",
      description =
          "records; without any, the newest complete one of each number of threads in"
              + " bench/records, of the machine of the newest")
  List<Path> files = List.of();

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "where to write; bench/records of this checkout by default")
  Path out;

  private Path home = Path.of(""); // where records are

  private Path folder = Path.of(""); // where the page goes

  private List<Source> records = List.of(); // as they are

  private List<Source> sources = List.of(); // a column each

  private Shortfalls shortfalls;

  private final StringBuilder page = new StringBuilder();

  /** Entry point. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    System.setProperty("java.awt.headless", "true");
    System.exit(new CommandLine(new Report()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    home =
        Path.of(System.getProperty("bench.records", "bench/records")).toAbsolutePath().normalize();
    folder = (out == null ? home : out).toAbsolutePath().normalize();
    try {
      records =
          files.isEmpty()
              ? Source.newest(home)
              : files.stream().map(Path::normalize).distinct().map(Source::read).toList();
      if (records.isEmpty()) {
        throw new Source.UnusableException("no complete record of all suites in " + home);
      }
      Source.requireOneMachine(records);
      shortfalls = Shortfalls.in(home, records.getFirst().machineName());
    } catch (Source.UnusableException e) {
      System.err.println("report: " + e.getMessage());
      return 2;
    }
    sources = Source.columns(records);
    List<String> suites = new ArrayList<>(suites());
    records();
    summary(suites);
    resNet50();
    shortfalls(suites);
    limits();
    for (String suite : suites) {
      suite(suite);
    }
    Files.createDirectories(folder);
    Path file = page(folder);
    Files.writeString(file, page.toString());
    System.out.println(file + ", of " + records.getFirst().record().machine().cpu());
    return 0;
  }

  private Set<String> suites() {
    Set<String> suites = new LinkedHashSet<>();
    for (Source source : sources) {
      source.record().suites().forEach(s -> suites.add(s.suite()));
    }
    return suites;
  }

  private void records() throws IOException {
    line("# Benchmark report");
    line("");
    line(
        "Made by `scripts/bench report`. A ratio is the peer's time over ours, as median"
            + " [10th–90th percentile] of pairs measured by turns: above 1, ours is faster."
            + " %s says how it is measured and what the fields are.",
        link("README.md", home.resolve("README.md")));
    line("");
    String others =
        reports().stream()
            .map(r -> link(r.equals(home) ? "newest machine" : "" + r.getFileName(), page(r)))
            .collect(Collectors.joining(", "));
    line(
        "All records are of one machine, %s: rates of two can't be compared.%s",
        records.getFirst().record().machine().cpu(),
        others.isEmpty() ? "" : " Reports of others: " + others + ".");
    line("");
    line("| record | threads | date | commit | machine | load before | |");
    line("|---|---|---|---|---|---|---|");
    for (Source source : records) {
      var m = source.record().machine();
      Path at = source.file().toAbsolutePath().normalize();
      String name = at.getFileName().toString();
      line(
          "| %s | %d | %s | `%s` | %s, %d bits%s; JDK %s; %s | %s | %s |",
          at.startsWith(home) ? link(name, at) : name,
          source.threads(),
          m.date(),
          m.commit(),
          m.cpu(),
          m.vectorBits(),
          m.caches() == null ? "" : ", " + m.caches(),
          m.java(),
          m.peers().replaceAll("OpenBLAS (\\S+).*kernels: (\\S+)", "OpenBLAS $1 ($2)"),
          m.loadAverageBefore(),
          String.join(", ", source.marks(records.getFirst())));
    }
    line("");
  }

  /** Where else there are pages, other machines' presumably. */
  private List<Path> reports() throws IOException {
    try (Stream<Path> beside = Files.list(home)) {
      return Stream.concat(Stream.of(home), beside.sorted())
          .filter(f -> Files.exists(page(f)) && !f.equals(folder))
          .toList();
    }
  }

  private static Path page(Path folder) {
    return folder.resolve("REPORT.md");
  }

  /** From the page to a file, wherever both are. */
  private String link(String text, Path file) {
    return "[%s](%s)".formatted(text, folder.relativize(file));
  }

  private void summary(List<String> suites) {
    line("## Summary");
    line("");
    line("Geometric mean of the cases' median ratios, each to its fastest peer.");
    line("");
    line("| suite | %s | least ratio | rate, more threads over one |", joined(Source::label));
    line("|---|%s---|---|", "---|".repeat(sources.size()));
    for (String suite : suites) {
      String means =
          sources.stream()
              .map(s -> s.suite(suite).map(r -> number(Targets.geometricMean(r))).orElse("–"))
              .collect(Collectors.joining(" | "));
      line("| [%s](#%s) | %s | %s | %s |", suite, suite, means, least(suite), speedUp(suite));
    }
    line("");
    Pictures.summary(folder.resolve("report/summary.png"), suites, sources);
    line("![geometric means of all suites](report/summary.png)");
    line("");
    line("## Targets");
    line("");
    line("| suite | what | wanted | %s |", joined(Source::label));
    line("|---|---|---|%s", "---|".repeat(sources.size()));
    for (Targets.Target t : Targets.ALL) {
      if (suites.contains(t.suite())) {
        line(
            "| %s | %s | ≥ %.2f | %s |",
            t.suite(), t.what(), t.wanted(), joined(source -> judged(t, source)));
      }
    }
    line("");
  }

  /** The network's 53 convolutions, each layer's time as often as it occurs. */
  private void resNet50() {
    List<String> rows = new ArrayList<>();
    for (String suite : suites()) {
      for (int n : new int[] {1, 8}) {
        for (Source source : suite.startsWith("conv2d") ? sources : List.<Source>of()) {
          ResNet50Times t = ResNet50Times.of(source, suite, n);
          if (t.complete()) {
            rows.add(
                "| %s | %d | %s | %.1f | %.1f | %.2f |"
                    .formatted(
                        suite, n, source.label(), t.ours(), t.peers(), t.peers() / t.ours()));
          }
        }
      }
    }
    if (!rows.isEmpty()) {
      line("## All 53 convolutions of ResNet-50");
      line("");
      line("Sums of the layers' median times; of the peers, the fastest for each layer.");
      line("");
      line("| pass | images | | ours, ms | fastest peers, ms | ratio |");
      line("|---|---|---|---|---|---|");
      rows.forEach(this::line);
      line("");
    }
  }

  private void shortfalls(List<String> suites) {
    List<Shortfalls.Slower> slower = Shortfalls.slower(suites, sources);
    Collection<Shortfalls.Group> groups = shortfalls.groups(slower);
    Path list = shortfalls.file();
    line("## Where ours is slower, and what limits it");
    line("");
    line(
        "All cases with a median ratio below 1.00 to the fastest peer. The reasons come from"
            + " profiles, machine code and counts of operations on this machine; %s has them at"
            + " length, and %s is their list. %d without one.",
        link("NOTES.md", home.resolve("NOTES.md")),
        Files.exists(list) ? link("" + list.getFileName(), list) : "" + list.getFileName(),
        Shortfalls.unexplained(groups));
    line("");
    line("| suite | what limits it | cases, ratio |");
    line("|---|---|---|");
    for (Shortfalls.Group group : groups) {
      line("| %s | %s | %s |", group.suite(), group.reason(), group.casesText());
    }
    line("");
    profiles(slower);
  }

  private void profiles(List<Shortfalls.Slower> slower) {
    Profiles profiles = Profiles.in(home, records.getFirst().machineName());
    if (profiles.entries().isEmpty()) {
      return;
    }
    line("### Where their time goes");
    line("");
    line(
        "Shares of our methods in these cases, alone and warm: %s. A product's rate over its tile's"
            + " share is the tile's own rate.",
        profiles.entries().stream()
            .map(e -> link("" + e.file().getFileName(), e.file()))
            .collect(Collectors.joining(", ")));
    line("");
    line("| suite | case | | ratio | of the limit | methods |");
    line("|---|---|---|---|---|---|");
    for (Shortfalls.Slower s : slower) {
      line(
          "| %s | %s | %s | %.2f | %s | %s |",
          s.suite(),
          s.name(),
          s.column().label(),
          s.ratio(),
          limit(s.result()),
          profiles.of(s.suite(), s.name(), s.column().threads()).orElse("–"));
    }
    line("");
  }

  private String least(String suite) {
    double least = Double.POSITIVE_INFINITY;
    String where = "–";
    for (Source source : sources) {
      for (CaseResult c : source.suite(suite).map(SuiteResult::cases).orElse(List.of())) {
        if (c.worstRatio() < least) {
          least = c.worstRatio();
          where = "%.2f: %s, %s".formatted(least, c.name(), source.label());
        }
      }
    }
    return where;
  }

  /** Geometric mean of the cases' speed-ups, for the newest record with the most threads. */
  private String speedUp(String suite) {
    Source most = Source.having(records, suite).getLast();
    Optional<Source> single = single(suite, most);
    if (single.isEmpty()) {
      return "–";
    }
    double mean =
        most.suite(suite).orElseThrow().cases().stream()
            .flatMap(c -> overSingle(suite, c, single.get()).stream())
            .mapToDouble(Math::log)
            .average()
            .orElse(Double.NaN);
    return number(Math.exp(mean));
  }

  /** The newest record of one thread whose rates may be compared. */
  private Optional<Source> single(String suite, Source source) {
    return source.threads() == 1
        ? Optional.empty()
        : Source.having(records, suite).stream()
            .filter(s -> s.threads() == 1 && s.like(source))
            .reduce((older, newer) -> newer);
  }

  private static Optional<Double> overSingle(String suite, CaseResult c, Source single) {
    return single.find(suite, c.name()).map(one -> c.ours().median() / one.ours().median());
  }

  private static String judged(Targets.Target t, Source source) {
    Optional<SuiteResult> suite = source.suite(t.suite());
    double value = suite.isEmpty() ? Double.NaN : t.value().applyAsDouble(suite.get());
    if (Double.isNaN(value)) {
      return "–";
    }
    return "%.2f %s".formatted(value, value >= t.wanted() ? "met" : "**not met**");
  }

  private void limits() {
    List<Source> measured = sources.stream().filter(s -> s.record().limits() != null).toList();
    if (measured.isEmpty()) {
      return;
    }
    line("## Limits of the machine");
    line("");
    line(
        "Measured in the same runs with bare loops in the Vector API. A case's limit is the FMA"
            + " peak or what the bandwidth for its bytes can feed, whichever is lower: triad (two"
            + " read, one written) for most, for AdamW a loop with its four reads and three writes,"
            + " for sums one read. \"Bare loop by turns\" is that loop over the memory of the case,"
            + " in the same rounds.");
    line("");
    for (Source source : measured) {
      Limits l = source.record().limits();
      List<Double> sizes = l.bandwidth().stream().map(Limits.Bandwidth::bytes).distinct().toList();
      line("%s: %.0f GFLOP/s; GB/s for data of", source.label(), l.fmaGflops());
      line("");
      line("| | %s |", sizes.stream().map(Report::bytes).collect(Collectors.joining(" | ")));
      line("|---|%s", "---|".repeat(sizes.size()));
      for (Limits.Loop loop : Limits.Loop.values()) {
        line(
            "| %s | %s |",
            loop.name().toLowerCase(Locale.ROOT),
            sizes.stream()
                .map(b -> "%.1f".formatted(l.bandwidth(loop, b)))
                .collect(Collectors.joining(" | ")));
      }
      line("");
      String picture =
          "report/roofline-%s.png".formatted(source.label().replaceAll("[^a-z0-9]+", "-"));
      Pictures.roofline(folder.resolve(picture), source);
      line("![roofline, %s](%s)", source.label(), picture);
      line("");
    }
  }

  private void suite(String suite) {
    line("## %s", suite);
    line("");
    List<Source> having = Source.having(sources, suite);
    String picture = "report/%s.png".formatted(suite);
    Pictures.ratios(folder.resolve(picture), suite, having);
    line("![ratios of %s](%s)", suite, picture);
    line("");
    for (Source source : having) {
      table(suite, source);
    }
  }

  private void table(String suite, Source source) {
    SuiteResult result = source.suite(suite).orElseThrow();
    Set<String> peers = new LinkedHashSet<>();
    result.cases().forEach(c -> c.theirs().forEach(p -> peers.add(p.name())));
    Optional<Source> single = single(suite, source);
    String unit = result.cases().getFirst().unit();
    line("%s; %s", source.label(), unit);
    line("");
    line(
        "| case | ours | of the limit | heap B a run | %s%s |",
        peers.stream().map(p -> "to " + p).collect(Collectors.joining(" | ")),
        single.isPresent() ? " | over 1 thread" : "");
    line("|---|---|---|---|%s%s", "---|".repeat(peers.size()), single.isPresent() ? "---|" : "");
    for (CaseResult c : result.cases()) {
      String ratios = peers.stream().map(p -> ratio(c, p)).collect(Collectors.joining(" | "));
      String speedUp =
          single
              .map(s -> " | " + overSingle(suite, c, s).map(Report::number).orElse("–"))
              .orElse("");
      line(
          "| %s | %s | %s | %s | %s%s |",
          c.name(),
          spread(c.ours(), "%.1f"),
          limit(c),
          c.allocated() == null ? "–" : c.allocated().toString(),
          ratios,
          speedUp);
    }
    line("");
  }

  private static String limit(CaseResult c) {
    return c.limit() > 0
        ? "%.0f %% %s".formatted(100 * c.ours().median() / c.limit(), c.limitedBy())
        : "–";
  }

  private static String ratio(CaseResult c, String peer) {
    return c.theirs().stream()
        .filter(p -> p.name().equals(peer))
        .map(PeerResult::ratio)
        .findFirst()
        .map(r -> spread(r, "%.2f"))
        .orElse("");
  }

  private static String spread(Spread s, String format) {
    String all = format + " [" + format + "–" + format + "]";
    return all.formatted(s.median(), s.p10(), s.p90());
  }

  private String joined(java.util.function.Function<Source, String> cell) {
    return sources.stream().map(cell).collect(Collectors.joining(" | "));
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "–" : "%.2f".formatted(value);
  }

  private static String bytes(double bytes) {
    return bytes < 1 << 20
        ? "%.0f KiB".formatted(bytes / 1024)
        : "%.0f MiB".formatted(bytes / (1 << 20));
  }

  private void line(String format, Object... values) {
    page.append(values.length == 0 ? format : format.formatted(values)).append('\n');
  }
}
