package dev.selfsame.bench.gpu;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * One stage of the check: a child process with a time limit, so that neither a crash of a driver
 * nor a kernel that never ends takes the report away.
 *
 * @param name short, also of its files
 * @param title for the report
 * @param seconds it may take
 * @param command what to run
 * @param environment added to this process's
 * @param json what the command writes, or null
 * @param skip why it can't run here, or empty
 * @param isCheck whether a failure is one of the whole check
 * @param says what a good run prints, beside ending with status 0; may be empty
 */
record Stage(
    String name,
    String title,
    double seconds,
    List<String> command,
    Map<String, String> environment,
    Path json,
    String skip,
    boolean isCheck,
    String says) {

  /** Judged by its exit status alone. */
  Stage(
      String name,
      String title,
      double seconds,
      List<String> command,
      Map<String, String> environment,
      Path json,
      String skip,
      boolean isCheck) {
    this(name, title, seconds, command, environment, json, skip, isCheck, "");
  }

  /** How a stage ended. */
  enum End {
    PASSED,
    FAILED,
    STOPPED,
    NOT_RUN;

    String text() {
      return switch (this) {
        case PASSED -> "passed";
        case FAILED -> "FAILED";
        case STOPPED -> "STOPPED at its time limit";
        case NOT_RUN -> "NOT RUN";
      };
    }
  }

  /**
   * What came of a stage.
   *
   * @param reason why it failed or did not run
   * @param output the end of what it printed
   * @param data what it wrote as JSON, or null
   */
  record Result(
      Stage stage, End end, double seconds, String reason, String output, JsonNode data) {}

  Result notRun(String reason) {
    return new Result(this, End.NOT_RUN, 0, reason, "", null);
  }

  /** Runs it, at most so long; the whole output goes to a file in the folder. */
  Result run(Path folder, double most) {
    if (!skip.isEmpty()) {
      return notRun(skip);
    }
    double limit = Math.min(seconds, most);
    if (limit < 2) {
      return notRun("no time was left");
    }
    long start = System.nanoTime();
    Path log = folder.resolve(name + ".log");
    End end;
    String reason;
    try {
      ProcessBuilder child = new ProcessBuilder(command).redirectErrorStream(true);
      child.environment().putAll(environment);
      Process process = child.redirectOutput(log.toFile()).start();
      process.getOutputStream().close();
      if (process.waitFor((long) (limit * 1000), TimeUnit.MILLISECONDS)) {
        int status = process.exitValue();
        end = status == 0 ? End.PASSED : End.FAILED;
        reason = status == 0 ? "" : "exit status " + status;
        if (status == 0 && !text(log).contains(says)) {
          end = End.FAILED;
          reason = "it did not print '" + says + "'";
        }
      } else {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
        end = End.STOPPED;
        reason = String.format("after %.0f s", limit);
      }
    } catch (IOException e) {
      end = End.NOT_RUN;
      reason = e.getMessage();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    double took = (System.nanoTime() - start) / 1e9;
    return new Result(this, end, took, reason, tail(log), read());
  }

  private JsonNode read() {
    try {
      return json != null && Files.exists(json) ? new ObjectMapper().readTree(json.toFile()) : null;
    } catch (IOException e) {
      return null;
    }
  }

  private static String tail(Path log) {
    List<String> lines = text(log).lines().filter(l -> !l.contains("incubator")).toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 60), lines.size()));
  }

  /** Whatever bytes a tool prints; empty if there are none. */
  private static String text(Path log) {
    try {
      return new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }
}
