package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * JCuda's driver binding and ours in one process, on one device: in a JVM of its own, in which the
 * loader finds softcuda as libcuda.so.1.
 */
class JCudaTest {
  @TempDir Path folder;

  @Test
  void sharesContextMemoryAndStreams() throws Exception {
    assumeTrue(System.getProperty("os.arch").equals("amd64"));
    Path link = folder.resolve("libcuda.so.1");
    Files.createSymbolicLink(link, Path.of(SoftDevice.driver().library()));
    ProcessBuilder child =
        new ProcessBuilder(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-D" + SoftcudaLibrary.PROPERTY + "=" + SoftDevice.driver().library(),
                "-Djava.io.tmpdir=" + folder,
                "-cp",
                classPath(),
                Child.class.getName()));
    child.environment().put("LD_LIBRARY_PATH", folder.toString());
    Path output = folder.resolve("output.txt");
    int exit = child.redirectErrorStream(true).redirectOutput(output.toFile()).start().waitFor();
    Files.delete(link);
    String text = Files.readString(output, StandardCharsets.UTF_8);
    assertEquals(0, exit, text);
    assertEquals("good", text.strip().lines().reduce("", (a, b) -> b), text);
  }

  /** The class path of this JVM; under Surefire, the module path as well. */
  private static String classPath() {
    return String.join(
        File.pathSeparator,
        location(JCudaTest.class),
        location(Driver.class),
        location(JCudaDriver.class),
        System.getProperty("surefire.real.class.path", System.getProperty("java.class.path")),
        System.getProperty("jdk.module.path", ""));
  }

  private static String location(Class<?> type) {
    return new File(type.getProtectionDomain().getCodeSource().getLocation().getPath()).toString();
  }

  /** The child's program. */
  static final class Child {
    public static void main(String[] args) {
      JCudaDriver.setExceptionsEnabled(true);
      JCudaDriver.cuInit(0);
      CUdevice device = new CUdevice();
      JCudaDriver.cuDeviceGet(device, 0);
      CUcontext primary = new CUcontext();
      JCudaDriver.cuDevicePrimaryCtxRetain(primary, device);
      JCudaDriver.cuCtxSetCurrent(primary);
      try (CudaContext ours = CudaContext.open(Softcuda.driver(), 0)) {
        // Their memory and stream, our kernel.
        CUstream stream = new CUstream();
        JCudaDriver.cuStreamCreate(stream, 1);
        ours.useStream(new Handle(stream).value());
        CUdeviceptr theirs = new CUdeviceptr();
        JCudaDriver.cuMemAlloc(theirs, 40);
        long address = new Handle(theirs).value();
        ours.launch(Kernel.of("probe_fill")).block(32).arg(address).arg(10L).arg(2.5f).run();
        JCudaDriver.cuStreamSynchronize(stream);
        float[] values = new float[10];
        JCudaDriver.cuMemcpyDtoH(Pointer.to(values), theirs, 40);
        check(values, 2.5f);
        // Our memory, their copy.
        long mine = ours.allocate(40);
        Arrays.fill(values, -1f);
        JCudaDriver.cuMemcpyHtoD(new CUdeviceptr().withByteOffset(mine), Pointer.to(values), 40);
        float[] back = new float[10];
        ours.copyOut(mine, MemorySegment.ofArray(back));
        check(back, -1f);
        ours.useOwnStream();
        JCudaDriver.cuStreamDestroy(stream);
        JCudaDriver.cuMemFree(theirs);
      }
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
      System.out.println("good");
    }

    private static void check(float[] values, float expected) {
      for (float v : values) {
        if (v != expected) {
          throw new AssertionError(Arrays.toString(values) + ", expected " + expected);
        }
      }
    }
  }

  /** Reads the handle, or the address without offset, that a JCuda object holds. */
  private static final class Handle extends NativePointerObject {
    Handle(NativePointerObject of) {
      super(of);
    }

    long value() {
      return getNativePointer();
    }
  }
}
