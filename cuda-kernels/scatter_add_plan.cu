// The plan of a scatter-add (op/ScatterAddCuda.java): a stable radix sort of the indices, least significant digit
// first, only the bits that the rows need; then the segments of equal indices. Everything is integers.
//
// One pass of the sort: count the digits of each tile of 4,096 positions; sum the counts of a digit along the tiles;
// place each position behind those of smaller digits, of earlier tiles, and of earlier places in its own tile. Blocks
// never wait for one another, so their order is free.
#include "portable.cuh"
#include "scatter_add.cuh"

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP_LANES;
constexpr int TILE = 4096;  // twin: TILE in op/ScatterAddCuda.java
constexpr int ROUNDS = TILE / THREADS;
constexpr int DIGITS = 256;

// Exclusive sum over the block's threads, and the total. All threads call it; `scratch` holds WARPS ints.
__device__ __forceinline__ int block_exclusive(int value, int* scratch, int* total) {
  const int lane = (int)threadIdx.x % WARP_LANES;
  const int warp = (int)threadIdx.x / WARP_LANES;
  int sum = value;
#pragma unroll
  for (int step = 1; step < WARP_LANES; step *= 2) {
    const int other = __shfl_up_sync(ALL_LANES, sum, step);
    if (lane >= step) sum += other;
  }
  if (lane == WARP_LANES - 1) scratch[warp] = sum;
  __syncthreads();
  int before = 0;
  int all = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) {
    const int warp_sum = scratch[w];
    if (w < warp) before += warp_sum;
    all += warp_sum;
  }
  __syncthreads();
  *total = all;
  return before + sum - value;
}

// How often each digit occurs in each tile: counts [digits, tiles].
extern "C" __global__ void __launch_bounds__(THREADS)
scatter_add_count(const int* keys, long long n, int shift, int digit_bits, int* counts) {
  __shared__ int histogram[DIGITS];
  const int digits = 1 << digit_bits;
  const long long first = (long long)blockIdx.x * TILE;
  histogram[threadIdx.x] = 0;
  __syncthreads();
#pragma unroll 4
  for (int round = 0; round < ROUNDS; round++) {
    const long long i = first + round * THREADS + threadIdx.x;
    if (i < n) atomicAdd(&histogram[((unsigned)keys[i] >> shift) & (digits - 1)], 1);
  }
  __syncthreads();
  if ((int)threadIdx.x < digits) counts[(long long)threadIdx.x * gridDim.x + blockIdx.x] = histogram[threadIdx.x];
}
EXPORT_KERNEL(scatter_add_count)

// Exclusive sums along each line of counts [lines, tiles], in place, and each line's total. One block a line.
extern "C" __global__ void __launch_bounds__(THREADS)
scatter_add_scan(int* counts, long long tiles, int* totals) {
  __shared__ int scratch[WARPS];
  int* line = counts + blockIdx.x * tiles;
  if (tiles == 1) {  // nothing to sum, as in most small uses
    if (threadIdx.x == 0) {
      totals[blockIdx.x] = line[0];
      line[0] = 0;
    }
    return;
  }
  int carry = 0;
  for (long long first = 0; first < tiles; first += THREADS) {
    const long long i = first + threadIdx.x;
    const int value = i < tiles ? line[i] : 0;
    int total;
    const int before = block_exclusive(value, scratch, &total);
    if (i < tiles) line[i] = carry + before;
    carry += total;
  }
  if (threadIdx.x == 0) totals[blockIdx.x] = carry;
}
EXPORT_KERNEL(scatter_add_scan)

// Places the positions of one tile. A warp takes 512 places in a row, 32 at a time; equal digits among the 32 find each
// other by ballots. `order` is null in the first pass: a position's number is its place.
extern "C" __global__ void __launch_bounds__(THREADS)
scatter_add_place(const int* keys, const int* order, long long n, int shift, int digit_bits, const int* counts,
                  const int* totals, int* to_keys, int* to_order) {
  __shared__ int at[WARPS][DIGITS];
  __shared__ int scratch[WARPS];
  const int digits = 1 << digit_bits;
  const int lane = (int)threadIdx.x % WARP_LANES;
  const int warp = (int)threadIdx.x / WARP_LANES;
  const long long first = (long long)blockIdx.x * TILE + warp * (TILE / WARPS) + lane;
#pragma unroll
  for (int w = 0; w < WARPS; w++) at[w][threadIdx.x] = 0;
  __syncthreads();

  int key[ROUNDS];
  int rank[ROUNDS];  // among equal digits of this warp
#pragma unroll
  for (int round = 0; round < ROUNDS; round++) {
    const long long i = first + round * WARP_LANES;
    const bool live = i < n;
    if (i - lane >= n) continue;  // the same for all lanes
    key[round] = live ? keys[i] : 0;
    const int digit = (int)(((unsigned)key[round] >> shift) & (digits - 1));
    unsigned peers = __ballot_sync(ALL_LANES, live);
    for (int bit = 0; bit < digit_bits; bit++) {
      const bool set = (digit >> bit) & 1;
      const unsigned vote = __ballot_sync(ALL_LANES, set);
      peers &= set ? vote : ~vote;
    }
    const int before = __popc(peers & ((1u << lane) - 1));
    rank[round] = at[warp][digit] + before;
    __syncwarp();
    if (live && before == 0) at[warp][digit] += __popc(peers);
    __syncwarp();
  }
  __syncthreads();

  // Thread d: where digit d of each warp goes.
  const int d = (int)threadIdx.x;
  int all;
  int next = block_exclusive(d < digits ? totals[d] : 0, scratch, &all);
  if (d < digits) {
    next += counts[(long long)d * gridDim.x + blockIdx.x];
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      const int count = at[w][d];
      at[w][d] = next;
      next += count;
    }
  }
  __syncthreads();

#pragma unroll
  for (int round = 0; round < ROUNDS; round++) {
    const long long i = first + round * WARP_LANES;
    if (i < n) {
      const int to = at[warp][((unsigned)key[round] >> shift) & (digits - 1)] + rank[round];
      to_keys[to] = key[round];
      to_order[to] = order ? order[i] : (int)i;
    }
  }
}
EXPORT_KERNEL(scatter_add_place)

__device__ __forceinline__ bool is_head(const int* keys, long long i, long long n) {
  return i < n && (i == 0 || keys[i] != keys[i - 1]);
}

// Segments that begin in each tile.
extern "C" __global__ void __launch_bounds__(THREADS)
scatter_add_count_heads(const int* keys, long long n, int* counts) {
  __shared__ int sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  int heads = 0;
#pragma unroll 4
  for (int round = 0; round < ROUNDS; round++) {
    heads += is_head(keys, (long long)blockIdx.x * TILE + round * THREADS + threadIdx.x, n);
  }
  if (heads > 0) atomicAdd(&sum, heads);
  __syncthreads();
  if (threadIdx.x == 0) counts[blockIdx.x] = sum;
}
EXPORT_KERNEL(scatter_add_count_heads)

// The row and the first place of each segment, and n at the end. There are at most `most` segments, unless the indices
// are bad: then the plan is dropped, but nothing may be written behind the ends.
extern "C" __global__ void __launch_bounds__(THREADS)
scatter_add_heads(const int* keys, long long n, const int* counts, int* rows, int* starts, int most) {
  __shared__ int scratch[WARPS];
  int segment = counts[blockIdx.x];
  for (int round = 0; round < ROUNDS; round++) {
    if ((long long)blockIdx.x * TILE + round * THREADS >= n) return;  // the same for all threads
    const long long i = (long long)blockIdx.x * TILE + round * THREADS + threadIdx.x;
    const bool head = is_head(keys, i, n);
    int heads;
    const int mine = segment + block_exclusive(head, scratch, &heads);
    if (head && mine <= most) starts[mine] = (int)i;
    if (head && mine < most) rows[mine] = keys[i];
    if (i == n - 1 && mine + head <= most) starts[mine + head] = (int)n;
    segment += heads;
  }
}
EXPORT_KERNEL(scatter_add_heads)

// The segment of each slot, or -1 where no run's sum goes; found[2] = the longest segment of more than one run. That of row
// `padding` (-1: none) owns no slot.
// found[1] is the number of segments.
extern "C" __global__ void __launch_bounds__(THREADS)
scatter_add_owners(
    const int* rows, const int* starts, int* found, int most, int padding, int* owners, long long slots) {
  const long long slot = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (slot >= slots) return;
  // The last segment that starts at or before the slot's last place: if the slot is anybody's, then its.
  int low = 0;
  int high = (found[1] < most ? found[1] : most) - 1;
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    if (starts[middle] / SLOT <= slot) low = middle;
    else high = middle - 1;
  }
  const int terms = starts[low + 1] - starts[low];
  const long long run = slot - starts[low] / SLOT;
  const bool used = terms > CONTRACT_RUN && run < scatter_runs(terms) && rows[low] != padding;
  owners[slot] = used ? low : -1;
  if (used && run == 0) atomicMax(&found[2], terms);
}
EXPORT_KERNEL(scatter_add_owners)
