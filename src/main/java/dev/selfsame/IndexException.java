package dev.selfsame;

/** An index lies outside its range. */
public class IndexException extends SelfsameException {
  private static final long serialVersionUID = 1L;

  /** States what was given and what is allowed. */
  public IndexException(String message) {
    super(message);
  }

  /** States what was given and what is allowed, and the cause. */
  public IndexException(String message, Throwable cause) {
    super(message, cause);
  }
}
