package dev.selfsame.bench;

/** Float64 values of single elements of a result, with the sum of the terms' magnitudes. */
interface Reference {
  /** A value Σaᵢbᵢ and Σ|aᵢbᵢ|. */
  record Term(double value, double magnitude) {}

  /** The element at an index in memory order. */
  Term at(long index);
}
