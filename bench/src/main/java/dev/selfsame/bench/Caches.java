package dev.selfsame.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The caches of the first core, in bytes; null what the system does not tell.
 *
 * @param l1d first level, data
 * @param l3 third level, which cores may share
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Caches(Long l1d, Long l2, Long l3) {
  private static final Path LINUX = Path.of("/sys/devices/system/cpu/cpu0/cache");

  /** This machine's, or null if none is known. */
  static Caches here() {
    Long[] levels = new Long[4];
    for (int i = 0; Files.isDirectory(LINUX.resolve("index" + i)); i++) {
      Path cache = LINUX.resolve("index" + i);
      String level = text(cache, "level");
      if (level.matches("[1-3]") && !text(cache, "type").equals("Instruction")) {
        levels[Integer.parseInt(level)] = bytes(text(cache, "size"));
      }
    }
    Caches caches = new Caches(levels[1], levels[2], levels[3]);
    return caches.equals(new Caches(null, null, null)) ? null : caches;
  }

  /** As Linux writes them: 48K, or 1M. */
  private static Long bytes(String size) {
    if (!size.matches("[0-9]+[KM]?")) {
      return null;
    }
    int shift = size.endsWith("K") ? 10 : size.endsWith("M") ? 20 : 0;
    return Long.parseLong(size.replaceAll("[KM]", "")) << shift;
  }

  private static String text(Path cache, String name) {
    try {
      return Files.readString(cache.resolve(name)).strip();
    } catch (IOException e) {
      return "";
    }
  }

  /** For tables, as L1d 48 KiB, L2 1024 KiB, L3 32 MiB. */
  @Override
  public String toString() {
    List<String> known = new ArrayList<>();
    add(known, "L1d", l1d);
    add(known, "L2", l2);
    add(known, "L3", l3);
    return String.join(", ", known);
  }

  private static void add(List<String> known, String name, Long bytes) {
    if (bytes != null) {
      boolean large = bytes >= 10 << 20;
      known.add("%s %d %s".formatted(name, bytes >> (large ? 20 : 10), large ? "MiB" : "KiB"));
    }
  }
}
