// Softmax, its logarithm, and their gradients over rows; definition and roundings: op/Softmax.java. One read and one
// write of global memory an element for rows of at most 1,024 columns (rows.cuh); the exponentials, in double, are the
// rest of the work.
#include "softmax.cuh"

// Short rows: each lane reads all that it has of a row before it writes any, so the output may be an input.

template <int N, bool WIDE>
__device__ __forceinline__ void softmax_forward_short(const float* x, float* y, long long rows, long long columns,
                                                      float* quads) {
  const long long row = row_of_warp();
  if (row >= rows) return;  // a whole warp, and no barrier of the block follows
  RowLane<N, WIDE> lane;
  lane.load(x + row * columns, (int)columns, softmax_lowest());
  const float s = softmax_exponentials(lane, softmax_lane_maximum(lane), (int)columns, quads);
#pragma unroll
  for (int k = 0; k < N; k++) lane.v[k] = __fdiv_rn(lane.v[k], s);
  lane.store(y + row * columns, (int)columns);
}

template <int N, bool WIDE>
__device__ __forceinline__ void softmax_log_short(const float* x, float* y, long long rows, long long columns,
                                                  float* quads) {
  const long long row = row_of_warp();
  if (row >= rows) return;
  RowLane<N, WIDE> lane;
  lane.load(x + row * columns, (int)columns, softmax_lowest());
  RowLane<N, WIDE> e = lane;
  const float m = softmax_lane_maximum(lane);
  const float log = em_logf(softmax_exponentials(e, m, (int)columns, quads));
#pragma unroll
  for (int k = 0; k < N; k++) lane.v[k] = __fsub_rn(__fsub_rn(lane.v[k], m), log);
  lane.store(y + row * columns, (int)columns);
}

template <int N, bool WIDE>
__device__ __forceinline__ void softmax_gradient_short(const float* y, const float* dy, float* dx, long long rows,
                                                       long long columns, float* quads) {
  const long long row = row_of_warp();
  if (row >= rows) return;
  RowLane<N, WIDE> value, slope, product;
  value.load(y + row * columns, (int)columns, 0.0f);
  slope.load(dy + row * columns, (int)columns, 0.0f);
#pragma unroll
  for (int k = 0; k < N; k++) product.v[k] = __fmul_rn(value.v[k], slope.v[k]);
  const float sum = product.sum((int)columns, quads);
#pragma unroll
  for (int k = 0; k < N; k++) value.v[k] = __fmul_rn(value.v[k], __fsub_rn(slope.v[k], sum));
  value.store(dx + row * columns, (int)columns);
}

template <int N, bool WIDE>
__device__ __forceinline__ void softmax_log_gradient_short(const float* y, const float* dy, float* dx, long long rows,
                                                           long long columns, float* quads) {
  const long long row = row_of_warp();
  if (row >= rows) return;
  RowLane<N, WIDE> value, slope;
  value.load(y + row * columns, (int)columns, 0.0f);
  slope.load(dy + row * columns, (int)columns, 0.0f);
  const float sum = slope.sum((int)columns, quads);
#pragma unroll
  for (int k = 0; k < N; k++) {
    if (value.column(k) < columns) value.v[k] = __fmaf_rn(-em_expf(value.v[k]), sum, slope.v[k]);
  }
  value.store(dx + row * columns, (int)columns);
}

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_32(const float* x, float* y, long long rows, long long columns) {
  softmax_forward_short<1, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_forward_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_128(const float* x, float* y, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y)) softmax_forward_short<4, true>(x, y, rows, columns, row_quads(quads));
  else softmax_forward_short<4, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_forward_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_512(const float* x, float* y, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y)) softmax_forward_short<16, true>(x, y, rows, columns, row_quads(quads));
  else softmax_forward_short<16, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_forward_512)

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_1024(const float* x, float* y, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y)) softmax_forward_short<32, true>(x, y, rows, columns, row_quads(quads));
  else softmax_forward_short<32, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_forward_1024)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_32(const float* x, float* y, long long rows, long long columns) {
  softmax_log_short<1, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_128(const float* x, float* y, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y)) softmax_log_short<4, true>(x, y, rows, columns, row_quads(quads));
  else softmax_log_short<4, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_512(const float* x, float* y, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y)) softmax_log_short<16, true>(x, y, rows, columns, row_quads(quads));
  else softmax_log_short<16, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_512)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_1024(const float* x, float* y, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, x, y)) softmax_log_short<32, true>(x, y, rows, columns, row_quads(quads));
  else softmax_log_short<32, false>(x, y, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_1024)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_32(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_gradient_short<1, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_gradient_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_128(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, y, dy, dx)) softmax_gradient_short<4, true>(y, dy, dx, rows, columns, row_quads(quads));
  else softmax_gradient_short<4, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_gradient_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_512(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, y, dy, dx)) softmax_gradient_short<16, true>(y, dy, dx, rows, columns, row_quads(quads));
  else softmax_gradient_short<16, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_gradient_512)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_1024(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, y, dy, dx)) softmax_gradient_short<32, true>(y, dy, dx, rows, columns, row_quads(quads));
  else softmax_gradient_short<32, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_gradient_1024)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_32(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_log_gradient_short<1, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_gradient_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_128(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, y, dy, dx)) softmax_log_gradient_short<4, true>(y, dy, dx, rows, columns, row_quads(quads));
  else softmax_log_gradient_short<4, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_gradient_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_512(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, y, dy, dx)) softmax_log_gradient_short<16, true>(y, dy, dx, rows, columns, row_quads(quads));
  else softmax_log_gradient_short<16, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_gradient_512)

extern "C" __global__ void __launch_bounds__(256, 1)
softmax_log_gradient_1024(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, y, dy, dx)) softmax_log_gradient_short<32, true>(y, dy, dx, rows, columns, row_quads(quads));
  else softmax_log_gradient_short<32, false>(y, dy, dx, rows, columns, nullptr);
}
EXPORT_KERNEL(softmax_log_gradient_1024)

// Long rows: a block a row. A sum's terms are asked for once each, and what is written between is read behind a barrier.

template <bool WIDE>
__device__ __forceinline__ void softmax_forward_row(const float* from, float* to, long long columns, float* scratch,
                                                    float* quads) {
  using Word = RowWord<WIDE>;
  const float m = softmax_block_maximum<WIDE>(from, columns, scratch);
  const float s = row_sum_by_block<WIDE>(
      [from, to, m](long long i) {
        const auto e = row_map([m](float x) { return em_expf(__fsub_rn(x, m)); }, Word::load(from + i));
        Word::store(to + i, e);
        return e;
      },
      columns, scratch, quads);
  row_by_block<WIDE>(
      [to, s](long long i) {
        Word::store(to + i, row_map([s](float e) { return __fdiv_rn(e, s); }, Word::load(to + i)));
      },
      columns);
}

template <bool WIDE>
__device__ __forceinline__ void softmax_log_row(const float* from, float* to, long long columns, float* scratch,
                                                float* quads) {
  using Word = RowWord<WIDE>;
  const float m = softmax_block_maximum<WIDE>(from, columns, scratch);
  const float s = row_sum_by_block<WIDE>(
      [from, m](long long i) {
        return row_map([m](float x) { return em_expf(__fsub_rn(x, m)); }, Word::load(from + i));
      },
      columns, scratch, quads);
  const float log = em_logf(s);
  row_by_block<WIDE>(
      [from, to, m, log](long long i) {
        const auto f = [m, log](float x) { return __fsub_rn(__fsub_rn(x, m), log); };
        Word::store(to + i, row_map(f, Word::load(from + i)));
      },
      columns);
}

template <bool WIDE>
__device__ __forceinline__ void softmax_gradient_row(const float* value, const float* slope, float* to,
                                                     long long columns, float* scratch, float* quads) {
  using Word = RowWord<WIDE>;
  const float sum = row_sum_by_block<WIDE>(
      [value, slope](long long i) {
        const auto f = [](float y, float dy) { return __fmul_rn(y, dy); };
        return row_map(f, Word::load(value + i), Word::load(slope + i));
      },
      columns, scratch, quads);
  row_by_block<WIDE>(
      [value, slope, to, sum](long long i) {
        const auto f = [sum](float y, float dy) { return __fmul_rn(y, __fsub_rn(dy, sum)); };
        Word::store(to + i, row_map(f, Word::load(value + i), Word::load(slope + i)));
      },
      columns);
}

template <bool WIDE>
__device__ __forceinline__ void softmax_log_gradient_row(const float* value, const float* slope, float* to,
                                                         long long columns, float* scratch, float* quads) {
  using Word = RowWord<WIDE>;
  const float sum = row_sum_by_block<WIDE>([slope](long long i) { return Word::load(slope + i); }, columns, scratch, quads);
  row_by_block<WIDE>(
      [value, slope, to, sum](long long i) {
        const auto f = [sum](float y, float dy) { return __fmaf_rn(-em_expf(y), sum, dy); };
        Word::store(to + i, row_map(f, Word::load(value + i), Word::load(slope + i)));
      },
      columns);
}

extern "C" __global__ void __launch_bounds__(256, 2)
softmax_forward_long(const float* x, float* y, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const float* from = x + blockIdx.x * columns;
  float* to = y + blockIdx.x * columns;
  if (row_is_wide(columns, x, y)) softmax_forward_row<true>(from, to, columns, scratch, quads);
  else softmax_forward_row<false>(from, to, columns, scratch, quads);
}
EXPORT_KERNEL(softmax_forward_long)

extern "C" __global__ void __launch_bounds__(256, 2)
softmax_log_long(const float* x, float* y, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const float* from = x + blockIdx.x * columns;
  float* to = y + blockIdx.x * columns;
  if (row_is_wide(columns, x, y)) softmax_log_row<true>(from, to, columns, scratch, quads);
  else softmax_log_row<false>(from, to, columns, scratch, quads);
}
EXPORT_KERNEL(softmax_log_long)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_long(const float* y, const float* dy, float* dx, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const long long at = blockIdx.x * columns;
  if (row_is_wide(columns, y, dy, dx)) softmax_gradient_row<true>(y + at, dy + at, dx + at, columns, scratch, quads);
  else softmax_gradient_row<false>(y + at, dy + at, dx + at, columns, scratch, quads);
}
EXPORT_KERNEL(softmax_gradient_long)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_long(const float* y, const float* dy, float* dx, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const long long at = blockIdx.x * columns;
  if (row_is_wide(columns, y, dy, dx)) softmax_log_gradient_row<true>(y + at, dy + at, dx + at, columns, scratch, quads);
  else softmax_log_gradient_row<false>(y + at, dy + at, dx + at, columns, scratch, quads);
}
EXPORT_KERNEL(softmax_log_gradient_long)
