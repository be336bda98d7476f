// The elementwise part of a step of a simple recurrent layer and its gradient; definition and roundings: op/Rnn.java. A thread
// a unit of a sample; 12 and 16 bytes a unit, for few units bound by the launch.
#include "exact_math.cuh"
#include "portable.cuh"

extern "C" __global__ void __launch_bounds__(256) rnn_cell(const float* recurrent, float* h, long long states) {
  const long long s = (long long)blockIdx.x * 256 + threadIdx.x;
  if (s >= states) return;
  h[s] = em_tanhf(__fadd_rn(h[s], recurrent[s]));
}
EXPORT_KERNEL(rnn_cell)

extern "C" __global__ void __launch_bounds__(256)
rnn_cell_gradient(const float* dy, const float* dr, const float* h, float* d, long long states) {
  const long long s = (long long)blockIdx.x * 256 + threadIdx.x;
  if (s >= states) return;
  const float u = h[s];
  d[s] = __fmul_rn(__fadd_rn(dy[s], dr[s]), __fmaf_rn(-u, u, 1.0f));
}
EXPORT_KERNEL(rnn_cell_gradient)
