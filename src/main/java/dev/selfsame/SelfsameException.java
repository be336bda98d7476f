package dev.selfsame;

import org.jspecify.annotations.Nullable;

/** The root of every exception that this library throws on purpose. Unchecked. */
public class SelfsameException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * An exception with a message that names the argument, what was given and what is allowed.
   *
   * @param message the message
   */
  public SelfsameException(String message) {
    super(message);
  }

  /**
   * An exception with a cause.
   *
   * @param message the message
   * @param cause what led to it, or null
   */
  public SelfsameException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
