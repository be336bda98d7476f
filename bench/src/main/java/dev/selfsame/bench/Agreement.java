package dev.selfsame.bench;

import java.util.Locale;
import java.util.function.LongToDoubleFunction;

/**
 * How far two results are apart, in units of the bound that holds for them.
 *
 * @param what what was compared with what
 * @param values how many values were compared
 * @param worst the largest error as a share of its bound; above 1, or NaN, is a wrong result
 * @param where the index of the largest share
 * @param error the error there
 */
public record Agreement(String what, long values, double worst, long where, double error) {

  /** Compares values 0 … count − 1. A zero bound asks for equality. */
  public static Agreement of(
      String what,
      long count,
      LongToDoubleFunction got,
      LongToDoubleFunction want,
      LongToDoubleFunction bound) {
    double worst = 0;
    double error = 0;
    long where = -1;
    for (long i = 0; i < count; i++) {
      double difference = Math.abs(got.applyAsDouble(i) - want.applyAsDouble(i));
      double share = difference == 0 ? 0 : difference / bound.applyAsDouble(i);
      if (!(share <= worst)) { // true for NaN, too
        worst = share;
        error = difference;
        where = i;
        if (Double.isNaN(share)) {
          break;
        }
      }
    }
    return new Agreement(what, count, worst, where, error);
  }

  public boolean holds() {
    return worst <= 1;
  }

  /** A result that is not within its bound. */
  static final class WrongResultException extends IllegalStateException {
    WrongResultException(String message) {
      super(message);
    }
  }

  /** Throws if the error is not within its bound. */
  public void require(String caseName) {
    if (!holds()) {
      throw new WrongResultException(
          String.format(
              Locale.ROOT,
              "%s: %s differ at index %d by %.3g, %.3g times the bound",
              caseName,
              what,
              where,
              error,
              worst));
    }
  }
}
