package dev.selfsame.bench.report;

import com.fasterxml.jackson.core.JacksonException;
import dev.selfsame.bench.RunRecord;
import dev.selfsame.bench.RunRecord.CaseResult;
import dev.selfsame.bench.RunRecord.SuiteResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A record, of one file or of several that go together. Fields that an older program did not write
 * are null, or 0.
 *
 * @param label in tables and legends
 */
record Source(Path file, RunRecord record, String label) {
  /** By the number of threads, of as many the newest last. */
  private static final Comparator<Source> ORDER =
      Comparator.comparingInt((Source s) -> s.threads()).thenComparing(Source::date);

  /** What is wrong with a file that was named. */
  static final class UnusableException extends RuntimeException {
    UnusableException(String message) {
      super(message);
    }
  }

  static Source read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new UnusableException(file + ": there is no such file");
    }
    try {
      RunRecord record = RunRecord.read(file);
      if (!"pair".equals(record.kind())) {
        throw new UnusableException(
            file + ": of kind '" + record.kind() + "'; a report is made of records of kind 'pair'");
      }
      if (record.machine() == null || record.suites() == null || record.suites().isEmpty()) {
        throw new UnusableException(file + ": has no machine or no suites");
      }
      return new Source(file, record, threads(record.threads()));
    } catch (JacksonException e) {
      throw new UnusableException(
          file + ": is no record of scripts/bench pair: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The newest complete record of all suites for each number of threads, and what else there is of
   * the same commit; all of the machine of the newest. Not those with narrower vectors than the
   * machine has.
   */
  static List<Source> newest(Path folder) {
    List<Source> complete = complete(folder);
    var newest = new TreeMap<Integer, Source>();
    Source first = null;
    for (Source source : complete) {
      if (source.record.suites().size() > 5) {
        first = first == null ? source : first;
        if (source.sameMachine(first)) {
          newest.putIfAbsent(source.threads(), source);
        }
      }
    }
    List<Source> all = new ArrayList<>(newest.values());
    for (Source source : complete) {
      List<Source> like =
          all.stream().filter(s -> s.threads() == source.threads() && s.like(source)).toList();
      if (!like.isEmpty() && like.stream().allMatch(s -> s.goesWith(source))) {
        all.add(source);
      }
    }
    return all;
  }

  /** The newest first. */
  private static List<Source> complete(Path folder) {
    List<Source> complete = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
        try {
          Source source = read(file);
          if (source.record.complete() && !source.record.machine().limited()) {
            complete.add(source);
          }
        } catch (UnusableException e) {
          continue; // another kind of file
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    complete.sort(Comparator.comparing(Source::date).reversed());
    return complete;
  }

  /** Rates of two machines can't be compared, so no page has both. */
  static void requireOneMachine(List<Source> records) {
    Source first = records.getFirst();
    for (Source source : records) {
      if (!source.sameMachine(first)) {
        throw new UnusableException(
            "%s is of %s, %s of %s: rates of two machines can't be compared; make a report of each, with --out"
                .formatted(
                    first.file,
                    first.record.machine().cpu(),
                    source.file,
                    source.record.machine().cpu()));
      }
    }
  }

  /** Records that go together as one; those of as many threads that don't, apart by label. */
  static List<Source> columns(List<Source> records) {
    List<Source> columns = new ArrayList<>();
    for (Source source : records) {
      boolean joined = false;
      for (int i = 0; i < columns.size() && !joined; i++) {
        if (columns.get(i).goesWith(source)) {
          columns.set(i, columns.get(i).with(source));
          joined = true;
        }
      }
      if (!joined) {
        columns.add(source);
      }
    }
    List<Source> sorted =
        columns.stream().sorted(Comparator.comparingInt(c -> c.threads())).toList();
    List<Source> byCommit = apart(sorted, c -> "%.7s".formatted(c.record.machine().commit()));
    return apart(apart(byCommit, Source::date), c -> c.file.toString());
  }

  /** Adds to the labels that are not the only ones of their text: pictures need one for each. */
  private static List<Source> apart(List<Source> columns, Function<Source, String> by) {
    return columns.stream()
        .map(c -> {
          boolean only = columns.stream().filter(o -> o.label.equals(c.label)).count() == 1;
          return only ? c : new Source(c.file, c.record, c.label + ", " + by.apply(c));
        })
        .toList();
  }

  /** Whether the other has further suites of the same commit, machine and number of threads. */
  private boolean goesWith(Source other) {
    return threads() == other.threads()
        && like(other)
        && other.record.suites().stream().noneMatch(s -> suite(s.suite()).isPresent());
  }

  private Source with(Source other) {
    List<SuiteResult> suites = new ArrayList<>(record.suites());
    suites.addAll(other.record.suites());
    return new Source(
        file,
        new RunRecord(
            record.kind(),
            record.threads(),
            record.secondsPerCase(),
            record.machine(),
            record.limits() == null ? other.record.limits() : record.limits(),
            suites,
            record.complete() && other.record.complete()),
        label);
  }

  private static String threads(int n) {
    return n == 1 ? "1 thread" : n + " threads";
  }

  int threads() {
    return record.threads();
  }

  /** As the file's name ends: -MACHINE.json. */
  String machineName() {
    return file.getFileName().toString().replaceAll("^.*-|\\.json$", "");
  }

  private String date() {
    return record.machine().date();
  }

  Optional<SuiteResult> suite(String label) {
    return record.suites().stream().filter(s -> s.suite().equals(label)).findFirst();
  }

  Optional<CaseResult> find(String suite, String name) {
    return suite(suite)
        .flatMap(s -> s.cases().stream().filter(c -> c.name().equals(name)).findFirst());
  }

  /** What keeps the record from being evidence, or makes it unlike the first one. */
  List<String> marks(Source first) {
    List<String> marks = new ArrayList<>();
    String commit = record.machine().commit();
    if (commit.endsWith("-dirty")) {
      marks.add("**dirty: no evidence**");
    }
    if (commit.equals("unknown")) {
      marks.add("**commit unknown**");
    }
    if (!record.complete()) {
      marks.add("**incomplete**");
    }
    if (!commit.equals(first.record.machine().commit())) {
      marks.add("**another commit**");
    }
    if (!sameProgram(first)) {
      marks.add("**another JDK or width of vectors**");
    }
    return marks;
  }

  /** Whether rates may be compared: same commit, same machine. */
  boolean like(Source other) {
    return record.machine().commit().equals(other.record.machine().commit())
        && sameMachine(other)
        && sameProgram(other);
  }

  /** Not by cores: a process that is bound to one counts one. */
  private boolean sameMachine(Source other) {
    return record.machine().cpu().equals(other.record.machine().cpu());
  }

  private boolean sameProgram(Source other) {
    var here = record.machine();
    var there = other.record.machine();
    return here.java().equals(there.java()) && here.vectorBits() == there.vectorBits();
  }

  /** Those with a suite, in their order. */
  static List<Source> having(List<Source> sources, String suite) {
    return sources.stream().filter(s -> s.suite(suite).isPresent()).sorted(ORDER).toList();
  }
}
