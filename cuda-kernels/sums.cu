// Sums in the contract's two orders (op/Sums.java, contract/OrderedSum.java). One launch does one level of a
// sum tree; the host launches until one partial a row or channel is left. Bound by memory: the first level
// reads everything once, each later one 1/1024 (blocks) or 1/32 (runs) of that.
#include "rows.cuh"

// One level of block sums: x [rows, count] to [rows, ceil(count / 1024)]. A warp sums a block (ordered_sum.cuh).
extern "C" __global__ void __launch_bounds__(256)
sums_blocks(const float* x, long long rows, long long count, float* partials, int squared) {
  ROW_QUADS(quads);
  const long long blocks = (count + CONTRACT_BLOCK - 1) / CONTRACT_BLOCK;
  const long long unit = (long long)blockIdx.x * 8 + threadIdx.x / WARP_LANES;
  const bool works = unit < rows * blocks;  // same for all lanes of a warp
  const long long first = works ? unit % blocks * CONTRACT_BLOCK : 0;
  const long long rest = count - first;
  const int terms = !works ? 0 : rest < CONTRACT_BLOCK ? (int)rest : CONTRACT_BLOCK;
  const float* row = x + (works ? unit / blocks * count : 0);
  const auto of = [squared](float value) { return squared ? __fmul_rn(value, value) : value; };
  const bool wide = terms % 4 == 0 && is_aligned16(row + first);  // all blocks but a ragged last one, mostly
  const float sum = wide ? ordered_block_by_warp4([row, of](long long i) { return row_map(of, load4(row + i)); }, first,
                                                  terms, row_quads(quads))
                         : ordered_block_by_warp([row, of](long long i) { return of(row[i]); }, first, terms);
  if (works && threadIdx.x % WARP_LANES == 0) partials[unit] = sum;
}
EXPORT_KERNEL(sums_blocks)

// value[0] / divisor, one rounding.
extern "C" __global__ void sums_divide(float* value, float divisor) {
  if (blockIdx.x == 0 && threadIdx.x == 0) value[0] = __fdiv_rn(value[0], divisor);
}
EXPORT_KERNEL(sums_divide)

// One level of run sums over rows: x [rows, columns] to [ceil(rows / 32), columns]. One thread a run and word of columns, of
// `width` floats (4 where all is aligned); neighbouring threads read neighbouring words.
template <bool WIDE>
__device__ __forceinline__ void runs_of_columns(const float* x, long long rows, long long columns, float* partials) {
  using Word = RowWord<WIDE>;
  const long long unit = ((long long)blockIdx.x * 256 + threadIdx.x) * Word::WIDTH;
  const long long first = unit / columns * CONTRACT_RUN;
  if (first >= rows) return;
  const long long rest = rows - first;
  const int terms = rest < CONTRACT_RUN ? (int)rest : CONTRACT_RUN;
  const float* from = x + first * columns + unit % columns;
  auto sum = Word::load(from);
#pragma unroll 8
  for (int i = 1; i < terms; i++) {
    sum = row_map([](float a, float b) { return __fadd_rn(a, b); }, sum, Word::load(from + i * columns));
  }
  Word::store(partials + unit, sum);
}

extern "C" __global__ void __launch_bounds__(256)
sums_runs_of_columns(const float* x, long long rows, long long columns, float* partials, int width) {
  if (width == 4) runs_of_columns<true>(x, rows, columns, partials);
  else runs_of_columns<false>(x, rows, columns, partials);
}
EXPORT_KERNEL(sums_runs_of_columns)

// The first level of run sums over x [n, channels, space], terms of a channel in order (n, space): to
// [ceil(n · space / 32), channels]. A block takes 32 runs of one channel through shared memory, so that global
// reads are contiguous; then 32 threads each add one run. Rows are 33 wide: no bank conflicts.
extern "C" __global__ void __launch_bounds__(256)
sums_runs_of_channels(const float* x, long long n, long long channels, long long space, float* partials) {
  __shared__ float tile[32 * 33];
  const long long terms = n * space;
  const long long runs = (terms + 31) / 32;
  const long long groups = (runs + 31) / 32;
  const long long channel = blockIdx.x / groups;
  const long long first = blockIdx.x % groups * 1024;
  if (space % 4 == 0 && is_aligned16(x)) {
    const int i = 4 * (int)threadIdx.x;
    const long long term = first + i;
    if (term < terms) {
      const float4 v = load4(x + (term / space * channels + channel) * space + term % space);
      float* to = tile + i / 32 * 33 + i % 32;
      to[0] = v.x;
      to[1] = v.y;
      to[2] = v.z;
      to[3] = v.w;
    }
  } else {
    for (int i = (int)threadIdx.x; i < 1024; i += 256) {
      const long long term = first + i;
      if (term < terms) {
        tile[i / 32 * 33 + i % 32] = x[(term / space * channels + channel) * space + term % space];
      }
    }
  }
  __syncthreads();
  const long long run = first / 32 + threadIdx.x;
  if (threadIdx.x < 32 && run < runs) {
    const long long rest = terms - run * 32;
    const int count = rest < 32 ? (int)rest : 32;
    const float* from = tile + threadIdx.x * 33;
    float sum = from[0];
    for (int i = 1; i < count; i++) sum = __fadd_rn(sum, from[i]);
    partials[run * channels + channel] = sum;
  }
}
EXPORT_KERNEL(sums_runs_of_channels)
