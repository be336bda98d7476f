package dev.selfsame.contract;

/** The terms of a sum, by position. */
@FunctionalInterface
public interface FloatAt {
  /** The term at position {@code i}. */
  float at(long i);
}
