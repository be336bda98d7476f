package dev.selfsame;

import org.jspecify.annotations.Nullable;

/** A device is missing, unusable, out of memory, lost, or not the one an operation needs. */
public class DeviceException extends SelfsameException {
  private static final long serialVersionUID = 1L;

  /**
   * An exception with a message that says what was looked for, what was found and what to do.
   *
   * @param message the message
   */
  public DeviceException(String message) {
    super(message);
  }

  /**
   * An exception with a cause.
   *
   * @param message the message
   * @param cause what led to it, or null
   */
  public DeviceException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
