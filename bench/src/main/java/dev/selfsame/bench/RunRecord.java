package dev.selfsame.bench;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What one run of the paired benchmark leaves behind; bench/records/README.md says how to read it.
 *
 * @param limits of the machine, measured before the first suite and after the last
 * @param complete false if the run was cut short
 */
public record RunRecord(
    String kind,
    int threads,
    double secondsPerCase,
    Machine machine,
    Limits limits,
    List<SuiteResult> suites,
    boolean complete) {

  /**
   * One suite's cases.
   *
   * @param ratioToBestPeer geometric mean over the cases of the median ratio to the fastest peer
   */
  public record SuiteResult(String suite, List<CaseResult> cases, double ratioToBestPeer) {}

  /**
   * One case: rates of all, ratios of theirs to ours.
   *
   * @param flops of one run, 0 where they are not counted
   * @param bytes of one run, at least
   * @param limit what the machine could do at most, in {@code unit}
   * @param limitedBy what sets it
   * @param allocated bytes on the Java heap for one run of ours
   */
  public record CaseResult(
      String name,
      String unit,
      double flops,
      double bytes,
      int rounds,
      Spread ours,
      double limit,
      String limitedBy,
      Long allocated,
      List<PeerResult> theirs,
      List<Agreement> agreement) {
    CaseResult withLimit(Limits.Limit l) {
      return new CaseResult(
          name, unit, flops, bytes, rounds, ours, l.value(), l.by(), allocated, theirs, agreement);
    }

    /** The fastest peer's time over ours, the median. */
    public double worstRatio() {
      return theirs.stream().mapToDouble(p -> p.ratio().median()).min().orElse(Double.NaN);
    }
  }

  /** One peer: its rate, and its time over ours (above 1, ours is faster). */
  public record PeerResult(String name, Spread rate, Spread ratio) {}

  /** Fields that this program does not know are passed over; those that the file lacks are null. */
  public static RunRecord read(Path file) throws IOException {
    return read(file, RunRecord.class);
  }

  static <T> T read(Path file, Class<T> type) throws IOException {
    return new ObjectMapper()
        .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false)
        .readValue(file.toFile(), type);
  }

  void write(Path file) {
    write(file, this);
  }

  /** Any record, as text that people can read, too. */
  static void write(Path file, Object record) {
    try {
      Path parent = file.toAbsolutePath().getParent();
      Files.createDirectories(parent);
      ObjectMapper json = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
      Files.writeString(file, json.writeValueAsString(record) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
