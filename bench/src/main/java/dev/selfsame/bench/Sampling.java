package dev.selfsame.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordingFile;

/** Samples of the Flight Recorder, by the innermost method of this library. */
final class Sampling {
  private static final String LIBRARY = "dev.selfsame.";
  private static final String BENCH = "dev.selfsame.bench.";
  private static final String EVENT = "jdk.ExecutionSample";

  private Sampling() {}

  /** Warms up, then runs for the given time; how many samples each method has, of all threads. */
  static Map<String, Long> methods(Contender ours, double seconds) {
    Paired.warmUp(ours, seconds);
    try (Recording recording = new Recording()) {
      recording.enable(EVENT).withPeriod(Duration.ofMillis(1));
      recording.start();
      long end = System.nanoTime() + (long) (seconds * 1e9);
      do {
        ours.run().run();
      } while (System.nanoTime() < end);
      recording.stop();
      return counts(recording);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, Long> counts(Recording recording) throws IOException {
    Path file = Files.createTempFile("selfsame-profile", ".jfr");
    try {
      recording.dump(file);
      Map<String, Long> counts = new TreeMap<>();
      for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
        if (event.getEventType().getName().equals(EVENT)) {
          counts.merge(method(event), 1L, Long::sum);
        }
      }
      return counts;
    } finally {
      Files.delete(file);
    }
  }

  /** Of the library's frames the innermost: what it calls of the JDK is its own time. */
  private static String method(RecordedEvent event) {
    if (event.getStackTrace() != null) {
      for (RecordedFrame frame : event.getStackTrace().getFrames()) {
        String type = frame.getMethod().getType().getName();
        if (type.startsWith(LIBRARY) && !type.startsWith(BENCH)) {
          return name(type, frame.getMethod().getName());
        }
      }
    }
    return "outside the library";
  }

  /** {@code OutputTiles.rows12}: without packages, and without the numbers of hidden copies. */
  private static String name(String type, String method) {
    String plain = type.replaceAll("[/.+]0x[0-9a-f]+$", "");
    return plain.substring(plain.lastIndexOf('.') + 1).replace('$', '.') + "." + method;
  }
}
