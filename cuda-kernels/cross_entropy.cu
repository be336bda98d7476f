// Cross-entropy with one label a row; definition and roundings: op/CrossEntropy.java. Rows as in rows.cuh. Labels are
// in range: cross_entropy_labels has run first.
#include "softmax.cuh"

// *first = the least position of a label outside 0 … classes - 1; left alone where there is none. The least of
// integers has no order.
extern "C" __global__ void __launch_bounds__(256)
cross_entropy_labels(const int* labels, long long n, long long classes, unsigned long long* first) {
  for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; i < n; i += (long long)gridDim.x * 256) {
    if (labels[i] < 0 || labels[i] >= classes) {
      atomicMin(first, (unsigned long long)i);
      return;
    }
  }
}
EXPORT_KERNEL(cross_entropy_labels)

__device__ __forceinline__ float cross_entropy_loss(float logit, float m, float s) {
  return -__fsub_rn(__fsub_rn(logit, m), em_logf(s));
}

template <bool WIDE>
__device__ __forceinline__ float cross_entropy_warp_sum(const float* row, float m, int columns, float* quads) {
  return row_sum_by_warp<WIDE>(
      [row, m](long long i) {
        return row_map([m](float x) { return em_expf(__fsub_rn(x, m)); }, RowWord<WIDE>::load(row + i));
      },
      columns, quads);
}

extern "C" __global__ void __launch_bounds__(256, 3)
cross_entropy_losses(const float* logits, const int* labels, float* losses, long long rows, long long columns) {
  ROW_QUADS(quads);
  const long long r = row_of_warp();
  if (r >= rows) return;  // a whole warp, and no barrier of the block follows
  const float* row = logits + r * columns;
  const int count = (int)columns;
  float m, s;
  if (row_is_wide(columns, logits)) {
    m = softmax_warp_maximum<true>(row, count);
    s = cross_entropy_warp_sum<true>(row, m, count, quads);
  } else {
    m = softmax_warp_maximum<false>(row, count);
    s = cross_entropy_warp_sum<false>(row, m, count, quads);
  }
  if (row_lane() == 0) losses[r] = cross_entropy_loss(row[labels[r]], m, s);
}
EXPORT_KERNEL(cross_entropy_losses)

template <bool WIDE>
__device__ __forceinline__ void cross_entropy_losses_row(const float* row, const int* label, float* loss,
                                                         long long columns, float* scratch, float* quads) {
  const float m = softmax_block_maximum<WIDE>(row, columns, scratch);
  const float s = row_sum_by_block<WIDE>(
      [row, m](long long i) {
        return row_map([m](float x) { return em_expf(__fsub_rn(x, m)); }, RowWord<WIDE>::load(row + i));
      },
      columns, scratch, quads);
  if (threadIdx.x == 0) *loss = cross_entropy_loss(row[*label], m, s);
}

extern "C" __global__ void __launch_bounds__(256, 2)
cross_entropy_losses_long(const float* logits, const int* labels, float* losses, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const long long r = blockIdx.x;
  const float* row = logits + r * columns;
  if (row_is_wide(columns, logits)) {
    cross_entropy_losses_row<true>(row, labels + r, losses + r, columns, scratch, quads);
  } else {
    cross_entropy_losses_row<false>(row, labels + r, losses + r, columns, scratch, quads);
  }
}
EXPORT_KERNEL(cross_entropy_losses_long)

// (e / s - [is the label]) · c
__device__ __forceinline__ float cross_entropy_slope(float e, float s, bool is_label, float c) {
  const float y = __fdiv_rn(e, s);
  return __fmul_rn(is_label ? __fsub_rn(y, 1.0f) : y, c);
}

template <int N, bool WIDE>
__device__ __forceinline__ void cross_entropy_gradient_short(const float* logits, const int* labels, float c,
                                                             float* dlogits, long long rows, long long columns,
                                                             float* quads) {
  const long long row = row_of_warp();
  if (row >= rows) return;
  RowLane<N, WIDE> lane;
  lane.load(logits + row * columns, (int)columns, softmax_lowest());
  const float s = softmax_exponentials(lane, softmax_lane_maximum(lane), (int)columns, quads);
  const int label = labels[row];
#pragma unroll
  for (int k = 0; k < N; k++) lane.v[k] = cross_entropy_slope(lane.v[k], s, lane.column(k) == label, c);
  lane.store(dlogits + row * columns, (int)columns);
}

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_32(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                          long long columns) {
  cross_entropy_gradient_short<1, false>(logits, labels, c, dlogits, rows, columns, nullptr);
}
EXPORT_KERNEL(cross_entropy_gradient_32)

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_128(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                           long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, logits, dlogits)) {
    cross_entropy_gradient_short<4, true>(logits, labels, c, dlogits, rows, columns, row_quads(quads));
  } else {
    cross_entropy_gradient_short<4, false>(logits, labels, c, dlogits, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(cross_entropy_gradient_128)

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_512(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                           long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, logits, dlogits)) {
    cross_entropy_gradient_short<16, true>(logits, labels, c, dlogits, rows, columns, row_quads(quads));
  } else {
    cross_entropy_gradient_short<16, false>(logits, labels, c, dlogits, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(cross_entropy_gradient_512)

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_1024(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                           long long columns) {
  ROW_QUADS(quads);
  if (row_is_wide(columns, logits, dlogits)) {
    cross_entropy_gradient_short<32, true>(logits, labels, c, dlogits, rows, columns, row_quads(quads));
  } else {
    cross_entropy_gradient_short<32, false>(logits, labels, c, dlogits, rows, columns, nullptr);
  }
}
EXPORT_KERNEL(cross_entropy_gradient_1024)

template <bool WIDE>
__device__ __forceinline__ void cross_entropy_gradient_row(const float* from, long long label, float c, float* to,
                                                           long long columns, float* scratch, float* quads) {
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
      [to, s, label, c](long long i) {
        long long column = i;  // row_map takes the floats of a word in order
        const auto f = [s, label, c, &column](float e) { return cross_entropy_slope(e, s, column++ == label, c); };
        Word::store(to + i, row_map(f, Word::load(to + i)));
      },
      columns);
}

extern "C" __global__ void __launch_bounds__(256, 2)
cross_entropy_gradient_long(const float* logits, const int* labels, float c, float* dlogits, long long,
                            long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const float* from = logits + blockIdx.x * columns;
  float* to = dlogits + blockIdx.x * columns;
  const long long label = labels[blockIdx.x];
  if (row_is_wide(columns, logits, dlogits)) {
    cross_entropy_gradient_row<true>(from, label, c, to, columns, scratch, quads);
  } else {
    cross_entropy_gradient_row<false>(from, label, c, to, columns, scratch, quads);
  }
}
EXPORT_KERNEL(cross_entropy_gradient_long)
