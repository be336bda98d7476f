package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Scope;
import dev.selfsame.Tensor;
import dev.selfsame.op.Gemm;
import dev.selfsame.verify.Bits;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two devices of one driver, as two cards in a machine: a copy of softcuda's library that is told
 * to be two. Each has a context, memory, streams and modules of its own; tensors of the one are
 * refused by the other.
 */
class TwoOrdinalsTest {
  @TempDir static Path folder;

  private static Driver driver;
  private static CudaContext first;
  private static CudaContext second;

  @BeforeAll
  static void open() throws IOException {
    SoftDevice.driver(); // aborts where softcuda was not built
    Path copy = Files.copy(SoftcudaLibrary.driver(), folder.resolve("libsoftcuda-two.so"));
    SymbolLookup library = SymbolLookup.libraryLookup(copy, Arena.global());
    Abi.call(library.find("softcudaSetDevices").orElseThrow(), 2);
    driver = Driver.open(copy.toString(), true);
    first = CudaContext.open(driver, 0);
    second = CudaContext.open(driver, 1);
  }

  @AfterAll
  static void close() {
    if (first != null) {
      first.close();
      second.close();
      assertEquals(0, driver.softcuda().liveBytes());
    }
  }

  private static Device device(CudaContext context) {
    return new Device.Cuda(context, "softcuda#" + context.properties().ordinal());
  }

  private static Tensor product(Scope scope, Device device) {
    float[] values = new float[33 * 33];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * 37 % 101) / 7f - 6;
    }
    Tensor a = Tensor.of(scope, device, values, 33, 33);
    Tensor out = Tensor.empty(scope, device, 33, 33);
    Gemm.gemm(a, a, out);
    return out;
  }

  @Test
  void theyAreTwo() {
    assertEquals(2, driver.deviceCount());
    assertEquals(0, first.properties().ordinal());
    assertEquals(1, second.properties().ordinal());
    assertNotEquals(first.properties().uuid(), second.properties().uuid());
    assertFalse(first.sharesMemoryWith(second));
    CudaException e = assertThrows(CudaException.class, () -> CudaContext.open(driver, 2));
    assertTrue(e.getMessage().contains("there is no CUDA device 2"), e.getMessage());
  }

  @Test
  void eachComputesTheSameBitsInItsOwnMemory() {
    try (Scope scope = Scope.open()) {
      long before = second.liveBytes();
      Tensor one = product(scope, device(first));
      assertEquals(before, second.liveBytes());
      Tensor two = product(scope, device(second));
      assertTrue(second.liveBytes() > before);
      assertNotEquals(one.address(), two.address());
      Bits.assertSame("product", one.toFloatArray(), two.toFloatArray());
      // By turns from one thread, and from one card to the other by way of the host.
      one.fill(3f);
      two.copyFrom(one);
      one.fill(4f);
      assertEquals(3f, two.toFloatArray()[0]);
      assertEquals(4f, one.toFloatArray()[0]);
    }
  }

  @Test
  void tensorsOfTheOtherAreRefused() {
    try (Scope scope = Scope.open()) {
      Tensor a = Tensor.zeros(scope, device(first), 4, 4);
      Tensor b = Tensor.zeros(scope, device(second), 4, 4);
      Tensor out = Tensor.zeros(scope, device(first), 4, 4).fill(5f);
      DeviceException e = assertThrows(DeviceException.class, () -> Gemm.gemm(a, b, out));
      assertTrue(e.getMessage().contains("softcuda#1"), e.getMessage());
      assertTrue(e.getMessage().contains("softcuda#0"), e.getMessage());
      assertEquals(5f, out.toFloatArray()[0], "nothing was written");
    }
  }

  @Test
  void addressesAndStreamsOfTheOtherAreRefused() {
    long atFirst = first.allocate(64);
    try (Stream stream = first.newStream()) {
      CudaException e = assertThrows(CudaException.class, () -> second.free(atFirst));
      assertTrue(e.getMessage().contains("no live allocation of this context"), e.getMessage());
      assertThrows(CudaException.class, () -> second.useStream(stream.handle()));
      long own = second.stream();
      float[] values = new float[16];
      assertThrows(
          CudaException.class, () -> second.copyOut(atFirst, MemorySegment.ofArray(values)));
      assertEquals(own, second.stream());
      assertNull(second.lostBecause());
    }
    first.free(atFirst);
  }

  @Test
  void aGraphIsReplayedOnItsOwn() {
    long atFirst = first.allocate(16);
    long atSecond = second.allocate(16);
    first.fill32(atFirst, 0, 4);
    second.fill32(atSecond, 0, 4);
    int[] words = new int[4];
    try (CudaGraph graph = second.capture(() -> second.fill32(atSecond, 7, 4))) {
      first.fill32(atFirst, 1, 4); // the other one is not being captured
      graph.launch();
    }
    second.copyOut(atSecond, MemorySegment.ofArray(words));
    assertArrayEquals(new int[] {7, 7, 7, 7}, words);
    first.copyOut(atFirst, MemorySegment.ofArray(words));
    assertArrayEquals(new int[] {1, 1, 1, 1}, words);
    first.free(atFirst);
    second.free(atSecond);
  }

  @Test
  void theLossOfOneIsNotTheOthers() {
    long atFirst = first.allocate(16);
    CudaContext lost = CudaContext.open(driver, 1);
    long atLost = lost.allocate(16);
    driver.softcuda().loseDevice(); // of the context that is current: the second device
    assertThrows(CudaException.class, () -> lost.fill32(atLost, 1, 4));
    first.fill32(atFirst, 9, 4);
    int[] words = new int[4];
    first.copyOut(atFirst, MemorySegment.ofArray(words));
    assertArrayEquals(new int[] {9, 9, 9, 9}, words);
    driver.softcuda().reset();
    lost.close();
    first.free(atFirst);
  }
}
