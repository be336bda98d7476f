package dev.selfsame;

/**
 * A tensor, scope or device was used after it was closed, or through a scope that does not own it.
 */
public class ClosedException extends SelfsameException {
  private static final long serialVersionUID = 1L;

  /** States what was given and what is allowed. */
  public ClosedException(String message) {
    super(message);
  }

  /** States what was given and what is allowed, and the cause. */
  public ClosedException(String message, Throwable cause) {
    super(message, cause);
  }
}
