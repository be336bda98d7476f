package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.selfsame.DeviceException;
import org.junit.jupiter.api.Test;

class DriverTest {
  private static void assertSays(Throwable e, String... words) {
    for (String word : words) {
      assertTrue(e.getMessage().contains(word), () -> "'" + word + "' in: " + e.getMessage());
    }
  }

  @Test
  void missingLibraryIsNamed() {
    CudaException e =
        assertThrows(CudaException.class, () -> Driver.open("libnothere.so.1", false));
    assertSays(e, "no CUDA driver", "libnothere.so.1", Driver.LIBRARY_PROPERTY);
    assertEquals(CudaException.REFUSED, e.result());
    assertTrue(DeviceException.class.isInstance(e));
    assertSays(
        assertThrows(CudaException.class, () -> Driver.open("/nowhere/libsoftcuda.so", true)),
        "softcuda can't be loaded",
        "/nowhere/libsoftcuda.so");
  }

  @Test
  void aLibraryWithoutDriverIsRefused() {
    assumeTrue(System.getProperty("os.name").equals("Linux"));
    assertSays(
        assertThrows(CudaException.class, () -> Driver.open("libc.so.6", false)),
        "libc.so.6 is no CUDA driver",
        "cuDriverGetVersion");
  }

  @Test
  void anOldDriverIsToldFromWhatIsNeeded() {
    Driver.checkVersion("libcuda.so.1", Driver.NEEDED_VERSION);
    assertSays(
        assertThrows(CudaException.class, () -> Driver.checkVersion("libcuda.so.1", 11080)),
        "too old",
        "libcuda.so.1 is for CUDA 11.8",
        "needed is 12.0");
  }

  @Test
  void softcudaIsNotHardware() {
    String path = SoftDevice.driver().library();
    assertSays(
        assertThrows(CudaException.class, () -> Driver.open(path, false)),
        "no CUDA hardware",
        "is softcuda");
  }

  @Test
  void probeSaysWhyOrNothing() {
    String reason = Driver.probe();
    if (reason == null) {
      assertTrue(Driver.hardware().deviceCount() >= 1);
    } else {
      assertTrue(reason.contains("CUDA"), reason);
      CudaException e = assertThrows(CudaException.class, Driver::hardware);
      assertEquals(reason, e.getMessage());
      assertEquals(
          reason, assertThrows(CudaException.class, () -> CudaContext.hardware(0)).getMessage());
    }
  }

  @Test
  void versionsReadAsTheyAreWritten() {
    assertEquals("12.8", Driver.versionText(12080));
    assertEquals("13.0", Driver.versionText(13000));
    assertEquals("11.2", Driver.versionText(11020));
  }

  @Test
  void propertiesOfSoftcuda() {
    Driver driver = SoftDevice.driver();
    assertNull(Softcuda.probe());
    assertTrue(driver.isSoftcuda());
    assertNull(driver.missingKernels());
    assertTrue(driver.version() >= Driver.NEEDED_VERSION);
    DeviceProperties p = driver.properties(0);
    assertTrue(p.name().toLowerCase(java.util.Locale.ROOT).contains("softcuda"), p.name());
    assertTrue(p.uuid().matches("GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), p.uuid());
    assertTrue(p.totalBytes() > 0);
    assertEquals(1024, p.maxThreadsPerBlock());
    assertTrue(p.multiprocessors() >= 1);
    assertFalse(p.maxSharedBytes() < 48 * 1024);
    assertSays(
        assertThrows(CudaException.class, () -> driver.properties(driver.deviceCount())),
        "no CUDA device " + driver.deviceCount());
    assertThrows(CudaException.class, () -> driver.properties(-1));
  }

  @Test
  void schedulesByName() {
    SoftDevice.driver();
    assertSays(
        assertThrows(CudaException.class, () -> CudaContext.softcuda("sideways")),
        "sideways",
        "ascending",
        "shuffled");
  }

  @Test
  void missingCudaKernelsAreSaid() {
    CudaException e = assertThrows(CudaException.class, () -> Modules.stems("none/index.txt"));
    assertSays(e, "CUDA kernels were not built", "nvcc", "native/README.md");
  }
}
