// Layer normalization over rows and its gradients; definition and roundings: op/LayerNorm.java. Short rows, of at most
// 32·N columns: a warp a row, eight rows a block, lane j holds columns j, j + 32, … in N registers; one read and one
// write of global memory an element. Longer rows: a block of 256 threads a row, which keeps the row in shared memory
// where it fits (`kept`), else reads it again. The sums are the contract's block sums either way.
#include "exact_math.cuh"
#include "ordered_sum.cuh"
#include "portable.cuh"

constexpr int NORM_WARPS = 8;

// The block sum of term(k), k = 0 … N-1 in lane j for column j + 32·k, in every lane of the warp.
template <int N, class Term>
__device__ __forceinline__ float norm_row_sum(const Term& term, int columns) {
  const int lane = (int)(threadIdx.x % WARP_LANES);
  float s = term(0);
#pragma unroll
  for (int k = 1; k < N; k++) {
    if (lane + k * WARP_LANES < columns) s = __fadd_rn(s, term(k));
  }
  s = ordered_lanes(s, columns < CONTRACT_LANES ? columns : CONTRACT_LANES);
  return __shfl_sync(ALL_LANES, s, 0);
}

template <int N>
__device__ __forceinline__ void norm_forward_short(const float* x, const float* gamma, const float* beta, float eps, float* y,
                                                   float* mean, float* rstd, long long rows, long long columns64) {
  const long long row = (long long)blockIdx.x * NORM_WARPS + threadIdx.x / WARP_LANES;
  if (row >= rows) return;  // a whole warp, and no barrier follows
  const int lane = (int)(threadIdx.x % WARP_LANES);
  const int columns = (int)columns64;
  const float count = (float)columns;
  float d[N];
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = lane + k * WARP_LANES;
    d[k] = i < columns ? x[row * columns64 + i] : 0.0f;
  }
  const float m = __fdiv_rn(norm_row_sum<N>([&d](int k) { return d[k]; }, columns), count);
#pragma unroll
  for (int k = 0; k < N; k++) d[k] = __fsub_rn(d[k], m);
  const float var = __fdiv_rn(norm_row_sum<N>([&d](int k) { return __fmul_rn(d[k], d[k]); }, columns), count);
  const float s = em_rsqrtf(__fadd_rn(var, eps));
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = lane + k * WARP_LANES;
    if (i < columns) y[row * columns64 + i] = __fmaf_rn(__fmul_rn(d[k], s), gamma[i], beta[i]);
  }
  if (lane == 0) {
    mean[row] = m;
    rstd[row] = s;
  }
}

template <int N>
__device__ __forceinline__ void norm_gradient_short(const float* dy, const float* x, const float* gamma, const float* mean,
                                                    const float* rstd, float* dx, long long rows, long long columns64) {
  const long long row = (long long)blockIdx.x * NORM_WARPS + threadIdx.x / WARP_LANES;
  if (row >= rows) return;
  const int lane = (int)(threadIdx.x % WARP_LANES);
  const int columns = (int)columns64;
  const float count = (float)columns;
  const float m = mean[row];
  const float s = rstd[row];
  float g[N], h[N];
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = lane + k * WARP_LANES;
    const bool in = i < columns;
    g[k] = in ? __fmul_rn(dy[row * columns64 + i], gamma[i]) : 0.0f;
    h[k] = in ? __fmul_rn(__fsub_rn(x[row * columns64 + i], m), s) : 0.0f;
  }
  const float a = __fdiv_rn(norm_row_sum<N>([&g](int k) { return g[k]; }, columns), count);
  const float b = __fdiv_rn(norm_row_sum<N>([&g, &h](int k) { return __fmul_rn(g[k], h[k]); }, columns), count);
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = lane + k * WARP_LANES;
    if (i < columns) dx[row * columns64 + i] = __fmul_rn(s, __fmaf_rn(-h[k], b, __fsub_rn(g[k], a)));
  }
}

#define NORM_FORWARD_SHORT(width)                                                                                       \
  extern "C" __global__ void __launch_bounds__(256)                                                                     \
  layer_norm_forward_##width(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean,   \
                             float* rstd, int, long long rows, long long columns) {                                     \
    norm_forward_short<width / 32>(x, gamma, beta, eps, y, mean, rstd, rows, columns);                                  \
  }
NORM_FORWARD_SHORT(32)
EXPORT_KERNEL(layer_norm_forward_32)
NORM_FORWARD_SHORT(128)
EXPORT_KERNEL(layer_norm_forward_128)
NORM_FORWARD_SHORT(512)
EXPORT_KERNEL(layer_norm_forward_512)
NORM_FORWARD_SHORT(1024)
EXPORT_KERNEL(layer_norm_forward_1024)

#define NORM_GRADIENT_SHORT(width)                                                                                      \
  extern "C" __global__ void __launch_bounds__(256)                                                                     \
  layer_norm_gradient_##width(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd, \
                              float* dx, int, long long rows, long long columns) {                                      \
    norm_gradient_short<width / 32>(dy, x, gamma, mean, rstd, dx, rows, columns);                                       \
  }
NORM_GRADIENT_SHORT(32)
EXPORT_KERNEL(layer_norm_gradient_32)
NORM_GRADIENT_SHORT(128)
EXPORT_KERNEL(layer_norm_gradient_128)
NORM_GRADIENT_SHORT(512)
EXPORT_KERNEL(layer_norm_gradient_512)
NORM_GRADIENT_SHORT(1024)
EXPORT_KERNEL(layer_norm_gradient_1024)

// Long rows. Dynamic shared memory: `columns` floats if kept.

extern "C" __global__ void __launch_bounds__(256)
layer_norm_forward_long(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean,
                        float* rstd, int kept, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  DYNAMIC_SHARED(float, row);
  const float* from = x + blockIdx.x * columns;
  float* to = y + blockIdx.x * columns;
  const float count = (float)columns;
  // The same thread asks for a term in both sums, so the second finds what the first kept.
  const float total = ordered_block_sum(
      [from, row, kept](long long i) {
        const float value = from[i];
        if (kept) row[i] = value;
        return value;
      },
      columns, scratch);
  const float m = __fdiv_rn(total, count);
  const float* again = kept ? row : from;
  const float squares = ordered_block_sum(
      [again, m](long long i) {
        const float d = __fsub_rn(again[i], m);
        return __fmul_rn(d, d);
      },
      columns, scratch);
  const float s = em_rsqrtf(__fadd_rn(__fdiv_rn(squares, count), eps));
  for (long long i = threadIdx.x; i < columns; i += 256) {
    to[i] = __fmaf_rn(__fmul_rn(__fsub_rn(again[i], m), s), gamma[i], beta[i]);
  }
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = m;
    rstd[blockIdx.x] = s;
  }
}
EXPORT_KERNEL(layer_norm_forward_long)

// Dynamic shared memory: 2 · `columns` floats if kept.
extern "C" __global__ void __launch_bounds__(256)
layer_norm_gradient_long(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd,
                         float* dx, int kept, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  DYNAMIC_SHARED(float, row);
  const float* slope = dy + blockIdx.x * columns;
  const float* value = x + blockIdx.x * columns;
  float* to = dx + blockIdx.x * columns;
  float* row_h = row + (kept ? columns : 0);
  const float m = mean[blockIdx.x];
  const float s = rstd[blockIdx.x];
  const float count = (float)columns;
  const auto g_of = [slope, gamma, row, kept](long long i) {
    return kept ? row[i] : __fmul_rn(slope[i], gamma[i]);
  };
  const auto h_of = [value, m, s, row_h, kept](long long i) {
    return kept ? row_h[i] : __fmul_rn(__fsub_rn(value[i], m), s);
  };
  const float sum_g = ordered_block_sum(
      [slope, gamma, row, kept](long long i) {
        const float g = __fmul_rn(slope[i], gamma[i]);
        if (kept) row[i] = g;
        return g;
      },
      columns, scratch);
  const float sum_gh = ordered_block_sum(
      [value, m, s, row_h, kept, &g_of](long long i) {
        const float h = __fmul_rn(__fsub_rn(value[i], m), s);
        if (kept) row_h[i] = h;
        return __fmul_rn(g_of(i), h);
      },
      columns, scratch);
  const float a = __fdiv_rn(sum_g, count);
  const float b = __fdiv_rn(sum_gh, count);
  for (long long i = threadIdx.x; i < columns; i += 256) {
    to[i] = __fmul_rn(s, __fmaf_rn(-h_of(i), b, __fsub_rn(g_of(i), a)));
  }
}
EXPORT_KERNEL(layer_norm_gradient_long)

// The first level of the run sums over rows of dy·h and of dy: to [ceil(rows / 32), columns] each. One thread a run
// and column; neighbouring threads read neighbouring columns.
extern "C" __global__ void __launch_bounds__(256)
layer_norm_parameters(const float* dy, const float* x, const float* mean, const float* rstd, long long rows,
                      long long columns, float* scales, float* shifts) {
  const long long unit = (long long)blockIdx.x * 256 + threadIdx.x;
  const long long first = unit / columns * CONTRACT_RUN;
  if (first >= rows) return;
  const long long rest = rows - first;
  const int terms = rest < CONTRACT_RUN ? (int)rest : CONTRACT_RUN;
  const float* slope = dy + first * columns + unit % columns;
  const float* value = x + first * columns + unit % columns;
  const float* m = mean + first;
  const float* s = rstd + first;
  float shift = slope[0];
  float scale = __fmul_rn(shift, __fmul_rn(__fsub_rn(value[0], m[0]), s[0]));
#pragma unroll 8
  for (int i = 1; i < terms; i++) {
    const float d = slope[i * columns];
    shift = __fadd_rn(shift, d);
    scale = __fadd_rn(scale, __fmul_rn(d, __fmul_rn(__fsub_rn(value[i * columns], m[i]), s[i])));
  }
  scales[unit] = scale;
  shifts[unit] = shift;
}
EXPORT_KERNEL(layer_norm_parameters)
