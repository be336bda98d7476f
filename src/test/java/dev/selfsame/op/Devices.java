package dev.selfsame.op;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.cpu.Lanes;
import java.util.ArrayList;
import java.util.List;

/** The devices that an op's bits are compared on, against the scalar definition as control. */
public final class Devices {
  private static final boolean REQUIRE_SOFTCUDA = required("softcuda");
  private static final boolean REQUIRE_CUDA = required("cuda");
  private static final List<Device> TESTED = find();

  private Devices() {}

  /**
   * Every usable device other than the control: vector widths × threads, softcuda schedules, GPUs;
   * or, by {@code -Dselfsame.devices=cuda:0,…}, those named.
   */
  public static List<Device> tested() {
    return TESTED;
  }

  /** One of each kind, for whole models: narrow vectors, softcuda in a shuffled order, GPUs. */
  public static List<Device> oneOfEachKind() {
    return TESTED.stream()
        .filter(d ->
            switch (d) {
              case Device.Scalar s -> false;
              case Device.Vector v -> v.bits() == 128 && v.threads() == 3;
              case Device.Cuda c -> !c.toString().matches("softcuda(:ascending|:descending)?");
            })
        .toList();
  }

  /** The control. */
  public static Device control() {
    return Device.scalar();
  }

  private static List<Device> find() {
    List<Device> found = new ArrayList<>();
    String chosen = System.getProperty("selfsame.devices", "");
    if (!chosen.isEmpty()) {
      for (String name : chosen.split(",")) {
        found.add(Device.parse(name, 3));
      }
      return List.copyOf(found);
    }
    for (int bits : Lanes.WIDTHS) {
      if (Lanes.supports(bits)) {
        found.add(Device.vector(bits, 1));
        found.add(Device.vector(bits, 3));
      } else {
        notRun("vector:" + bits, "this machine's vectors have " + Lanes.preferredBits() + " bits");
      }
    }
    for (String schedule : List.of("ascending", "descending", "shuffled")) {
      try {
        found.add(Device.softcuda(schedule));
      } catch (DeviceException e) {
        absent("softcuda:" + schedule, e, REQUIRE_SOFTCUDA);
      }
    }
    try {
      found.add(Device.cuda(0));
    } catch (DeviceException e) {
      absent("cuda:0", e, REQUIRE_CUDA);
    }
    return List.copyOf(found);
  }

  private static boolean required(String device) {
    return List.of(System.getProperty("selfsame.require", "").split(",")).contains(device);
  }

  private static void absent(String device, DeviceException why, boolean required) {
    if (required) {
      throw new AssertionError("-Dselfsame.require asks for " + device, why);
    }
    notRun(device, why.getMessage());
  }

  private static void notRun(String device, String why) {
    System.err.println("NOT RUN on " + device + ": " + why);
  }
}
