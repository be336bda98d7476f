// Rows of a matrix, as softmax.cu, cross_entropy.cu and layer_norm.cu take them apart. Short rows, of at most 32·N
// columns: a warp a row, eight rows a block, the row in the lanes' registers. Longer rows: a block of 256 threads a row.
//
// Where rows are a multiple of four floats long and begin on 16 bytes (`row_is_wide`), every access of global memory is
// 16 bytes, and a lane holds columns 128q + 4j … + 3; else 4 bytes, and it holds columns j, j + 32 …. The sum over a row
// is the contract's block sum either way, so the bits don't tell which way was taken.
#pragma once

#include "ordered_sum.cuh"
#include "portable.cuh"

constexpr int ROW_WARPS = 8;
constexpr int ROW_THREADS = ROW_WARPS * WARP_LANES;

// The row of this warp; the same in all its lanes.
__device__ __forceinline__ long long row_of_warp() {
  return (long long)blockIdx.x * ROW_WARPS + threadIdx.x / WARP_LANES;
}

__device__ __forceinline__ int row_lane() { return (int)(threadIdx.x % WARP_LANES); }

__device__ __forceinline__ bool row_is_wide(long long columns, const void* a) {
  return columns % 4 == 0 && is_aligned16(a);
}
__device__ __forceinline__ bool row_is_wide(long long columns, const void* a, const void* b) {
  return row_is_wide(columns, a) && is_aligned16(b);
}
__device__ __forceinline__ bool row_is_wide(long long columns, const void* a, const void* b, const void* c) {
  return row_is_wide(columns, a, b) && is_aligned16(c);
}

// Shared memory of a kernel for sums of wide rows, and a warp's own part of it.
#define ROW_QUADS(name) __shared__ __align__(16) float name[ROW_WARPS * ORDERED_QUADS]
__device__ __forceinline__ float* row_quads(float* quads) { return quads + threadIdx.x / WARP_LANES * ORDERED_QUADS; }

// ---- words: one float, or four neighbouring ones in one access

template <bool WIDE>
struct RowWord;

template <>
struct RowWord<false> {
  using Type = float;
  static constexpr int WIDTH = 1;
  static __device__ __forceinline__ float load(const float* from) { return *from; }
  static __device__ __forceinline__ void store(float* to, float v) { *to = v; }
};

template <>
struct RowWord<true> {
  using Type = float4;
  static constexpr int WIDTH = 4;
  static __device__ __forceinline__ float4 load(const float* from) { return load4(from); }
  static __device__ __forceinline__ void store(float* to, float4 v) { store4(to, v); }
};

// f of each float, in order (braces evaluate from left to right, arguments of a function as the compiler likes).
template <class F>
__device__ __forceinline__ float row_map(const F& f, float a) {
  return f(a);
}
template <class F>
__device__ __forceinline__ float4 row_map(const F& f, float4 a) {
  return float4{f(a.x), f(a.y), f(a.z), f(a.w)};
}
template <class F>
__device__ __forceinline__ float row_map(const F& f, float a, float b) {
  return f(a, b);
}
template <class F>
__device__ __forceinline__ float4 row_map(const F& f, float4 a, float4 b) {
  return float4{f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w)};
}
template <class F>
__device__ __forceinline__ float row_map(const F& f, float a, float b, float c) {
  return f(a, b, c);
}
template <class F>
__device__ __forceinline__ float4 row_map(const F& f, float4 a, float4 b, float4 c) {
  return float4{f(a.x, b.x, c.x), f(a.y, b.y, c.y), f(a.z, b.z, c.z), f(a.w, b.w, c.w)};
}

// ---- short rows

// A lane's N columns of a row.
template <int N, bool WIDE>
struct RowLane {
  static_assert(!WIDE || N % 4 == 0, "whole words");
  float v[N];

  // The column of v[k].
  static __device__ __forceinline__ int column(int k) {
    return WIDE ? k / 4 * 128 + 4 * row_lane() + k % 4 : row_lane() + k * WARP_LANES;
  }

  // The word that begins with v[k].
  __device__ __forceinline__ typename RowWord<WIDE>::Type word(int k) const {
    if constexpr (WIDE) return make_float4(v[k], v[k + 1], v[k + 2], v[k + 3]);
    else return v[k];
  }

  __device__ __forceinline__ void load(const float* row, int columns, float otherwise) {
    if constexpr (WIDE) {
#pragma unroll
      for (int k = 0; k < N; k += 4) {
        float4 word = make_float4(otherwise, otherwise, otherwise, otherwise);
        if (column(k) < columns) word = load4(row + column(k));
        v[k] = word.x;
        v[k + 1] = word.y;
        v[k + 2] = word.z;
        v[k + 3] = word.w;
      }
    } else {
#pragma unroll
      for (int k = 0; k < N; k++) v[k] = column(k) < columns ? row[column(k)] : otherwise;
    }
  }

  __device__ __forceinline__ void store(float* row, int columns) const {
#pragma unroll
    for (int k = 0; k < N; k += RowWord<WIDE>::WIDTH) {
      if (column(k) < columns) RowWord<WIDE>::store(row + column(k), word(k));
    }
  }

  // The block sum of the row, in every lane.
  __device__ __forceinline__ float sum(int columns, float* quads) const {
    float s;
    if constexpr (WIDE) {
      float4 words[N / 4];
#pragma unroll
      for (int k = 0; k < N; k += 4) words[k / 4] = word(k);
      s = ordered_quads(words, columns, quads);
    } else {
      s = v[0];
#pragma unroll
      for (int k = 1; k < N; k++) {
        if (column(k) < columns) s = __fadd_rn(s, v[k]);
      }
      s = ordered_lanes(s, columns < CONTRACT_LANES ? columns : CONTRACT_LANES);
    }
    return __shfl_sync(ALL_LANES, s, 0);
  }
};

// The block sum of a short row by its warp, in lane 0: term(i) gives a word.
template <bool WIDE, class Term>
__device__ __forceinline__ float row_sum_by_warp(const Term& term, int columns, float* quads) {
  if constexpr (WIDE) return ordered_block_by_warp4(term, 0, columns, row_quads(quads));
  else return ordered_block_by_warp(term, 0, columns);
}

// ---- long rows

// The block sum of a long row by its block, in every thread: term(i) gives a word, and is asked for once a word.
template <bool WIDE, class Term>
__device__ __forceinline__ float row_sum_by_block(const Term& term, long long columns, float* scratch, float* quads) {
  if constexpr (WIDE) return ordered_block_sum4(term, columns, scratch, quads);
  else return ordered_block_sum(term, columns, scratch);
}

// f(i) for the first column of each word of a row, by the block's threads.
template <bool WIDE, class F>
__device__ __forceinline__ void row_by_block(const F& f, long long columns) {
  constexpr int WIDTH = RowWord<WIDE>::WIDTH;
#pragma unroll 2
  for (long long i = (long long)WIDTH * threadIdx.x; i < columns; i += WIDTH * ROW_THREADS) f(i);
}
