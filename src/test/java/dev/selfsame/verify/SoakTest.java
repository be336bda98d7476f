package dev.selfsame.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.cuda.CudaContext;
import dev.selfsame.cuda.Softcuda;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The burn-in on softcuda, whose memory can be made to fail. */
class SoakTest {
  private static final int ALLOCATIONS = 16;

  /**
   * Allocations of one size are ranked by address, and each run has new ones: a rank may be another
   * one's in the next run, so all ranks are tried some times over.
   */
  private static final int TRIES = 5 * ALLOCATIONS;

  private final List<String> told = new ArrayList<>();
  private final List<SoakFault> faults = new ArrayList<>();
  private final Map<String, Long> launchesAt = new HashMap<>();
  private CudaContext context;
  private Device.Cuda device;

  @BeforeEach
  void softcudaIsThere() {
    String missing = Softcuda.probe();
    if (missing != null) {
      System.err.println("NOT RUN on softcuda: " + missing);
    }
    Assumptions.assumeTrue(missing == null, missing);
    // One of its own: a device that was lost stays so.
    context = CudaContext.open(Softcuda.driver(), 0);
    device = new Device.Cuda(context, "softcuda");
  }

  @AfterEach
  void reset() {
    if (context != null) {
      context.close();
      Softcuda.controls().reset();
    }
  }

  private Soak.Outcome run(long rounds) {
    told.clear();
    faults.clear();
    long before = Softcuda.controls().launches();
    return Soak.on(device)
        .rounds(rounds)
        .run(
            Duration.ofMinutes(5),
            new Soak.Listener() {
              @Override
              public void at(double seconds, long round, String what) {
                told.add(round + " " + what);
                launchesAt.put(round + " " + what, Softcuda.controls().launches() - before);
              }

              @Override
              public void fault(SoakFault fault) {
                faults.add(fault);
              }
            });
  }

  @Test
  void nothingIsFoundOnASoundDevice() {
    Soak.Outcome o = run(2);
    assertTrue(o.passed(), () -> "" + o.failure() + o.faults());
    assertEquals(2, o.rounds());
    assertEquals(1 << 20, o.memoryBytes());
    assertEquals(9, o.executions().size());
    // Twice to begin with, twice a round.
    assertTrue(o.executions().values().stream().allMatch(n -> n == 6), o.executions()::toString);
    assertTrue(told.containsAll(List.of("0 gemm", "1 gemm", "2 memory")), told::toString);
    assertTrue(o.last().toString().contains("not readable"), o.last().toString());
  }

  @Test
  void anInvertedBitOfFilledMemoryIsFoundWithItsPlace() {
    Softcuda.controls().flipBit(launchesBefore("1 softmax"), 0, 123_456, 17);
    Soak.Outcome o = run(1);
    assertFalse(o.passed());
    assertEquals(1, o.differences());
    SoakFault fault = faults.getFirst();
    assertEquals(List.of(fault), o.faults());
    assertEquals(SoakFault.Kind.MEMORY, fault.kind());
    assertEquals(123_456, fault.index());
    assertEquals(List.of(17), fault.bits());
    assertEquals(1 << 17, fault.xor());
    assertEquals(SoakNotes.word(123_456, 0), fault.expected());
    assertEquals("memory", fault.kernel());
    assertEquals(0, fault.address() % 4);
    assertTrue(fault.toString().contains("word 123456 at 0x"), fault.toString());
    assertTrue(fault.toString().contains("bits [17] (xor 0x00020000)"), fault.toString());
  }

  /** How many launches a run has made when it comes to something: always the same. */
  private long launchesBefore(String point) {
    assertTrue(run(1).passed());
    return launchesAt.get(point);
  }

  @Test
  void aFaultIsTracedToAnInputOrToTheKnownBits() {
    long afterProduct = launchesBefore("1 softmax");
    Set<String> places = new HashSet<>();
    // Among the next largest allocations are the product's (a, b, the known bits and the result)
    // and
    // whatever tests before this one left in the device's pool.
    for (int i = 0; i < TRIES && places.size() < 3; i++) {
      int rank = 1 + i % ALLOCATIONS;
      Softcuda.controls().flipBit(afterProduct, rank, 4321, 9);
      Soak.Outcome o = run(3);
      assertEquals(3, o.rounds());
      for (SoakFault f : o.faults()) {
        if (f.kernel().equals("gemm") && f.kind() != SoakFault.Kind.RESULT) {
          // Found when the product is run again; written anew, so not a second time.
          assertEquals(2, f.round(), f::toString);
          assertEquals(4321, f.index());
          assertEquals(1 << 9, f.xor());
          places.add(f.kind() + " " + f.place());
        }
      }
    }
    assertEquals(Set.of("INPUT a", "INPUT b", "REFERENCE out"), places);
  }

  @Test
  void aWrongResultAloneIsFound() {
    long start = launchesBefore("1 gemm");
    Set<String> places = new HashSet<>();
    // Between the product's launch and the comparison, in each of the product's allocations.
    for (int i = 0; i < TRIES && !places.contains("RESULT gemm out"); i++) {
      int rank = 1 + i % ALLOCATIONS;
      for (int launch = 1; launch <= 2; launch++) {
        Softcuda.controls().flipBit(start + launch, rank, 4321, 9);
        Soak.Outcome o = run(1);
        Softcuda.controls().reset();
        if (o.differences() == 1) {
          SoakFault f = o.faults().getFirst();
          assertEquals(1 << 9, f.xor());
          assertEquals(4321, f.index());
          places.add(f.kind() + " " + f.kernel() + " " + f.place());
        }
      }
    }
    assertTrue(places.contains("RESULT gemm out"), places::toString);
  }

  @Test
  void aLostDeviceEndsIt() {
    Softcuda.controls().failLaunch(launchesBefore("1 softmax"));
    Soak.Outcome o = run(1);
    assertFalse(o.passed());
    assertNotNull(o.failure());
    assertTrue(o.failure().contains("CUDA_ERROR_LAUNCH_FAILED"), o.failure());
    assertEquals(0, o.rounds());
  }

  @Test
  void onlyGpusAreBurnedIn() {
    DeviceException e = assertThrows(DeviceException.class, () -> Soak.on(Device.vector()));
    assertTrue(e.getMessage().contains("a burn-in takes a GPU"), e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Soak.on(device).rounds(0));
  }
}
