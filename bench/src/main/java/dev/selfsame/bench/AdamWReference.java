package dev.selfsame.bench;

import dev.selfsame.bench.peers.TorchAdamW;

/**
 * AdamW in float64 for a set of elements, with a running bound on the error of any float
 * implementation that rounds each operation once (Higham, §3.3).
 *
 * <p>Gradients are inputs, so errors do not feed back through them. Write m, v, p for exact values,
 * e_m, e_v, e_p for bounds on the errors of the computed ones, and γ_k as in {@link Bounds}. One
 * step gives, counting at most four roundings on the way of each term (constants are rounded, too):
 *
 * <ul>
 *   <li>e_m ← β1·e_m·(1 + γ_4) + γ_4·(β1·|m| + (1 − β1)·(|g| + |m|)), for m + (1 − β1)(g − m) as
 *       well as for β1·m + (1 − β1)·g;
 *   <li>e_v ← β2·e_v·(1 + γ_4) + γ_4·(β2·v + (1 − β2)·g²);
 *   <li>decay, as a factor 1 − lr·λ or a subtraction: e_p ← e_p·(1 + γ_4) + γ_4·|p|;
 *   <li>d = √v/√(1 − β2^t) + ε: e_d = min(e_v/√v, √e_v)/√(1 − β2^t)·(1 + γ_4) + γ_4·d;
 *   <li>q = rate·m/d, rate = lr/(1 − β1^t): e_q = rate·(|m| + e_m)·(1 + γ_4)/(d − e_d) −
 *       rate·|m|/d;
 *   <li>p − q: e_p ← e_p + e_q + u·(|p − q| + e_p + e_q).
 * </ul>
 *
 * In the first three |m|, v and |p| stand for the computed values and are taken as exact value plus
 * bound. Underflow adds a few {@link Bounds#TINY}.
 */
final class AdamWReference {
  private static final double G4 = Bounds.gamma(4);
  private static final double UNDERFLOW = 8 * Bounds.TINY;

  private final double[] p;
  private final double[] m;
  private final double[] v;
  private final double[] pError;
  private final double[] mError;
  private final double[] vError;
  private int step;

  AdamWReference(double[] parameters) {
    p = parameters.clone();
    m = new double[p.length];
    v = new double[p.length];
    pError = new double[p.length];
    mError = new double[p.length];
    vError = new double[p.length];
  }

  double parameter(int i) {
    return p[i];
  }

  /** Bound on the error of parameter i. */
  double error(int i) {
    return pError[i];
  }

  void step(double[] gradients) {
    step++;
    double beta1 = TorchAdamW.BETA1;
    double beta2 = TorchAdamW.BETA2;
    double rate = TorchAdamW.LR / (1 - Math.pow(beta1, step));
    double root = Math.sqrt(1 - Math.pow(beta2, step));
    double keep = 1 - TorchAdamW.LR * TorchAdamW.WEIGHT_DECAY;
    for (int i = 0; i < p.length; i++) {
      double g = gradients[i];
      double mNow = Math.abs(m[i]) + mError[i];
      mError[i] =
          beta1 * mError[i] * (1 + G4)
              + G4 * (beta1 * mNow + (1 - beta1) * (Math.abs(g) + mNow))
              + UNDERFLOW;
      m[i] += (1 - beta1) * (g - m[i]);
      vError[i] =
          beta2 * vError[i] * (1 + G4)
              + G4 * (beta2 * (v[i] + vError[i]) + (1 - beta2) * g * g)
              + UNDERFLOW;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;

      pError[i] = pError[i] * (1 + G4) + G4 * (Math.abs(p[i]) + pError[i]) + UNDERFLOW;
      double kept = p[i] * keep;
      double sqrt = Math.sqrt(v[i]);
      double d = sqrt / root + TorchAdamW.EPSILON;
      double dError =
          Math.min(sqrt > 0 ? vError[i] / sqrt : Double.POSITIVE_INFINITY, Math.sqrt(vError[i]))
                  / root
                  * (1 + G4)
              + G4 * d;
      double q = rate * m[i] / d;
      double qError =
          rate * (Math.abs(m[i]) + mError[i]) * (1 + G4) / (d - dError) - Math.abs(q) + UNDERFLOW;
      if (!(d > dError)) {
        throw new IllegalStateException("no bound: the second moment may have vanished");
      }
      p[i] = kept - q;
      double before = pError[i] + qError;
      pError[i] = before + Bounds.U * (Math.abs(p[i]) + before);
    }
  }
}
