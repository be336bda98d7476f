// The elementwise part of a step of gated recurrent units and its gradient; definition and roundings: op/Gru.java. A thread a
// unit of a sample: neighbours in a warp are neighbours in memory in each of the three gates.
#include "exact_math.cuh"
#include "portable.cuh"

extern "C" __global__ void __launch_bounds__(256)
gru_cell(const float* recurrent, float* gates, const float* before, float* after, long long batch, long long units) {
  const long long s = (long long)blockIdx.x * 256 + threadIdx.x;
  if (s >= batch * units) return;
  const long long a = s / units * 3 * units + s % units;
  const float r = em_sigmoidf(__fadd_rn(gates[a], recurrent[a]));
  const float z = em_sigmoidf(__fadd_rn(gates[a + units], recurrent[a + units]));
  const float n = em_tanhf(__fmaf_rn(r, recurrent[a + 2 * units], gates[a + 2 * units]));
  gates[a] = r;
  gates[a + units] = z;
  gates[a + 2 * units] = n;
  after[s] = __fmaf_rn(z, before[s], __fmul_rn(__fsub_rn(1.0f, z), n));
}
EXPORT_KERNEL(gru_cell)

extern "C" __global__ void __launch_bounds__(256)
gru_cell_gradient(const float* dy, const float* dr, float* dk, const float* gates, const float* recurrent, const float* before,
                  float* dgates, float* drecurrent, long long batch, long long units) {
  const long long s = (long long)blockIdx.x * 256 + threadIdx.x;
  if (s >= batch * units) return;
  const long long a = s / units * 3 * units + s % units;
  const float r = gates[a];
  const float z = gates[a + units];
  const float n = gates[a + 2 * units];
  const float dh = __fadd_rn(dy[s], __fadd_rn(dr[s], dk[s]));
  const float dn = __fmul_rn(__fmul_rn(dh, __fsub_rn(1.0f, z)), __fmaf_rn(-n, n, 1.0f));
  const float reset = __fmul_rn(__fmul_rn(dn, recurrent[a + 2 * units]), __fmul_rn(r, __fsub_rn(1.0f, r)));
  const float update = __fmul_rn(__fmul_rn(dh, __fsub_rn(before[s], n)), __fmul_rn(z, __fsub_rn(1.0f, z)));
  dgates[a] = reset;
  dgates[a + units] = update;
  dgates[a + 2 * units] = dn;
  drecurrent[a] = reset;
  drecurrent[a + units] = update;
  drecurrent[a + 2 * units] = __fmul_rn(dn, r);
  dk[s] = __fmul_rn(dh, z);
}
EXPORT_KERNEL(gru_cell_gradient)
