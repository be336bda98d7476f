package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.verify.Bits;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;

/** Cases without a peer: checked against the scalar definition, bit by bit. */
final class ScalarChecked {
  private ScalarChecked() {}

  /** Work on one device's memory, and the float result it leaves there. */
  record Prepared(Runnable run, MemorySegment result) {}

  /**
   * A case on a device, and its like on the scalar device for the check.
   *
   * @param prepare makes the same inputs each time
   */
  static BenchCase build(
      String name, Rate rate, double work, Device device, Function<CaseMemory, Prepared> prepare) {
    var memory = new CaseMemory(device);
    Prepared ours = prepare.apply(memory);
    return new BenchCase(
        name,
        rate,
        rate == Rate.GFLOPS ? new Work(work, 0) : Work.bytes(work),
        new Contender("selfsame", ours.run()),
        List.of(),
        control -> {
          var scalar = new CaseMemory(Device.scalar());
          try {
            Prepared definition = prepare.apply(scalar);
            definition.run().run();
            ours.run().run();
            if (control) {
              Inputs.change(ours.result());
            }
            return List.of(same(definition.result(), ours.result()));
          } finally {
            scalar.run();
          }
        },
        memory);
  }

  private static Agreement same(MemorySegment expected, MemorySegment actual) {
    return Agreement.of(
        "ours and the scalar definition",
        expected.byteSize() / Float.BYTES,
        i ->
            Bits.same(expected.getAtIndex(JAVA_FLOAT, i), actual.getAtIndex(JAVA_FLOAT, i)) ? 0 : 1,
        i -> 0,
        i -> 0);
  }
}
