package dev.selfsame;

/**
 * A file of data or of parameters is missing, unreadable, truncated or corrupt. The message names
 * the file, what was expected and what was found.
 */
public class DataException extends SelfsameException {
  private static final long serialVersionUID = 1L;

  public DataException(String message) {
    super(message);
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
