// Rows of a matrix, as softmax.cu and cross_entropy.cu take them apart. Short rows, of at most 32·N columns: a warp
// a row, eight rows a block, lane j holds columns j, j + 32, … in N registers. Longer rows: a block of 256 threads a
// row. Either way the sum over a row is the contract's block sum, so the bits don't tell which way was taken.
#pragma once

#include "exact_math.cuh"
#include "ordered_sum.cuh"
#include "portable.cuh"

constexpr int SOFTMAX_WARPS = 8;

// The row of this warp; the same in all its lanes.
__device__ __forceinline__ long long softmax_warp_row() {
  return (long long)blockIdx.x * SOFTMAX_WARPS + threadIdx.x / WARP_LANES;
}

__device__ __forceinline__ int softmax_lane() { return (int)(threadIdx.x % WARP_LANES); }

// No maximum is changed by it.
__device__ __forceinline__ float softmax_lowest() { return __int_as_float((int)0xff800000u); }

// The maximum over the lanes of a warp, in every lane. A maximum has no order.
__device__ __forceinline__ float softmax_lanes_maximum(float m) {
#pragma unroll
  for (int half = WARP_LANES / 2; half > 0; half /= 2) m = sel_maximum(m, __shfl_xor_sync(ALL_LANES, m, half));
  return m;
}

// A lane's columns of a row.
template <int N>
struct SoftmaxLane {
  float v[N];

  __device__ __forceinline__ void load(const float* row, int columns) {
    const int lane = softmax_lane();
#pragma unroll
    for (int k = 0; k < N; k++) {
      const int i = lane + k * WARP_LANES;
      v[k] = i < columns ? row[i] : softmax_lowest();
    }
  }

  __device__ __forceinline__ float maximum() const {
    float m = v[0];
#pragma unroll
    for (int k = 1; k < N; k++) m = sel_maximum(m, v[k]);
    return softmax_lanes_maximum(m);
  }

  // The block sum of the row, in every lane.
  __device__ __forceinline__ float sum(int columns) const {
    const int lane = softmax_lane();
    float s = v[0];
#pragma unroll
    for (int k = 1; k < N; k++) {
      if (lane + k * WARP_LANES < columns) s = __fadd_rn(s, v[k]);
    }
    s = ordered_lanes(s, columns < CONTRACT_LANES ? columns : CONTRACT_LANES);
    return __shfl_sync(ALL_LANES, s, 0);
  }

  // v = exp(v - m), and its sum.
  __device__ __forceinline__ float exponentials(float m, int columns) {
    const int lane = softmax_lane();
#pragma unroll
    for (int k = 0; k < N; k++) {
      if (lane + k * WARP_LANES < columns) v[k] = em_expf(__fsub_rn(v[k], m));
    }
    return sum(columns);
  }
};

// The maximum of a long row by the whole block, in every thread. `scratch` holds SOFTMAX_WARPS floats or more; it
// may be used for other things at once.
__device__ __forceinline__ float softmax_block_maximum(const float* row, long long columns, float* scratch) {
  float m = softmax_lowest();
  for (long long i = threadIdx.x; i < columns; i += SOFTMAX_WARPS * WARP_LANES) m = sel_maximum(m, row[i]);
  m = softmax_lanes_maximum(m);
  if (softmax_lane() == 0) scratch[threadIdx.x / WARP_LANES] = m;
  __syncthreads();
  m = scratch[0];
#pragma unroll
  for (int w = 1; w < SOFTMAX_WARPS; w++) m = sel_maximum(m, scratch[w]);
  __syncthreads();
  return m;
}
