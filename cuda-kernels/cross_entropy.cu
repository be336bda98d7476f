// Cross-entropy with one label a row; definition and roundings: op/CrossEntropy.java. Rows as in softmax.cuh. Labels are
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

extern "C" __global__ void __launch_bounds__(256, 3)
cross_entropy_losses(const float* logits, const int* labels, float* losses, long long rows, long long columns) {
  const long long r = softmax_warp_row();
  if (r >= rows) return;  // a whole warp, and no barrier follows
  const float* row = logits + r * columns;
  float m = softmax_lowest();
  for (int i = softmax_lane(); i < columns; i += WARP_LANES) m = sel_maximum(m, row[i]);
  m = softmax_lanes_maximum(m);
  const float s =
      ordered_block_by_warp([row, m](long long i) { return em_expf(__fsub_rn(row[i], m)); }, 0, (int)columns);
  if (softmax_lane() == 0) losses[r] = cross_entropy_loss(row[labels[r]], m, s);
}
EXPORT_KERNEL(cross_entropy_losses)

extern "C" __global__ void __launch_bounds__(256, 2)
cross_entropy_losses_long(const float* logits, const int* labels, float* losses, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const long long r = blockIdx.x;
  const float* row = logits + r * columns;
  const float m = softmax_block_maximum(row, columns, scratch);
  const float s =
      ordered_block_sum([row, m](long long i) { return em_expf(__fsub_rn(row[i], m)); }, columns, scratch);
  if (threadIdx.x == 0) losses[r] = cross_entropy_loss(row[labels[r]], m, s);
}
EXPORT_KERNEL(cross_entropy_losses_long)

// (e / s - [is the label]) · c
__device__ __forceinline__ float cross_entropy_slope(float e, float s, bool is_label, float c) {
  const float y = __fdiv_rn(e, s);
  return __fmul_rn(is_label ? __fsub_rn(y, 1.0f) : y, c);
}

template <int N>
__device__ __forceinline__ void cross_entropy_gradient_short(const float* logits, const int* labels, float c,
                                                             float* dlogits, long long rows, long long columns) {
  const long long row = softmax_warp_row();
  if (row >= rows) return;
  SoftmaxLane<N> lane;
  lane.load(logits + row * columns, (int)columns);
  const float s = lane.exponentials(lane.maximum(), (int)columns);
  const int label = labels[row];
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = softmax_lane() + k * WARP_LANES;
    if (i < columns) dlogits[row * columns + i] = cross_entropy_slope(lane.v[k], s, i == label, c);
  }
}

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_32(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                       long long columns) {
  cross_entropy_gradient_short<1>(logits, labels, c, dlogits, rows, columns);
}
EXPORT_KERNEL(cross_entropy_gradient_32)

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_128(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                       long long columns) {
  cross_entropy_gradient_short<4>(logits, labels, c, dlogits, rows, columns);
}
EXPORT_KERNEL(cross_entropy_gradient_128)

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_512(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                       long long columns) {
  cross_entropy_gradient_short<16>(logits, labels, c, dlogits, rows, columns);
}
EXPORT_KERNEL(cross_entropy_gradient_512)

extern "C" __global__ void __launch_bounds__(256)
cross_entropy_gradient_1024(const float* logits, const int* labels, float c, float* dlogits, long long rows,
                       long long columns) {
  cross_entropy_gradient_short<32>(logits, labels, c, dlogits, rows, columns);
}
EXPORT_KERNEL(cross_entropy_gradient_1024)

extern "C" __global__ void __launch_bounds__(256, 3)
cross_entropy_gradient_long(const float* logits, const int* labels, float c, float* dlogits, long long,
                            long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* from = logits + blockIdx.x * columns;
  float* to = dlogits + blockIdx.x * columns;
  const float m = softmax_block_maximum(from, columns, scratch);
  const float s = ordered_block_sum(
      [from, to, m](long long i) {
        const float e = em_expf(__fsub_rn(from[i], m));
        to[i] = e;
        return e;
      },
      columns, scratch);
  const long long label = labels[blockIdx.x];
  for (long long i = threadIdx.x; i < columns; i += 256) to[i] = cross_entropy_slope(to[i], s, i == label, c);
}
EXPORT_KERNEL(cross_entropy_gradient_long)
