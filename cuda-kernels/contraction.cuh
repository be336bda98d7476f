// What the kernels of contractions (gemm.cu, conv2d.cu, conv2d_weight_gradient.cu) share: the tiles, and the walk over
// the terms. How operands are fetched is each kernel's own.
//
// A block computes BM x BN outputs, a warp WM x WN of them, a thread TM x TN in pieces of four by four. Terms come in
// steps of eight through three stages of shared memory: while one is computed on, two are on their way. Within a step a
// thread reads the operands of a term while it multiplies those of the term before. The design in numbers: README.md.
#pragma once

#include "portable.cuh"

// Terms of a step; divides the shortest chunk, so that chunks end where steps end.
constexpr int TILE_DEPTH = 8;
constexpr int TILE_STAGES = 3;

template <int BM_, int BN_, int WM_, int WN_, int TM_, int TN_>
struct Tile {
  static constexpr int BM = BM_, BN = BN_, WM = WM_, WN = WN_, TM = TM_, TN = TN_;
  static constexpr int THREADS = 32 * (BM / WM) * (BN / WN);
  static constexpr int LANES_N = WN / TN, LANES_M = WM / TM;
  static_assert(LANES_M * LANES_N == 32, "a warp's lanes cover its tile");
  // Four floats more than the tile: what eight terms of four rows store then falls into 32 different banks.
  static constexpr int A_ROW = BM + 4, B_ROW = BN + 4;
  static constexpr int STAGE = TILE_DEPTH * (A_ROW + B_ROW);
};

__device__ __forceinline__ void tile_read4(float* to, const float* from) {
  const float4 v = load4(from);
  to[0] = v.x;
  to[1] = v.y;
  to[2] = v.z;
  to[3] = v.w;
}

// A thread's operands of one term.
template <class T>
struct TileTerm {
  float x[T::TM], y[T::TN];

  __device__ __forceinline__ void load(const float* a, const float* b) {
#pragma unroll
    for (int i = 0; i < T::TM; i += 4) tile_read4(x + i, a + i * T::LANES_M);
#pragma unroll
    for (int j = 0; j < T::TN; j += 4) tile_read4(y + j, b + j * T::LANES_N);
  }

  __device__ __forceinline__ void multiply(float (&acc)[T::TM][T::TN]) const {
#pragma unroll
    for (int i = 0; i < T::TM; i++) {
#pragma unroll
      for (int j = 0; j < T::TN; j++) acc[i][j] = __fmaf_rn(x[i], y[j], acc[i][j]);
    }
  }
};

// What a block's threads go through: copies on their way, and the terms they are at.
//
// FA and FB fetch the operands: begin<STEADY>(shared, terms) begins copying a step to shared [term][ROW] and goes on to
// the next one; end<STEADY>(shared, terms) ends what was begun. STEADY promises eight terms and aligned memory; else
// `terms` are left, and may be fewer, or none: what lies behind them is not computed on.
template <class T, class FA, class FB>
struct TileWalk {
  static constexpr int B_AT = TILE_DEPTH * T::A_ROW;   // b's part of a stage
  static constexpr int LAST = (TILE_STAGES - 1) * T::STAGE;
  FA fa;
  FB fb;
  float* stages;
  int write, read;   // where in `stages`
  int to_copy;       // terms that are not copied yet
  int row, column;   // the thread's first ones
  TileTerm<T> term[2];

  __device__ __forceinline__ TileWalk() {}
  __device__ __forceinline__ explicit TileWalk(const FB& b) : fb(b) {}

  // The thread's first row and column within the tile.
  static __device__ __forceinline__ int first_row() {
    return (int)threadIdx.x / 32 / (T::BN / T::WN) * T::WM + (int)threadIdx.x % 32 / T::LANES_N * 4;
  }
  static __device__ __forceinline__ int first_column() {
    return (int)threadIdx.x / 32 % (T::BN / T::WN) * T::WN + (int)threadIdx.x % T::LANES_N * 4;
  }

  // Copies the first steps; fa and fb are ready.
  __device__ __forceinline__ void start(float* shared, int terms) {
    stages = shared;
    write = read = 0;
    row = first_row();
    column = first_column();
    to_copy = terms;
#pragma unroll
    for (int s = 0; s < TILE_STAGES - 1; s++) {
      if (s > 0) __syncthreads();   // what begin prepares for the next begin is seen by all
      begin<false>();
      end<false>();
    }
    copy_async_wait<TILE_STAGES - 2>();
    __syncthreads();
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin() {
    fa.template begin<STEADY>(stages + write, to_copy);
    fb.template begin<STEADY>(stages + write + B_AT, to_copy);
    copy_async_commit();
  }

  template <bool STEADY>
  __device__ __forceinline__ void end() {
    fa.template end<STEADY>(stages + write, to_copy);
    fb.template end<STEADY>(stages + write + B_AT, to_copy);
    to_copy -= TILE_DEPTH;
    write = write == LAST ? 0 : write + T::STAGE;
  }

  __device__ __forceinline__ void load(int into, int t) {
    term[into].load(stages + (read + row) + t * T::A_ROW, stages + (read + column) + (B_AT + t * T::B_ROW));
  }

  // One step of eight terms, while the step after the next one is copied over the stage that was read last.
  template <bool STEADY>
  __device__ __forceinline__ void step(float (&acc)[T::TM][T::TN]) {
#pragma unroll
    for (int t = 0; t < TILE_DEPTH; t++) {
      if (t < TILE_DEPTH - 1) {
        load((t + 1) & 1, t + 1);
      } else {
        // All have read this stage's last term, and behind the barrier the next stage is whole.
        end<STEADY>();
        copy_async_wait<TILE_STAGES - 2>();
        __syncthreads();
        read = read == LAST ? 0 : read + T::STAGE;
        load(0, 0);
      }
      if (t == 0) begin<STEADY>();
      term[t & 1].multiply(acc);
    }
  }

  // The chain of the next chunk of at most `most` terms (a multiple of eight), of which `left` are there; gives how many
  // it took. `aligned`: all of memory is aligned.
  __device__ __forceinline__ int chunk(float (&acc)[T::TM][T::TN], int most, int left, bool aligned) {
    const int full = left / TILE_DEPTH, chunk_steps = most / TILE_DEPTH;
    const int steps = full < chunk_steps ? full : chunk_steps;
    const int whole = to_copy > 0 && aligned ? to_copy / TILE_DEPTH : 0;
    const int steady = whole < steps ? whole : steps;
    load(0, 0);
#pragma unroll 1
    for (int s = 0; s < steady; s++) step<true>(acc);
#pragma unroll 1
    for (int s = steady; s < steps; s++) step<false>(acc);
    if (steps == chunk_steps) return most;
    // The last terms are fewer than eight, and not filled up: fma(0, 0, -0) is +0.
#pragma unroll 1
    for (int t = 0; t < left - steps * TILE_DEPTH; t++) {
      load(0, t);
      term[0].multiply(acc);
    }
    return left;
  }
};
