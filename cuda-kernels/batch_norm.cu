// Batch normalization of [n, channels, space] and its gradient; definition and roundings: op/BatchNorm.java. The sums of a
// channel are block sums over its elements in the order (n, space): a warp a block, then a block of threads a channel for
// the totals. Bound by memory: forward reads x three times and writes y, the gradient reads x and dy twice and writes dx.
#include "exact_math.cuh"
#include "rows.cuh"

// The work of a warp of the block sums: neighbouring warps take neighbouring channels, which lie side by side where
// space is 1.
struct NormUnit {
  long long channel, partial, first;
  int terms;

  __device__ __forceinline__ NormUnit(long long n, long long channels, long long space) {
    const long long count = n * space;
    const long long blocks = (count + CONTRACT_BLOCK - 1) / CONTRACT_BLOCK;
    const long long unit = (long long)blockIdx.x * 8 + threadIdx.x / WARP_LANES;
    const bool works = unit < channels * blocks;  // same for all lanes of a warp
    channel = works ? unit % channels : 0;
    const long long block = works ? unit / channels : 0;
    partial = channel * blocks + block;
    first = block * CONTRACT_BLOCK;
    const long long rest = count - first;
    terms = !works ? 0 : rest < CONTRACT_BLOCK ? (int)rest : CONTRACT_BLOCK;
  }

  __device__ __forceinline__ void store(float sum, float* partials) const {
    if (terms > 0 && threadIdx.x % WARP_LANES == 0) partials[partial] = sum;
  }
};

// Where element i of a channel lies; i is below 2^30.
__device__ __forceinline__ long long norm_at(long long i, long long channel, long long channels, long long space) {
  if (space == 1) return i * channels + channel;
  const unsigned int image = (unsigned int)i / (unsigned int)space;
  const unsigned int rest = (unsigned int)i - image * (unsigned int)space;
  return (image * channels + channel) * space + rest;
}

// Whether four neighbouring terms of a channel are neighbours in memory, too, on 16 bytes.
__device__ __forceinline__ bool norm_is_wide(long long space, const void* x) { return space % 4 == 0 && is_aligned16(x); }

// The sum of a unit's block in lane 0; term(at) gives the word of terms that lies at x[at].
template <bool WIDE, class Term>
__device__ __forceinline__ float norm_sum(const Term& term, const NormUnit& unit, long long channels, long long space,
                                          float* quads) {
  const auto of = [&](long long i) { return term(norm_at(i, unit.channel, channels, space)); };
  if constexpr (WIDE) return ordered_block_by_warp4(of, unit.first, unit.terms, row_quads(quads));
  else return ordered_block_by_warp(of, unit.first, unit.terms);
}

extern "C" __global__ void __launch_bounds__(256)
batch_norm_sums(const float* x, float* partials, long long n, long long channels, long long space) {
  ROW_QUADS(quads);
  const NormUnit unit(n, channels, space);
  const float sum =
      norm_is_wide(space, x)
          ? norm_sum<true>([x](long long at) { return load4(x + at); }, unit, channels, space, quads)
          : norm_sum<false>([x](long long at) { return x[at]; }, unit, channels, space, quads);
  unit.store(sum, partials);
}
EXPORT_KERNEL(batch_norm_sums)

template <bool WIDE>
__device__ __forceinline__ float norm_squares(const float* x, float m, const NormUnit& unit, long long channels,
                                              long long space, float* quads) {
  const auto square = [m](float x) {
    const float d = __fsub_rn(x, m);
    return __fmul_rn(d, d);
  };
  return norm_sum<WIDE>([x, &square](long long at) { return row_map(square, RowWord<WIDE>::load(x + at)); }, unit,
                        channels, space, quads);
}

extern "C" __global__ void __launch_bounds__(256)
batch_norm_squares(const float* x, const float* mean, float* partials, long long n, long long channels, long long space) {
  ROW_QUADS(quads);
  const NormUnit unit(n, channels, space);
  const float m = mean[unit.channel];
  unit.store(norm_is_wide(space, x) ? norm_squares<true>(x, m, unit, channels, space, quads)
                                    : norm_squares<false>(x, m, unit, channels, space, quads),
             partials);
}
EXPORT_KERNEL(batch_norm_squares)

// dy·h and dy; the second sum finds dy in the cache.
template <bool WIDE>
__device__ __forceinline__ void norm_products(const float* dy, const float* x, float m, float s, float* scales,
                                              float* shifts, const NormUnit& unit, long long channels, long long space,
                                              float* quads) {
  using Word = RowWord<WIDE>;
  const auto product = [m, s](float d, float x) { return __fmul_rn(d, __fmul_rn(__fsub_rn(x, m), s)); };
  unit.store(norm_sum<WIDE>(
                 [dy, x, &product](long long at) { return row_map(product, Word::load(dy + at), Word::load(x + at)); },
                 unit, channels, space, quads),
             scales);
  unit.store(norm_sum<WIDE>([dy](long long at) { return Word::load(dy + at); }, unit, channels, space, quads), shifts);
}

extern "C" __global__ void __launch_bounds__(256, 4)
batch_norm_products(const float* dy, const float* x, const float* mean, const float* rstd, float* scales, float* shifts,
                    long long n, long long channels, long long space) {
  ROW_QUADS(quads);
  const NormUnit unit(n, channels, space);
  const float m = mean[unit.channel];
  const float s = rstd[unit.channel];
  if (norm_is_wide(space, dy) && is_aligned16(x)) {
    norm_products<true>(dy, x, m, s, scales, shifts, unit, channels, space, quads);
  } else {
    norm_products<false>(dy, x, m, s, scales, shifts, unit, channels, space, quads);
  }
}
EXPORT_KERNEL(batch_norm_products)

// ---- totals: a block of threads a channel

extern "C" __global__ void __launch_bounds__(256)
batch_norm_mean(const float* partials, long long blocks, float count, float* mean) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* from = partials + blockIdx.x * blocks;
  const float sum = ordered_block_sum([from](long long i) { return from[i]; }, blocks, scratch);
  if (threadIdx.x == 0) mean[blockIdx.x] = __fdiv_rn(sum, count);
}
EXPORT_KERNEL(batch_norm_mean)

extern "C" __global__ void __launch_bounds__(256)
batch_norm_deviation(const float* partials, long long blocks, float count, float less_one, float eps, const float* mean,
                     float* rstd, float momentum, float* running_mean, float* running_variance) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* from = partials + blockIdx.x * blocks;
  const float sum = ordered_block_sum([from](long long i) { return from[i]; }, blocks, scratch);
  if (threadIdx.x != 0) return;  // no barrier follows
  rstd[blockIdx.x] = em_rsqrtf(__fadd_rn(__fdiv_rn(sum, count), eps));
  if (running_mean == nullptr) return;
  const float m = running_mean[blockIdx.x];
  const float v = running_variance[blockIdx.x];
  running_mean[blockIdx.x] = __fmaf_rn(momentum, __fsub_rn(mean[blockIdx.x], m), m);
  running_variance[blockIdx.x] = __fmaf_rn(momentum, __fsub_rn(__fdiv_rn(sum, less_one), v), v);
}
EXPORT_KERNEL(batch_norm_deviation)

extern "C" __global__ void __launch_bounds__(256)
batch_norm_totals(const float* scales, const float* shifts, long long blocks, float* dgamma, float* dbeta) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* from = scales + blockIdx.x * blocks;
  const float scale = ordered_block_sum([from](long long i) { return from[i]; }, blocks, scratch);
  const float* other = shifts + blockIdx.x * blocks;
  const float shift = ordered_block_sum([other](long long i) { return other[i]; }, blocks, scratch);
  if (threadIdx.x == 0) {
    dgamma[blockIdx.x] = scale;
    dbeta[blockIdx.x] = shift;
  }
}
EXPORT_KERNEL(batch_norm_totals)

extern "C" __global__ void __launch_bounds__(256)
batch_norm_rstd(const float* variance, float eps, float* rstd, long long channels) {
  const long long c = (long long)blockIdx.x * 256 + threadIdx.x;
  if (c < channels) rstd[c] = em_rsqrtf(__fadd_rn(variance[c], eps));
}
EXPORT_KERNEL(batch_norm_rstd)

// ---- element by element: four a thread, in one access where they are aligned and of one channel

struct NormApply {
  float gamma, beta, mean, rstd;

  __device__ __forceinline__ float operator()(float x) const {
    return __fmaf_rn(__fmul_rn(__fsub_rn(x, mean), rstd), gamma, beta);
  }
};

extern "C" __global__ void __launch_bounds__(256)
batch_norm_apply(const float* x, const float* gamma, const float* beta, const float* mean, const float* rstd, float* y,
                 long long elements, long long channels, long long space) {
  const long long first = ((long long)blockIdx.x * 256 + threadIdx.x) * 4;
  if (first >= elements) return;
  if (space % 4 == 0 && is_aligned16(x) && is_aligned16(y)) {
    const long long c = first / space % channels;
    const NormApply f = {gamma[c], beta[c], mean[c], rstd[c]};
    float4 v = load4(x + first);
    v.x = f(v.x);
    v.y = f(v.y);
    v.z = f(v.z);
    v.w = f(v.w);
    store4(y + first, v);
    return;
  }
  const long long end = first + 4 < elements ? first + 4 : elements;
  for (long long i = first; i < end; i++) {
    const long long c = i / space % channels;
    const NormApply f = {gamma[c], beta[c], mean[c], rstd[c]};
    y[i] = f(x[i]);
  }
}
EXPORT_KERNEL(batch_norm_apply)

struct NormSlope {
  float mean, rstd, scale, a, b;

  __device__ __forceinline__ float operator()(float dy, float x) const {
    const float h = __fmul_rn(__fsub_rn(x, mean), rstd);
    return __fmul_rn(scale, __fmaf_rn(-h, b, __fsub_rn(dy, a)));
  }
};

extern "C" __global__ void __launch_bounds__(256)
batch_norm_slope(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd,
                 const float* dgamma, const float* dbeta, float count, float* dx, long long elements, long long channels,
                 long long space) {
  const long long first = ((long long)blockIdx.x * 256 + threadIdx.x) * 4;
  if (first >= elements) return;
  const auto of = [=](long long c) {
    return NormSlope{mean[c], rstd[c], __fmul_rn(gamma[c], rstd[c]), __fdiv_rn(dbeta[c], count),
                     __fdiv_rn(dgamma[c], count)};
  };
  if (space % 4 == 0 && is_aligned16(dy) && is_aligned16(x) && is_aligned16(dx)) {
    const NormSlope f = of(first / space % channels);
    float4 d = load4(dy + first);
    const float4 v = load4(x + first);
    d.x = f(d.x, v.x);
    d.y = f(d.y, v.y);
    d.z = f(d.z, v.z);
    d.w = f(d.w, v.w);
    store4(dx + first, d);
    return;
  }
  const long long end = first + 4 < elements ? first + 4 : elements;
  for (long long i = first; i < end; i++) dx[i] = of(i / space % channels)(dy[i], x[i]);
}
EXPORT_KERNEL(batch_norm_slope)
