// The lengths that fix the order of every sum. Twin of contract/Contract.java; a change of any of them
// changes bits, and is a new version of the contract.
#pragma once

constexpr int CONTRACT_VERSION = 1;

// Terms in one run of a run sum.
constexpr int CONTRACT_RUN = 32;

// Elements in one block of a block sum: 32 rows of CONTRACT_LANES.
constexpr int CONTRACT_BLOCK = 1024;
constexpr int CONTRACT_LANES = 32;

// Shortest chunk of a contraction, and the most chunks that it is cut into.
constexpr int CONTRACT_CHUNK = 512;
constexpr int CONTRACT_MAX_CHUNKS = 32;

// Length of the chunks of a contraction over k terms: 512 up to k = 16,384, then 512 * ceil(k / 16,384).
__device__ __forceinline__ long long contract_chunk(long long k) {
  const long long full = (long long)CONTRACT_CHUNK * CONTRACT_MAX_CHUNKS;
  return k <= full ? CONTRACT_CHUNK : CONTRACT_CHUNK * ((k + full - 1) / full);
}
