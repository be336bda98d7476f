// The two sum trees of the contract, on the device. Twin of contract/OrderedSum.java. Every addition is one
// float add, rounded to nearest even; the tree depends on the number of terms only.
//
// Block sum (along a contiguous axis): blocks of 1,024 as 32 rows of 32 lanes. Lane j adds elements j, j + 32, …
// from its first; lanes combine by halving (+16, +8, +4, +2, +1); a lane without an element takes no part (a +0
// in its place would turn a sum of -0 into +0). The block partials are summed the same way.
//
// Run sum (across rows): runs of 32 terms, each left to right from its first; the partials likewise.
//
// `Term` is a functor float(long long i). Terms are asked for each once. Counts are 1 or more; an op that
// allows empty sums says itself what they are.
#pragma once

#include "contract.cuh"
#include "portable.cuh"

// ---- block sums ----

// Combines the lanes of a warp by halving: lane j's value counts where j < lanes. All 32 lanes of the warp
// call it; lane 0 gets the sum, the others get nothing of use. lanes is 0 … 32 and the same in all.
__device__ __forceinline__ float ordered_lanes(float value, int lanes) {
  const int lane = (int)(threadIdx.x % WARP_LANES);
#pragma unroll
  for (int half = CONTRACT_LANES / 2; half > 0; half /= 2) {
    const float other = __shfl_down_sync(ALL_LANES, value, half);
    if (lane + half < lanes) value = __fadd_rn(value, other);
    lanes = lanes < half ? lanes : half;
  }
  return value;
}

// One block of `count` terms, 1 … 1,024, from term `first` on, by one warp whose 32 lanes all call this with the
// same arguments; blockDim.x is a multiple of 32. Lane 0 gets the sum. count 0: no term is asked for, no value.
template <class Term>
__device__ __forceinline__ float ordered_block_by_warp(const Term& term, long long first, int count) {
  const int lane = (int)(threadIdx.x % WARP_LANES);
  float sum = 0.0f;
  if (lane < count) {
    sum = term(first + lane);
#pragma unroll 4
    for (int i = lane + CONTRACT_LANES; i < count; i += CONTRACT_LANES) sum = __fadd_rn(sum, term(first + i));
  }
  return ordered_lanes(sum, count < CONTRACT_LANES ? count : CONTRACT_LANES);
}

// ---- block sums of terms that come four at a time
//
// A 16-byte access gives a lane four neighbouring terms, but the tree wants every 32nd. They change places in shared
// memory: stored 16 bytes, read 4 bytes at a time, both without bank conflicts. Same tree, same bits.

// Floats of shared memory that a warp needs for that.
constexpr int ORDERED_QUADS = 256;

// Goes on with a block's chains: of its `count` terms, a multiple of four, those from `at` (a multiple of 128) on, up to
// 128·N of them, are added to the lanes' sums; lane j holds terms at + 128k + 4j … + 3 in v[k]. All 32 lanes call it;
// `quads` is the warp's own, 16-byte aligned, and may be used for other things at once.
template <int N>
__device__ __forceinline__ float ordered_quads_add(float sum, const float4 (&v)[N], int at, int count, float* quads) {
  constexpr int ROUND = N < 2 ? N : 2;
  static_assert(N % ROUND == 0 && 128 * ROUND <= ORDERED_QUADS, "rounds fit");
  const int lane = (int)(threadIdx.x % WARP_LANES);
#pragma unroll
  for (int k = 0; k < N; k += ROUND) {
    const int first = at + 128 * k;
    if (first >= count) break;  // the same for all lanes
#pragma unroll
    for (int q = 0; q < ROUND; q++) {
      if (first + 128 * q + 4 * lane < count) store4(quads + 128 * q + 4 * lane, v[k + q]);
    }
    __syncwarp();
#pragma unroll
    for (int i = 0; i < 4 * ROUND; i++) {
      if (first + 32 * i + lane < count) {
        const float term = quads[32 * i + lane];
        sum = first + i == 0 ? term : __fadd_rn(sum, term);
      }
    }
    __syncwarp();
  }
  return sum;
}

// One block of `count` terms, a multiple of four, 4 … 1,024, that the lanes hold as above from 0 on. Lane 0 gets the sum.
template <int N>
__device__ __forceinline__ float ordered_quads(const float4 (&v)[N], int count, float* quads) {
  const float sum = ordered_quads_add(0.0f, v, 0, count, quads);
  return ordered_lanes(sum, count < CONTRACT_LANES ? count : CONTRACT_LANES);
}

// As ordered_block_by_warp, where term4(i) gives terms i … i + 3 and `count` is a multiple of four; four accesses of a
// lane are in flight at once.
template <class Term4>
__device__ __forceinline__ float ordered_block_by_warp4(const Term4& term4, long long first, int count, float* quads) {
  constexpr int N = 4;
  const int lane = (int)(threadIdx.x % WARP_LANES);
  float sum = 0.0f;
#pragma unroll 1
  for (int at = 0; at < count; at += 128 * N) {
    float4 v[N];
#pragma unroll
    for (int k = 0; k < N; k++) {
      v[k] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
      if (at + 128 * k + 4 * lane < count) v[k] = term4(first + at + 128 * k + 4 * lane);
    }
    sum = ordered_quads_add(sum, v, at, count, quads);
  }
  return ordered_lanes(sum, count < CONTRACT_LANES ? count : CONTRACT_LANES);
}

// ---- block sums by a block of threads

// Floats of shared memory that ordered_block_sum needs.
constexpr int ORDERED_SCRATCH = 2 * CONTRACT_BLOCK;

// Block sum of `count` terms, 1 … 2^30, by all threads of a one-dimensional block of a multiple of 32 threads; every
// thread gets the sum. `by_warp(first, terms)` is the sum of one block of terms, in lane 0 of the warp that calls it.
// `scratch` is shared memory of ORDERED_SCRATCH floats; it may be used for the next sum at once.
template <class ByWarp>
__device__ float ordered_block_sum_by(const ByWarp& by_warp, long long count, float* scratch) {
  float* partials = scratch;                   // of the blocks of one span of 2^20 terms
  float* spans = scratch + CONTRACT_BLOCK;
  const int warp = (int)(threadIdx.x / WARP_LANES);
  const int warps = (int)(blockDim.x / WARP_LANES);
  const bool first_lane = threadIdx.x % WARP_LANES == 0;
  const long long span = (long long)CONTRACT_BLOCK * CONTRACT_BLOCK;
  const int span_count = (int)((count + span - 1) / span);
  for (int s = 0; s < span_count; s++) {
    const long long start = s * span;
    const long long terms = count - start < span ? count - start : span;
    const int blocks = (int)((terms + CONTRACT_BLOCK - 1) / CONTRACT_BLOCK);
    for (int b = warp; b < blocks; b += warps) {
      const long long rest = terms - (long long)b * CONTRACT_BLOCK;
      const float sum = by_warp(start + (long long)b * CONTRACT_BLOCK, rest < CONTRACT_BLOCK ? (int)rest : CONTRACT_BLOCK);
      if (first_lane) partials[b] = sum;
    }
    __syncthreads();
    if (warp == 0) {
      const float sum = ordered_block_by_warp([partials](long long i) { return partials[i]; }, 0, blocks);
      if (first_lane) spans[s] = sum;
    }
    __syncthreads();
  }
  if (warp == 0) {
    const float sum = ordered_block_by_warp([spans](long long i) { return spans[i]; }, 0, span_count);
    if (first_lane) partials[0] = sum;
  }
  __syncthreads();
  const float sum = partials[0];
  __syncthreads();
  return sum;
}

template <class Term>
__device__ __forceinline__ float ordered_block_sum(const Term& term, long long count, float* scratch) {
  return ordered_block_sum_by(
      [&term](long long first, int terms) { return ordered_block_by_warp(term, first, terms); }, count, scratch);
}

// Terms four at a time; `quads` holds ORDERED_QUADS floats for each warp.
template <class Term4>
__device__ __forceinline__ float ordered_block_sum4(const Term4& term4, long long count, float* scratch, float* quads) {
  float* const own = quads + threadIdx.x / WARP_LANES * ORDERED_QUADS;
  return ordered_block_sum_by(
      [&term4, own](long long first, int terms) { return ordered_block_by_warp4(term4, first, terms, own); }, count,
      scratch);
}

// ---- run sums ----

// A run sum whose terms come one after the other: an odometer of base 32 that holds one partial a level.
struct OrderedRuns {
  static constexpr int LEVELS = 7;  // up to 2^35 terms
  float partial[LEVELS];
  int terms[LEVELS];

  __device__ __forceinline__ OrderedRuns() {
#pragma unroll
    for (int level = 0; level < LEVELS; level++) terms[level] = 0;
  }

  __device__ __forceinline__ void add(float term) {
#pragma unroll
    for (int level = 0; level < LEVELS; level++) {
      partial[level] = terms[level] == 0 ? term : __fadd_rn(partial[level], term);
      if (++terms[level] < CONTRACT_RUN) return;
      terms[level] = 0;
      term = partial[level];  // a full run is a term of the next level
    }
    // Beyond 2^35 terms: no more levels.
    terms[LEVELS - 1] = CONTRACT_RUN;
  }

  // Of the terms so far, at least one.
  __device__ __forceinline__ float sum() const {
    float last = 0.0f;
    bool some = false;
#pragma unroll
    for (int level = 0; level < LEVELS; level++) {
      if (terms[level] == 0) continue;
      last = some ? __fadd_rn(partial[level], last) : partial[level];
      some = true;
    }
    return last;
  }
};

// One run of `count` terms, 1 … 32, from term `first` on, by one thread.
template <class Term>
__device__ __forceinline__ float ordered_run(const Term& term, long long first, int count) {
  float sum = term(first);
#pragma unroll 8
  for (int i = 1; i < count; i++) sum = __fadd_rn(sum, term(first + i));
  return sum;
}

// Run sum of `count` terms, 1 … 2^35, by one thread.
template <class Term>
__device__ __forceinline__ float ordered_run_sum(const Term& term, long long count) {
  if (count <= CONTRACT_RUN) return ordered_run(term, 0, (int)count);
  OrderedRuns runs;
  for (long long i = 0; i < count; i++) runs.add(term(i));
  return runs.sum();
}

// Run sum of `count` terms, 1 … 2^35, by all threads of a one-dimensional block; every thread gets the sum. `scratch`
// is shared memory of ORDERED_SCRATCH floats; it may be used for the next sum at once. For long sums: a thread adds
// runs, so terms of neighbouring runs are asked for at the same time.
template <class Term>
__device__ float ordered_run_sum_by_block(const Term& term, long long count, float* scratch) {
  constexpr int RUNS = CONTRACT_RUN * CONTRACT_RUN;  // a pass is 32^3 terms
  constexpr long long PASS = (long long)RUNS * CONTRACT_RUN;
  float* partials = scratch;
  float* seconds = scratch + RUNS;
  OrderedRuns passes;  // thread 0's
  for (long long start = 0; start < count; start += PASS) {
    const long long terms = count - start < PASS ? count - start : PASS;
    const int runs = (int)((terms + CONTRACT_RUN - 1) / CONTRACT_RUN);
    for (int r = (int)threadIdx.x; r < runs; r += (int)blockDim.x) {
      const long long rest = terms - (long long)r * CONTRACT_RUN;
      partials[r] = ordered_run(term, start + (long long)r * CONTRACT_RUN, rest < CONTRACT_RUN ? (int)rest : CONTRACT_RUN);
    }
    __syncthreads();
    const int groups = (runs + CONTRACT_RUN - 1) / CONTRACT_RUN;
    for (int g = (int)threadIdx.x; g < groups; g += (int)blockDim.x) {
      const int rest = runs - g * CONTRACT_RUN;
      seconds[g] = ordered_run([partials](long long i) { return partials[i]; }, (long long)g * CONTRACT_RUN,
                               rest < CONTRACT_RUN ? rest : CONTRACT_RUN);
    }
    __syncthreads();
    if (threadIdx.x == 0) passes.add(ordered_run([seconds](long long i) { return seconds[i]; }, 0, groups));
  }
  if (threadIdx.x == 0) partials[0] = passes.sum();
  __syncthreads();
  const float sum = partials[0];
  __syncthreads();
  return sum;
}
