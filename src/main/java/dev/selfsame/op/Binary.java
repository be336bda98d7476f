package dev.selfsame.op;

import dev.selfsame.cuda.Kernel;

/** Functions of two elements; each rounds once. */
public enum Binary {
  /** a + b. */
  ADD("elementwise_add"),
  /** a − b. */
  SUB("elementwise_sub"),
  /** a · b. */
  MUL("elementwise_mul"),
  /** a / b. */
  DIV("elementwise_div"),
  /** maximum(a, b) of IEEE 754-2019: a NaN wins, +0 &gt; −0. */
  MAX("elementwise_max"),
  /** minimum(a, b) of IEEE 754-2019: a NaN wins, −0 &lt; +0. */
  MIN("elementwise_min");

  final Kernel kernel;

  Binary(String symbol) {
    kernel = Kernel.of(symbol);
  }

  /** The function: the definition. */
  float of(float a, float b) {
    return switch (this) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
    };
  }
}
