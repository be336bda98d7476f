package dev.selfsame.verify;

import java.util.Locale;
import java.util.function.Function;

/**
 * An operation and the cases it is verified with.
 *
 * @param op the class of the operation
 * @param cases makes the case that a draw stands for, from that draw alone
 */
public record OpUnderTest(Class<?> op, Function<Draw, OpCase> cases) {
  /** Its name for people: {@code ScatterAdd} is {@code scatter-add}, {@code AdamW adamw}. */
  public String name() {
    return op.getSimpleName().replaceAll("([a-z])([A-Z][a-z])", "$1-$2").toLowerCase(Locale.ROOT);
  }

  /**
   * The case of a number.
   *
   * @param seed the sequence of cases
   * @param number the place in it, from 0
   */
  public OpCase draw(long seed, int number) {
    return cases.apply(new Draw(name(), seed, number));
  }

  @Override
  public String toString() {
    return name();
  }
}
