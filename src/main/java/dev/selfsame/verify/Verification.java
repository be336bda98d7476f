package dev.selfsame.verify;

import dev.selfsame.Device;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What came of verifying an operation on a device.
 *
 * @param op the operation
 * @param device the device
 * @param control the device that it was compared with
 * @param seed the sequence of cases
 * @param cases cases that were run to the end on the device
 * @param values values of outputs that were compared
 * @param mismatches values of them whose bits differ
 * @param first the first mismatch, if there is one
 * @param failure what the device threw, if it did; no further case was run then
 * @param time spent on the device, copies and the first compilation included: no benchmark
 */
public record Verification(
    OpUnderTest op,
    Device device,
    Device control,
    long seed,
    int cases,
    long values,
    long mismatches,
    @Nullable First first,
    @Nullable Failure failure,
    Duration time) {

  /**
   * The first mismatch.
   *
   * @param number the case's number
   * @param description the case's shapes and settings
   * @param output the name of the output
   * @param mismatch index and bits
   */
  public record First(int number, String description, String output, Bits.Mismatch mismatch) {
    @Override
    public String toString() {
      return "case " + number + " (" + description + "): " + output + " " + mismatch;
    }
  }

  /**
   * A case that could not be run.
   *
   * @param number the case's number
   * @param description the case's shapes and settings
   * @param cause what was thrown
   */
  public record Failure(int number, String description, Throwable cause) {
    @Override
    public String toString() {
      return "case " + number + " (" + description + "): " + cause;
    }
  }

  /** Whether cases were run, and all bits were the same. */
  public boolean passed() {
    return cases > 0 && mismatches == 0 && failure == null;
  }
}
