package dev.selfsame.bench.report;

import dev.selfsame.bench.ProfileRecord;
import dev.selfsame.bench.ProfileRecord.CaseProfile;
import dev.selfsame.bench.ProfileRecord.MethodShare;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The records of {@code scripts/bench profile} of one machine, the newest first. */
record Profiles(List<Profiles.Entry> entries) {
  /** Methods with less are not worth a place in a table. */
  private static final double LEAST_SHARE = 0.04;

  record Entry(Path file, ProfileRecord record) {}

  /** The whole records of a folder whose names end in the machine's. */
  static Profiles in(Path folder, String machine) {
    List<Entry> entries = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file :
          files.filter(f -> f.toString().endsWith("-" + machine + ".json")).sorted().toList()) {
        ProfileRecord.read(file)
            .filter(ProfileRecord::complete)
            .ifPresent(record -> entries.add(new Entry(file, record)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    entries.sort(Comparator.comparing((Entry e) -> e.record.machine().date()).reversed());
    return new Profiles(entries);
  }

  /** The newest profile of a case with so many threads, as text. */
  Optional<String> of(String suite, String name, int threads) {
    return entries.stream()
        .filter(e -> e.record.threads() == threads)
        .flatMap(e -> e.record.suites().stream())
        .filter(s -> s.suite().equals(suite))
        .flatMap(s -> s.cases().stream())
        .filter(c -> c.name().equals(name))
        .findFirst()
        .map(Profiles::text);
  }

  private static String text(CaseProfile c) {
    return c.methods().stream()
        .filter(m -> m.share() >= LEAST_SHARE)
        .map(MethodShare::text)
        .collect(Collectors.joining(", "));
  }
}
