package dev.selfsame;

/** A size, rank or shape that an operation can't take. */
public class ShapeException extends SelfsameException {
  private static final long serialVersionUID = 1L;

  /** States what was given and what is allowed. */
  public ShapeException(String message) {
    super(message);
  }

  /** States what was given and what is allowed, and the cause. */
  public ShapeException(String message, Throwable cause) {
    super(message, cause);
  }
}
