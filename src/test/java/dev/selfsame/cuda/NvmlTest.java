package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Temperature and clocks, read from a stand-in for NVIDIA's library. */
class NvmlTest {
  private static final String STAND_IN =
      """
      #include <cstring>
      extern "C" int nvmlInit_v2() { return 0; }
      extern "C" int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
        *device = reinterpret_cast<void*>(0x1234);
        return std::strncmp(uuid, "GPU-736f6674", 12) == 0 ? 0 : 6;
      }
      extern "C" int nvmlDeviceGetTemperature(void* device, int sensor, unsigned* celsius) {
        *celsius = 61;
        return device == reinterpret_cast<void*>(0x1234) && sensor == 0 ? 0 : 2;
      }
      extern "C" int nvmlDeviceGetClockInfo(void*, int type, unsigned* megahertz) {
        *megahertz = type == 1 ? 1980 : 2619;
        return type == 1 || type == 2 ? 0 : 2;
      }
      extern "C" int nvmlDeviceGetPowerUsage(void*, unsigned*) { return 3; }
      extern "C" int nvmlDeviceGetTotalEccErrors(void*, int kind, int counter, unsigned long long* n) {
        *n = 5;
        return kind == 1 && counter == 0 ? 0 : 2;
      }
      """;

  @TempDir Path folder;

  @AfterEach
  void clear() {
    System.clearProperty(Nvml.LIBRARY_PROPERTY);
  }

  @Test
  void readsWhatTheLibraryTellsAndLeavesOutWhatItDoesNot() throws Exception {
    System.setProperty(Nvml.LIBRARY_PROPERTY, build().toString());
    try (CudaContext context = SoftDevice.open()) {
      Nvml.Reading r = Nvml.of(context).read();
      assertEquals(OptionalInt.of(61), r.celsius());
      assertEquals(OptionalInt.of(1980), r.smMegahertz());
      assertEquals(OptionalInt.of(2619), r.memoryMegahertz());
      assertEquals(OptionalInt.empty(), r.milliwatts()); // not supported
      assertEquals(OptionalLong.empty(), r.throttle()); // no such function
      assertEquals(OptionalLong.of(5), r.eccErrors());
      assertEquals("61 °C, SM 1980 MHz, memory 2619 MHz, 5 uncorrected ECC errors", r.toString());
    }
  }

  private Path build() throws IOException, InterruptedException {
    Path source = Files.writeString(folder.resolve("nvml.cpp"), STAND_IN);
    Path library = folder.resolve("libnvml.so");
    try {
      Process compiler =
          new ProcessBuilder("g++", "-shared", "-fPIC", source.toString(), "-o", library.toString())
              .inheritIO()
              .start();
      assertEquals(0, compiler.waitFor());
    } catch (IOException e) {
      System.err.println("NOT RUN: g++ is absent: " + e.getMessage());
      assumeTrue(false);
    }
    return library;
  }

  @Test
  void withoutTheLibraryItSaysSo() {
    try (CudaContext context = SoftDevice.open()) {
      assertTrue(Nvml.of(context).read().toString().contains("softcuda is no hardware"));
      System.setProperty(Nvml.LIBRARY_PROPERTY, "/nowhere/libnvidia-ml.so.1");
      String text = Nvml.of(context).read().toString();
      assertEquals(
          "temperature and clocks not readable (the library /nowhere/libnvidia-ml.so.1 can't be"
              + " loaded)",
          text);
    }
  }
}
