package dev.selfsame.verify;

import dev.selfsame.cuda.Nvml;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A word whose bits are not the known ones.
 *
 * @param time when it was found
 * @param seconds after the burn-in began
 * @param round of the burn-in, from 1
 * @param kernel the operation, or "memory"
 * @param place the input, result or region that the word belongs to
 * @param kind what it was
 * @param index the word's place in it
 * @param address the word's device address
 * @param expected the known bits
 * @param actual the bits that were read
 * @param reading temperature and clocks when it was found
 */
public record SoakFault(
    Instant time,
    double seconds,
    long round,
    String kernel,
    String place,
    Kind kind,
    long index,
    long address,
    int expected,
    int actual,
    Nvml.Reading reading) {

  /** What held the wrong bits. */
  public enum Kind {
    /** A result that was just computed: arithmetic, caches or memory. */
    RESULT,
    /** An input that nothing writes: memory. */
    INPUT,
    /** The card's copy of the known bits, which nothing writes: memory. */
    REFERENCE,
    /** A word of memory that was filled and only read since. */
    MEMORY
  }

  /** The differing bits as a mask. */
  public int xor() {
    return expected ^ actual;
  }

  /** The positions of the differing bits, 0 for the lowest. */
  public List<Integer> bits() {
    return IntStream.range(0, 32).filter(b -> (xor() >>> b & 1) != 0).boxed().toList();
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s, %.1f s, round %d: %s, %s %s, word %d at 0x%x: expected 0x%08x, got 0x%08x, bits %s"
            + " (xor 0x%08x); %s",
        time,
        seconds,
        round,
        kernel,
        kind.name().toLowerCase(Locale.ROOT),
        place,
        index,
        address,
        expected,
        actual,
        bits(),
        xor(),
        reading);
  }
}
