package dev.selfsame.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.selfsame.bench.peers.OpenBlasPeer;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.cpu.Lanes;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where, when and with what a measurement was taken: the head of every record. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Machine(
    String date,
    String commit,
    String command,
    String cpu,
    int cores,
    String instructionSets,
    int vectorBits,
    Caches caches,
    String memory,
    String kernel,
    String java,
    String jvmArguments,
    String libtorch,
    String openblas,
    String nd4j,
    String loadAverageBefore) {

  /** The peers of the paired benchmark. */
  public String peers() {
    return nd4j == null ? "libtorch %s; %s".formatted(libtorch, openblas) : "ND4J " + nd4j;
  }

  /** Commit and command come from scripts/bench, through system properties. */
  public static Machine here() {
    return of(torchVersion(), OpenBlasPeer.describe(), null);
  }

  /** A process with ND4J instead of the others. */
  static Machine withNd4j(String description) {
    return of(null, null, description);
  }

  private static Machine of(String libtorch, String openblas, String nd4j) {
    String runtime =
        "%s %s"
            .formatted(
                System.getProperty("java.vendor.version", System.getProperty("java.vm.name")),
                System.getProperty("java.runtime.version"));
    return new Machine(
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
        System.getProperty("bench.commit", "unknown"),
        System.getProperty("bench.command", "unknown"),
        match("/proc/cpuinfo", "model name\\s*: (.*)") + ", " + cpuNumbers(),
        Runtime.getRuntime().availableProcessors(),
        match("/proc/cpuinfo", "flags\\s*:.*?\\b(avx512f)\\b").equals("avx512f")
            ? "AVX-512"
            : match("/proc/cpuinfo", "flags\\s*:.*?\\b(avx2)\\b"),
        Lanes.preferredBits(),
        Caches.here(),
        match("/proc/meminfo", "MemTotal:\\s*(.*)"),
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        runtime,
        String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()),
        libtorch,
        openblas,
        nd4j,
        match("/proc/loadavg", "(\\S+ \\S+ \\S+)"));
  }

  private static String cpuNumbers() {
    return "family %s model %s stepping %s"
        .formatted(
            match("/proc/cpuinfo", "cpu family\\s*: (.*)"),
            match("/proc/cpuinfo", "model\\s*: (.*)"),
            match("/proc/cpuinfo", "stepping\\s*: (.*)"));
  }

  private static String torchVersion() {
    String all = TorchPeer.describe();
    return "%s, %s, ATen %s"
        .formatted(
            find("TORCH_VERSION=([^,;]*)", all),
            find("MKL-DNN v([\\d.]+)", all).isEmpty()
                ? "no oneDNN"
                : "oneDNN " + find("MKL-DNN v([\\d.]+)", all) + oneDnnLimit(),
            TorchPeer.capability());
  }

  /** What oneDNN was told to use at most; it has no way to ask that libtorch exports. */
  private static String oneDnnLimit() {
    String limit = System.getenv("ONEDNN_MAX_CPU_ISA");
    return limit == null ? "" : " with " + limit + " at most";
  }

  /** Whether vectors were kept narrower than the processor's. */
  public boolean limited() {
    return "AVX-512".equals(instructionSets) && vectorBits < 512;
  }

  private static String match(String file, String pattern) {
    try {
      return find(pattern, Files.readString(Path.of(file)));
    } catch (IOException e) {
      return "";
    }
  }

  private static String find(String pattern, String text) {
    Matcher m = Pattern.compile(pattern).matcher(text);
    return m.find() ? m.group(1).strip() : "";
  }
}
