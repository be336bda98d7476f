package dev.selfsame;

/** A tensor has another element type than the operation takes. */
public class DTypeException extends SelfsameException {
  private static final long serialVersionUID = 1L;

  /** States what was given and what is allowed. */
  public DTypeException(String message) {
    super(message);
  }

  /** States what was given and what is allowed, and the cause. */
  public DTypeException(String message, Throwable cause) {
    super(message, cause);
  }
}
