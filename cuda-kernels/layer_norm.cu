// Layer normalization over rows and its gradients; definition and roundings: op/LayerNorm.java. Rows as in rows.cuh: one
// read and one write of global memory an element for short ones. A long row's block keeps it in shared memory where it
// fits (`kept`), else reads it again. The sums are the contract's block sums either way.
#include "exact_math.cuh"
#include "rows.cuh"

template <int N, bool WIDE>
__device__ __forceinline__ void norm_forward_short(const float* x, const float* gamma, const float* beta, float eps, float* y,
                                                   float* mean, float* rstd, long long rows, long long columns64,
                                                   float* quads) {
  using Word = RowWord<WIDE>;
  const long long row = row_of_warp();
  if (row >= rows) return;  // a whole warp, and no barrier of the block follows
  const int columns = (int)columns64;
  const float count = (float)columns;
  RowLane<N, WIDE> d, square;
  d.load(x + row * columns64, columns, 0.0f);
  const float m = __fdiv_rn(d.sum(columns, quads), count);
#pragma unroll
  for (int k = 0; k < N; k++) {
    d.v[k] = __fsub_rn(d.v[k], m);
    square.v[k] = __fmul_rn(d.v[k], d.v[k]);
  }
  const float var = __fdiv_rn(square.sum(columns, quads), count);
  const float s = em_rsqrtf(__fadd_rn(var, eps));
#pragma unroll
  for (int k = 0; k < N; k += Word::WIDTH) {
    const int i = d.column(k);
    if (i < columns) {
      const auto f = [s](float d, float gamma, float beta) { return __fmaf_rn(__fmul_rn(d, s), gamma, beta); };
      Word::store(y + row * columns64 + i, row_map(f, d.word(k), Word::load(gamma + i), Word::load(beta + i)));
    }
  }
  if (row_lane() == 0) {
    mean[row] = m;
    rstd[row] = s;
  }
}

template <int N, bool WIDE>
__device__ __forceinline__ void norm_gradient_short(const float* dy, const float* x, const float* gamma, const float* mean,
                                                    const float* rstd, float* dx, long long rows, long long columns64,
                                                    float* quads) {
  const long long row = row_of_warp();
  if (row >= rows) return;
  const int columns = (int)columns64;
  const float count = (float)columns;
  const float m = mean[row];
  const float s = rstd[row];
  RowLane<N, WIDE> g, h, other;
  g.load(dy + row * columns64, columns, 0.0f);
  h.load(x + row * columns64, columns, 0.0f);
  other.load(gamma, columns, 0.0f);
#pragma unroll
  for (int k = 0; k < N; k++) {
    g.v[k] = __fmul_rn(g.v[k], other.v[k]);
    h.v[k] = __fmul_rn(__fsub_rn(h.v[k], m), s);
    other.v[k] = __fmul_rn(g.v[k], h.v[k]);
  }
  const float a = __fdiv_rn(g.sum(columns, quads), count);
  const float b = __fdiv_rn(other.sum(columns, quads), count);
#pragma unroll
  for (int k = 0; k < N; k++) g.v[k] = __fmul_rn(s, __fmaf_rn(-h.v[k], b, __fsub_rn(g.v[k], a)));
  g.store(dx + row * columns64, columns);
}

extern "C" __global__ void __launch_bounds__(256)
layer_norm_forward_32(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean, float* rstd, int,
                      long long rows, long long columns) {
  norm_forward_short<1, false>(x, gamma, beta, eps, y, mean, rstd, rows, columns, nullptr);
}
EXPORT_KERNEL(layer_norm_forward_32)

extern "C" __global__ void __launch_bounds__(256)
layer_norm_forward_128(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean, float* rstd, int,
                       long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y) && row_is_wide(columns, gamma, beta)) {
    norm_forward_short<4, true>(x, gamma, beta, eps, y, mean, rstd, rows, columns, row_quads(quads));
  } else {
    norm_forward_short<4, false>(x, gamma, beta, eps, y, mean, rstd, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(layer_norm_forward_128)

extern "C" __global__ void __launch_bounds__(256)
layer_norm_forward_512(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean, float* rstd, int,
                       long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y) && row_is_wide(columns, gamma, beta)) {
    norm_forward_short<16, true>(x, gamma, beta, eps, y, mean, rstd, rows, columns, row_quads(quads));
  } else {
    norm_forward_short<16, false>(x, gamma, beta, eps, y, mean, rstd, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(layer_norm_forward_512)

extern "C" __global__ void __launch_bounds__(256)
layer_norm_forward_1024(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean, float* rstd, int,
                        long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y) && row_is_wide(columns, gamma, beta)) {
    norm_forward_short<32, true>(x, gamma, beta, eps, y, mean, rstd, rows, columns, row_quads(quads));
  } else {
    norm_forward_short<32, false>(x, gamma, beta, eps, y, mean, rstd, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(layer_norm_forward_1024)

extern "C" __global__ void __launch_bounds__(256)
layer_norm_gradient_32(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd, float* dx, int,
                       long long rows, long long columns) {
  norm_gradient_short<1, false>(dy, x, gamma, mean, rstd, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(layer_norm_gradient_32)

extern "C" __global__ void __launch_bounds__(256)
layer_norm_gradient_128(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd, float* dx, int,
                        long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, dy, x, dx) && is_aligned16(gamma)) {
    norm_gradient_short<4, true>(dy, x, gamma, mean, rstd, dx, rows, columns, row_quads(quads));
  } else {
    norm_gradient_short<4, false>(dy, x, gamma, mean, rstd, dx, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(layer_norm_gradient_128)

extern "C" __global__ void __launch_bounds__(256)
layer_norm_gradient_512(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd, float* dx, int,
                        long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, dy, x, dx) && is_aligned16(gamma)) {
    norm_gradient_short<16, true>(dy, x, gamma, mean, rstd, dx, rows, columns, row_quads(quads));
  } else {
    norm_gradient_short<16, false>(dy, x, gamma, mean, rstd, dx, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(layer_norm_gradient_512)

extern "C" __global__ void __launch_bounds__(256)
layer_norm_gradient_1024(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd, float* dx, int,
                         long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, dy, x, dx) && is_aligned16(gamma)) {
    norm_gradient_short<32, true>(dy, x, gamma, mean, rstd, dx, rows, columns, row_quads(quads));
  } else {
    norm_gradient_short<32, false>(dy, x, gamma, mean, rstd, dx, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(layer_norm_gradient_1024)

// Long rows. Dynamic shared memory: `columns` floats if kept. What a sum's terms keep there is read behind its barrier.

template <bool WIDE>
__device__ __forceinline__ void norm_forward_row(const float* from, const float* gamma, const float* beta, float eps,
                                                 float* to, float* mean, float* rstd, bool kept, float* row,
                                                 long long columns, float* scratch, float* quads) {
  using Word = RowWord<WIDE>;
  const float count = (float)columns;
  const float total = row_sum_by_block<WIDE>(
      [from, row, kept](long long i) {
        const auto value = Word::load(from + i);
        if (kept) Word::store(row + i, value);
        return value;
      },
      columns, scratch, quads);
  const float m = __fdiv_rn(total, count);
  const float* again = kept ? row : from;
  const float squares = row_sum_by_block<WIDE>(
      [again, m](long long i) {
        const auto f = [m](float x) {
          const float d = __fsub_rn(x, m);
          return __fmul_rn(d, d);
        };
        return row_map(f, Word::load(again + i));
      },
      columns, scratch, quads);
  const float s = em_rsqrtf(__fadd_rn(__fdiv_rn(squares, count), eps));
  row_by_block<WIDE>(
      [again, m, s, gamma, beta, to](long long i) {
        const auto f = [m, s](float x, float g, float b) { return __fmaf_rn(__fmul_rn(__fsub_rn(x, m), s), g, b); };
        Word::store(to + i, row_map(f, Word::load(again + i), Word::load(gamma + i), Word::load(beta + i)));
      },
      columns);
  if (threadIdx.x == 0) {
    *mean = m;
    *rstd = s;
  }
}

extern "C" __global__ void __launch_bounds__(256)
layer_norm_forward_long(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean,
                        float* rstd, int kept, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  DYNAMIC_SHARED(float, row);
  const long long r = blockIdx.x, at = r * columns;
  if (row_is_wide(columns, x, y) && row_is_wide(columns, gamma, beta)) {
    norm_forward_row<true>(x + at, gamma, beta, eps, y + at, mean + r, rstd + r, kept, row, columns, scratch, quads);
  } else {
    norm_forward_row<false>(x + at, gamma, beta, eps, y + at, mean + r, rstd + r, kept, row, columns, scratch, quads);
  }
}
EXPORT_KERNEL(layer_norm_forward_long)

// A long row of gradients: g = dy · gamma and h = (x - mean) · rstd, by words.
template <bool WIDE>
struct NormSlopes {
  using Word = RowWord<WIDE>;
  const float *slope, *value, *gamma;
  float m, s;

  __device__ __forceinline__ auto g(long long i) const {
    return row_map([](float d, float w) { return __fmul_rn(d, w); }, Word::load(slope + i), Word::load(gamma + i));
  }
  __device__ __forceinline__ auto h(long long i) const {
    return row_map([this](float x) { return __fmul_rn(__fsub_rn(x, m), s); }, Word::load(value + i));
  }
};

template <bool WIDE>
__device__ __forceinline__ void norm_gradient_row(const NormSlopes<WIDE>& of, float* to, bool kept, float* row,
                                                  long long columns, float* scratch, float* quads) {
  using Word = RowWord<WIDE>;
  const float count = (float)columns;
  float* const row_h = row + (kept ? columns : 0);
  const float sum_g = row_sum_by_block<WIDE>(
      [&of, row, kept](long long i) {
        const auto g = of.g(i);
        if (kept) Word::store(row + i, g);
        return g;
      },
      columns, scratch, quads);
  const auto g_of = [&of, row, kept](long long i) { return kept ? Word::load(row + i) : of.g(i); };
  const auto h_of = [&of, row_h, kept](long long i) { return kept ? Word::load(row_h + i) : of.h(i); };
  const float sum_gh = row_sum_by_block<WIDE>(
      [&of, &g_of, row_h, kept](long long i) {
        const auto h = of.h(i);
        if (kept) Word::store(row_h + i, h);
        return row_map([](float g, float h) { return __fmul_rn(g, h); }, g_of(i), h);
      },
      columns, scratch, quads);
  const float a = __fdiv_rn(sum_g, count);
  const float b = __fdiv_rn(sum_gh, count);
  row_by_block<WIDE>(
      [&of, &g_of, &h_of, a, b, to](long long i) {
        const float s = of.s;
        const auto f = [s, a, b](float g, float h) { return __fmul_rn(s, __fmaf_rn(-h, b, __fsub_rn(g, a))); };
        Word::store(to + i, row_map(f, g_of(i), h_of(i)));
      },
      columns);
}

// Dynamic shared memory: 2 · `columns` floats if kept.
extern "C" __global__ void __launch_bounds__(256, 2)
layer_norm_gradient_long(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd,
                         float* dx, int kept, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  DYNAMIC_SHARED(float, row);
  const long long r = blockIdx.x, at = r * columns;
  if (row_is_wide(columns, dy, x, dx) && is_aligned16(gamma)) {
    const NormSlopes<true> of = {dy + at, x + at, gamma, mean[r], rstd[r]};
    norm_gradient_row(of, dx + at, kept, row, columns, scratch, quads);
  } else {
    const NormSlopes<false> of = {dy + at, x + at, gamma, mean[r], rstd[r]};
    norm_gradient_row(of, dx + at, kept, row, columns, scratch, quads);
  }
}
EXPORT_KERNEL(layer_norm_gradient_long)

// The first level of the run sums over rows of dy·h and of dy: to [ceil(rows / 32), columns] each. One thread a run
// and word of columns, of four floats where all is aligned; neighbouring threads read neighbouring words.
template <bool WIDE>
__device__ __forceinline__ void norm_parameters(const float* dy, const float* x, const float* mean, const float* rstd,
                                                long long rows, long long columns, float* scales, float* shifts) {
  using Word = RowWord<WIDE>;
  const long long unit = ((long long)blockIdx.x * 256 + threadIdx.x) * Word::WIDTH;
  const long long first = unit / columns * CONTRACT_RUN;
  if (first >= rows) return;
  const long long rest = rows - first;
  const int terms = rest < CONTRACT_RUN ? (int)rest : CONTRACT_RUN;
  const float* slope = dy + first * columns + unit % columns;
  const float* value = x + first * columns + unit % columns;
  const auto scaled = [mean, rstd, first](float d, float v, int i) {
    return __fmul_rn(d, __fmul_rn(__fsub_rn(v, mean[first + i]), rstd[first + i]));
  };
  const auto add = [](float a, float b) { return __fadd_rn(a, b); };
  auto shift = Word::load(slope);
  auto scale = row_map([&scaled](float d, float v) { return scaled(d, v, 0); }, shift, Word::load(value));
#pragma unroll 4
  for (int i = 1; i < terms; i++) {
    const auto d = Word::load(slope + i * columns);
    shift = row_map(add, shift, d);
    scale = row_map(add, scale,
                    row_map([&scaled, i](float d, float v) { return scaled(d, v, i); }, d, Word::load(value + i * columns)));
  }
  Word::store(scales + unit, scale);
  Word::store(shifts + unit, shift);
}

extern "C" __global__ void __launch_bounds__(256)
layer_norm_parameters(const float* dy, const float* x, const float* mean, const float* rstd, long long rows,
                      long long columns, float* scales, float* shifts, int width) {
  if (width == 4) norm_parameters<true>(dy, x, mean, rstd, rows, columns, scales, shifts);
  else norm_parameters<false>(dy, x, mean, rstd, rows, columns, scales, shifts);
}
EXPORT_KERNEL(layer_norm_parameters)
