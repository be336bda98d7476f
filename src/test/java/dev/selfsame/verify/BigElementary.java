package dev.selfsame.verify;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/**
 * Elementary functions to some hundred digits, by their Taylor series: slow, short, and independent
 * of everything else here. Arguments are floats, so every intermediate magnitude is known to be
 * moderate, and what cancels (39 digits of a huge angle, 7 of erf's alternating series) leaves far
 * more digits than the nearness of a value to a tie can ask for.
 */
final class BigElementary {
  private static final MathContext MC = new MathContext(120);
  private static final BigDecimal ONE = BigDecimal.ONE;
  private static final BigDecimal TWO = BigDecimal.TWO;
  private static final BigDecimal LN_2 = atanh(inverse(3)).multiply(TWO, MC);
  private static final BigDecimal PI = pi();

  private BigElementary() {}

  static BigDecimal exp(BigDecimal x) {
    int halvings = 16;
    BigDecimal r = x.divide(TWO.pow(halvings), MC);
    BigDecimal sum = ONE;
    BigDecimal term = ONE;
    for (int n = 1; matters(term, sum); n++) {
      term = term.multiply(r, MC).divide(BigDecimal.valueOf(n), MC);
      sum = sum.add(term, MC);
    }
    for (int i = 0; i < halvings; i++) {
      sum = sum.multiply(sum, MC);
    }
    return sum;
  }

  static BigDecimal expm1(BigDecimal x) {
    return exp(x).subtract(ONE, MC);
  }

  static BigDecimal log(BigDecimal x) {
    int exponent = 0;
    BigDecimal m = x;
    BigDecimal high = new BigDecimal("1.5");
    BigDecimal low = new BigDecimal("0.75");
    while (m.compareTo(high) >= 0) {
      m = m.divide(TWO, MC);
      exponent++;
    }
    while (m.compareTo(low) < 0) {
      m = m.multiply(TWO, MC);
      exponent--;
    }
    BigDecimal s = m.subtract(ONE).divide(m.add(ONE), MC);
    return atanh(s).multiply(TWO, MC).add(LN_2.multiply(BigDecimal.valueOf(exponent)), MC);
  }

  static BigDecimal log1p(BigDecimal x) {
    return log(x.add(ONE));
  }

  static BigDecimal tanh(BigDecimal x) {
    BigDecimal e = exp(x.multiply(TWO));
    return e.subtract(ONE, MC).divide(e.add(ONE, MC), MC);
  }

  static BigDecimal sigmoid(BigDecimal x) {
    return ONE.divide(exp(x.negate()).add(ONE, MC), MC);
  }

  static BigDecimal rsqrt(BigDecimal x) {
    return ONE.divide(x.sqrt(MC), MC);
  }

  static BigDecimal sin(BigDecimal x) {
    BigDecimal half = PI.divide(TWO, MC);
    BigInteger quarters = x.divide(half, MC).setScale(0, RoundingMode.HALF_EVEN).toBigInteger();
    BigDecimal r = x.subtract(half.multiply(new BigDecimal(quarters)), MC);
    int quadrant = quarters.and(BigInteger.valueOf(3)).intValue();
    BigDecimal y = (quadrant & 1) == 0 ? alternating(r, 1) : alternating(r, 0);
    return quadrant >= 2 ? y.negate() : y;
  }

  static BigDecimal cos(BigDecimal x) {
    BigDecimal half = PI.divide(TWO, MC);
    return sin(x.abs().add(half));
  }

  /** The terms rⁿ/n! for n = first, first + 2, …, with alternating signs. */
  private static BigDecimal alternating(BigDecimal r, int first) {
    BigDecimal square = r.multiply(r, MC).negate();
    BigDecimal term = first == 0 ? ONE : r;
    BigDecimal sum = term;
    for (int n = first; matters(term, sum); n += 2) {
      term = term.multiply(square, MC).divide(BigDecimal.valueOf((n + 1L) * (n + 2)), MC);
      sum = sum.add(term, MC);
    }
    return sum;
  }

  static BigDecimal erf(BigDecimal x) {
    BigDecimal square = x.multiply(x, MC).negate();
    BigDecimal power = x;
    BigDecimal sum = x;
    for (int n = 1; matters(power, sum); n++) {
      power = power.multiply(square, MC).divide(BigDecimal.valueOf(n), MC);
      sum = sum.add(power.divide(BigDecimal.valueOf(2L * n + 1), MC), MC);
    }
    return sum.multiply(TWO, MC).divide(PI.sqrt(MC), MC);
  }

  private static BigDecimal atanh(BigDecimal s) {
    BigDecimal square = s.multiply(s, MC);
    BigDecimal power = s;
    BigDecimal sum = s;
    for (int n = 3; matters(power, sum); n += 2) {
      power = power.multiply(square, MC);
      sum = sum.add(power.divide(BigDecimal.valueOf(n), MC), MC);
    }
    return sum;
  }

  /** Machin's formula, 4·(4·arctan 1/5 − arctan 1/239), to 40 digits more than the rest. */
  private static BigDecimal pi() {
    MathContext more = new MathContext(MC.getPrecision() + 40);
    BigDecimal a = arctanOfInverse(5, more).multiply(BigDecimal.valueOf(16));
    return a.subtract(arctanOfInverse(239, more).multiply(BigDecimal.valueOf(4)), more);
  }

  private static BigDecimal arctanOfInverse(int n, MathContext mc) {
    BigDecimal square = BigDecimal.valueOf(-(long) n * n);
    BigDecimal power = ONE.divide(BigDecimal.valueOf(n), mc);
    BigDecimal sum = power;
    for (int i = 3; power.precision() - power.scale() > -mc.getPrecision(); i += 2) {
      power = power.divide(square, mc);
      sum = sum.add(power.divide(BigDecimal.valueOf(i), mc), mc);
    }
    return sum;
  }

  private static BigDecimal inverse(int n) {
    return ONE.divide(BigDecimal.valueOf(n), MC);
  }

  /** Whether the next terms can still change the sum's digits. */
  private static boolean matters(BigDecimal term, BigDecimal sum) {
    return term.signum() != 0 && magnitude(term) > magnitude(sum) - MC.getPrecision() - 2;
  }

  private static int magnitude(BigDecimal x) {
    return x.precision() - x.scale();
  }
}
