// What softmax.cu, cross_entropy.cu and kl_divergence.cu share: maxima and exponentials of rows (rows.cuh).
#pragma once

#include "exact_math.cuh"
#include "rows.cuh"

// No maximum is changed by it.
__device__ __forceinline__ float softmax_lowest() { return __int_as_float((int)0xff800000u); }

// The maximum over the lanes of a warp, in every lane. A maximum has no order.
__device__ __forceinline__ float softmax_lanes_maximum(float m) {
#pragma unroll
  for (int half = WARP_LANES / 2; half > 0; half /= 2) m = sel_maximum(m, __shfl_xor_sync(ALL_LANES, m, half));
  return m;
}

__device__ __forceinline__ float softmax_maximum(float m, float v) { return sel_maximum(m, v); }
__device__ __forceinline__ float softmax_maximum(float m, float4 v) {
  return sel_maximum(sel_maximum(sel_maximum(sel_maximum(m, v.x), v.y), v.z), v.w);
}

template <int N, bool WIDE>
__device__ __forceinline__ float softmax_lane_maximum(const RowLane<N, WIDE>& lane) {
  float m = lane.v[0];
#pragma unroll
  for (int k = 1; k < N; k++) m = sel_maximum(m, lane.v[k]);
  return softmax_lanes_maximum(m);
}

// v = exp(v - m), and its sum.
template <int N, bool WIDE>
__device__ __forceinline__ float softmax_exponentials(RowLane<N, WIDE>& lane, float m, int columns, float* quads) {
#pragma unroll
  for (int k = 0; k < N; k++) {
    if (lane.column(k) < columns) lane.v[k] = em_expf(__fsub_rn(lane.v[k], m));
  }
  return lane.sum(columns, quads);
}

// The maximum of a short row that is in no registers, by its warp, in every lane.
template <bool WIDE>
__device__ __forceinline__ float softmax_warp_maximum(const float* row, int columns) {
  using Word = RowWord<WIDE>;
  float m = softmax_lowest();
#pragma unroll 4
  for (int i = Word::WIDTH * row_lane(); i < columns; i += Word::WIDTH * WARP_LANES) {
    m = softmax_maximum(m, Word::load(row + i));
  }
  return softmax_lanes_maximum(m);
}

// The maximum of a long row by the whole block, in every thread. `scratch` holds ROW_WARPS floats or more; it may be
// used for other things at once.
template <bool WIDE>
__device__ __forceinline__ float softmax_block_maximum(const float* row, long long columns, float* scratch) {
  using Word = RowWord<WIDE>;
  float m = softmax_lowest();
#pragma unroll 4
  for (long long i = (long long)Word::WIDTH * threadIdx.x; i < columns; i += Word::WIDTH * ROW_THREADS) {
    m = softmax_maximum(m, Word::load(row + i));
  }
  m = softmax_lanes_maximum(m);
  if (row_lane() == 0) scratch[threadIdx.x / WARP_LANES] = m;
  __syncthreads();
  m = scratch[0];
#pragma unroll
  for (int w = 1; w < ROW_WARPS; w++) m = sel_maximum(m, scratch[w]);
  __syncthreads();
  return m;
}
