// ordered_sum.cuh and contract.cuh against the self test's own sums.
#include "ordered_sum.cuh"

extern "C" __global__ void test_block_sum(const float* in, long long count, float* out) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float sum = ordered_block_sum([in](long long i) { return in[i]; }, count, scratch);
  const float again = ordered_block_sum([in](long long i) { return in[i]; }, count, scratch);
  out[threadIdx.x] = sum;
  out[blockDim.x + threadIdx.x] = again;
}
EXPORT_KERNEL(test_block_sum)

extern "C" __global__ void test_run_sum(const float* in, long long count, float* out) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float by_block = ordered_run_sum_by_block([in](long long i) { return in[i]; }, count, scratch);
  out[threadIdx.x] = by_block;
  if (threadIdx.x == 0) out[blockDim.x] = ordered_run_sum([in](long long i) { return in[i]; }, count);
}
EXPORT_KERNEL(test_run_sum)

extern "C" __global__ void test_chunk(const long long* k, long long* chunk) {
  chunk[threadIdx.x] = contract_chunk(k[threadIdx.x]);
}
EXPORT_KERNEL(test_chunk)

// Pairs of all combinations of the given values.
extern "C" __global__ void test_select(const float* values, int n, float* maximum, float* minimum) {
  const int i = (int)threadIdx.x;
  for (int j = 0; j < n; j++) {
    maximum[i * n + j] = sel_maximum(values[i], values[j]);
    minimum[i * n + j] = sel_minimum(values[i], values[j]);
  }
}
EXPORT_KERNEL(test_select)
