package dev.selfsame.cli;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * A device by name, usable or not.
 *
 * @param name as given or as {@code selfsame devices} says it
 * @param label the name with the number of threads, for tables
 * @param device the device, or null
 * @param reason why it is not usable, or null
 */
record Candidate(String name, String label, @Nullable Device device, @Nullable String reason) {
  /** What {@code --device} takes, for help texts. */
  static final String NAMES =
      "scalar, vector, vector:128|256|512, softcuda, softcuda:ascending|descending|shuffled,"
          + " cuda:N";

  static final List<String> SCHEDULES = List.of("ascending", "descending", "shuffled");
  static final List<Integer> WIDTHS = List.of(128, 256, 512);

  private static final Pattern KNOWN =
      Pattern.compile(
          "scalar|vector(:(128|256|512))?|softcuda(:(ascending|descending|shuffled))?"
              + "|cuda(:\\d{1,4})?");

  /** Whether the name is that of a device, usable or not. */
  static boolean isKnown(String name) {
    return KNOWN.matcher(name).matches();
  }

  /** Tries a device. */
  static Candidate of(String name, int threads) {
    try {
      Device device = Device.parse(name, threads);
      return new Candidate(name, label(device), device, null);
    } catch (DeviceException e) {
      return new Candidate(name, name, null, e.getMessage());
    } catch (LinkageError e) {
      String reason =
          name.startsWith("vector")
              ? "the module jdk.incubator.vector is missing; start Java with --add-modules"
                  + " jdk.incubator.vector"
              : e.toString();
      return new Candidate(name, name, null, reason);
    }
  }

  /**
   * The device that an option names.
   *
   * @throws ParameterException if there is no such name
   * @throws Main.Failed if the device is not usable; the message says why
   */
  static Device usable(CommandSpec spec, String name, int threads) {
    if (!isKnown(name)) {
      throw new ParameterException(
          spec.commandLine(), "there is no device '" + name + "'; devices are " + NAMES);
    }
    Candidate candidate = of(name, threads);
    Device device = candidate.device();
    if (device == null) {
      throw new Main.Failed("device " + name + " is not usable: " + candidate.reason());
    }
    return device;
  }

  /** A name with the threads: {@code vector:256×2}. */
  static String label(Device device) {
    return device instanceof Device.Vector v ? v + "×" + v.threads() : device.toString();
  }

  /**
   * Every device but the scalar one: vectors of each width on {@code threads} threads, those of the
   * preferred width on one thread, too; softcuda in three orders; the first GPU.
   */
  static List<Candidate> all(int threads) {
    List<Candidate> all = new ArrayList<>();
    if (threads > 1) {
      all.add(of("vector", 1));
    }
    for (int bits : WIDTHS) {
      all.add(of("vector:" + bits, threads));
    }
    for (String schedule : SCHEDULES) {
      all.add(of("softcuda:" + schedule, threads));
    }
    all.add(of("cuda:0", threads));
    return all;
  }
}
