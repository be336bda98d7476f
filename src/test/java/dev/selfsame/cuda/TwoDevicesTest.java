package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two devices in one process: softcuda and a copy of its library, which the loader takes for
 * another one. Each has memory, modules and streams of its own; a thread changes between them at
 * every call. (Two devices of one driver: {@link TwoOrdinalsTest}.)
 */
class TwoDevicesTest {
  private static final Kernel FILL = Kernel.of("probe_fill");
  private static final int N = 300;

  @TempDir Path folder;

  private static void fill(CudaContext context, long address, float value) {
    context.launch(FILL).grid(3).block(128).arg(address).arg((long) N).arg(value).run();
  }

  private static void assertFilled(CudaContext context, long address, float value) {
    float[] expected = new float[N];
    Arrays.fill(expected, value);
    float[] actual = new float[N];
    context.copyOut(address, MemorySegment.ofArray(actual));
    assertArrayEquals(expected, actual);
  }

  @Test
  void eachHasItsOwn() throws IOException {
    Driver first = SoftDevice.driver();
    Path copy = Files.copy(SoftcudaLibrary.driver(), folder.resolve("libsoftcuda-second.so"));
    Driver second = Driver.open(copy.toString(), true);
    try (CudaContext a = CudaContext.open(first, 0);
        CudaContext b = CudaContext.open(second, 0);
        Stream streamA = a.newStream();
        Stream streamB = b.newStream()) {
      assertFalse(a.sharesMemoryWith(b));
      long before = first.softcuda().launches();
      long atA = a.allocate(4L * N);
      long atB = b.allocate(4L * N);
      assertNotEquals(atA, atB);
      a.useStream(streamA.handle());
      b.useStream(streamB.handle());
      for (int i = 0; i < 3; i++) {
        fill(a, atA, i);
        fill(b, atB, -i);
        assertFilled(a, atA, i);
        assertFilled(b, atB, -i);
      }
      assertEquals(3, first.softcuda().launches() - before);
      assertEquals(3, second.softcuda().launches());
      assertThrows(CudaException.class, () -> b.free(atA), "memory of the other device");
      assertThrows(
          CudaException.class, () -> b.useStream(streamA.handle()), "a stream of the other device");
      second.softcuda().loseDevice();
      assertThrows(CudaException.class, () -> fill(b, atB, 1));
      fill(a, atA, 9);
      assertFilled(a, atA, 9);
      a.useOwnStream();
      a.free(atA);
    }
  }
}
