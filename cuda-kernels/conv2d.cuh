// What the convolution kernels share: plans as op/Conv2dCuda.java lays them out (all fields 64 bits wide, in this order), division by
// a number that the host knows, and the fold of kernels without tiles.
#pragma once

#include "contract.cuh"
#include "portable.cuh"

// out[n, group, row, u, v] = sum over (channel, tap) of weight * image[n, group, channel, u * stride + tap row, v * stride + tap column].
struct Conv2dCorrelation {
  long long groups, channels, in_h, in_w, stride_h, stride_w;
  // The output: rows planes a group of out_h x out_w, of which (u * step_h + at_h, v * step_w + at_w) is written.
  long long rows, out_h, out_w, grid_u, grid_v, at_h, at_w, step_h, step_w;
  // Tap i * taps_w + j reads at (row_first + i * row_step, col_first + j * col_step), its weight lies at place_first + i * place_h + j * place_w.
  long long taps, taps_multiplier, taps_shift, taps_w, taps_w_multiplier, taps_w_shift;
  long long row_first, row_step, col_first, col_step, place_first, place_h, place_w;
  long long weight_group, weight_row, weight_channel;
  long long positions, terms, chunk, relu;
};

struct Conv2dWeights {
  long long groups, group_c, group_k, in_h, in_w, taps_h, taps_w, out_p, out_q;
  long long stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w;
  long long image_multiplier, image_shift, row_multiplier, row_shift;
  // parts > 1: a block takes one chunk and stores its chain at partial + part * outputs.
  long long terms, chunk, parts, outputs;
};

// Terms whose places the first warp of a block works out at a time, one a lane, for the steps after those that it has.
// There is a barrier between two steps, so two tables in turn are enough.
constexpr int CONV2D_TABLE = 32;

// x / d for 0 <= x < 2^31, where multiplier = ceil(2^(31 + l) / d), shift = l - 1, l = ceil(log2(d)); multiplier 0 means d = 1.
__device__ __forceinline__ int conv2d_divide(int x, long long multiplier, long long shift) {
  return multiplier == 0 ? x : (int)(__umulhi((unsigned)x, (unsigned)multiplier) >> (int)shift);
}

// A chunk ends: the first chain is the total, each later one is added; the next chain begins at +0.
template <int TM, int TN>
__device__ __forceinline__ void conv2d_fold(bool first, float (&total)[TM][TN], float (&acc)[TM][TN]) {
#pragma unroll
  for (int i = 0; i < TM; i++) {
#pragma unroll
    for (int j = 0; j < TN; j++) {
      total[i][j] = first ? acc[i][j] : __fadd_rn(total[i][j], acc[i][j]);
      acc[i][j] = 0.0f;
    }
  }
}
