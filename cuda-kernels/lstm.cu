// The elementwise part of a step of long short-term memory and its gradient; definition and roundings: op/Lstm.java. A thread
// a unit of a sample: neighbours in a warp are neighbours in memory in each of the four gates. Bound by memory (12 and 19
// accesses of 4 bytes a unit), and for few units by the launch.
#include "exact_math.cuh"
#include "portable.cuh"

extern "C" __global__ void __launch_bounds__(256)
lstm_cell(const float* recurrent, float* gates, const float* before, float* after, float* h, long long batch, long long units) {
  const long long s = (long long)blockIdx.x * 256 + threadIdx.x;
  if (s >= batch * units) return;
  const long long a = s / units * 4 * units + s % units;
  const float i = em_sigmoidf(__fadd_rn(gates[a], recurrent[a]));
  const float f = em_sigmoidf(__fadd_rn(gates[a + units], recurrent[a + units]));
  const float g = em_tanhf(__fadd_rn(gates[a + 2 * units], recurrent[a + 2 * units]));
  const float o = em_sigmoidf(__fadd_rn(gates[a + 3 * units], recurrent[a + 3 * units]));
  const float c = __fmaf_rn(f, before[s], __fmul_rn(i, g));
  gates[a] = i;
  gates[a + units] = f;
  gates[a + 2 * units] = g;
  gates[a + 3 * units] = o;
  after[s] = c;
  h[s] = __fmul_rn(o, em_tanhf(c));
}
EXPORT_KERNEL(lstm_cell)

extern "C" __global__ void __launch_bounds__(256)
lstm_cell_gradient(const float* dy, const float* dr, float* dq, const float* gates, const float* before, const float* after,
                   float* dgates, long long batch, long long units) {
  const long long s = (long long)blockIdx.x * 256 + threadIdx.x;
  if (s >= batch * units) return;
  const long long a = s / units * 4 * units + s % units;
  const float i = gates[a];
  const float f = gates[a + units];
  const float g = gates[a + 2 * units];
  const float o = gates[a + 3 * units];
  const float u = em_tanhf(after[s]);
  const float dh = __fadd_rn(dy[s], dr[s]);
  const float dc = __fmaf_rn(__fmul_rn(dh, o), __fmaf_rn(-u, u, 1.0f), dq[s]);
  dgates[a] = __fmul_rn(__fmul_rn(dc, g), __fmul_rn(i, __fsub_rn(1.0f, i)));
  dgates[a + units] = __fmul_rn(__fmul_rn(dc, before[s]), __fmul_rn(f, __fsub_rn(1.0f, f)));
  dgates[a + 2 * units] = __fmul_rn(__fmul_rn(dc, i), __fmaf_rn(-g, g, 1.0f));
  dgates[a + 3 * units] = __fmul_rn(__fmul_rn(dh, u), __fmul_rn(o, __fsub_rn(1.0f, o)));
  dq[s] = __fmul_rn(dc, f);
}
EXPORT_KERNEL(lstm_cell_gradient)
