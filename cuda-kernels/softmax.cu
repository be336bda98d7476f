// Softmax, its logarithm, and their gradients over rows; definition and roundings: op/Softmax.java. One read and one
// write of global memory an element for rows of at most 1,024 columns (softmax.cuh); the exponentials, in double, are
// the rest of the work.
#include "softmax.cuh"

// Short rows: each reads all of its row before it writes any, so the output may be an input.

template <int N>
__device__ __forceinline__ void softmax_forward_short(const float* x, float* y, long long rows, long long columns) {
  const long long row = softmax_warp_row();
  if (row >= rows) return;  // a whole warp, and no barrier follows
  SoftmaxLane<N> lane;
  lane.load(x + row * columns, (int)columns);
  const float s = lane.exponentials(lane.maximum(), (int)columns);
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = softmax_lane() + k * WARP_LANES;
    if (i < columns) y[row * columns + i] = __fdiv_rn(lane.v[k], s);
  }
}

template <int N>
__device__ __forceinline__ void softmax_log_short(const float* x, float* y, long long rows, long long columns) {
  const long long row = softmax_warp_row();
  if (row >= rows) return;
  SoftmaxLane<N> lane;
  lane.load(x + row * columns, (int)columns);
  SoftmaxLane<N> e = lane;
  const float m = lane.maximum();
  const float log = em_logf(e.exponentials(m, (int)columns));
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = softmax_lane() + k * WARP_LANES;
    if (i < columns) y[row * columns + i] = __fsub_rn(__fsub_rn(lane.v[k], m), log);
  }
}

template <int N>
__device__ __forceinline__ void softmax_gradient_short(const float* y, const float* dy, float* dx, long long rows,
                                                       long long columns) {
  const long long row = softmax_warp_row();
  if (row >= rows) return;
  SoftmaxLane<N> value, slope, product;
  value.load(y + row * columns, (int)columns);
  slope.load(dy + row * columns, (int)columns);
#pragma unroll
  for (int k = 0; k < N; k++) product.v[k] = __fmul_rn(value.v[k], slope.v[k]);
  const float sum = product.sum((int)columns);
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = softmax_lane() + k * WARP_LANES;
    if (i < columns) dx[row * columns + i] = __fmul_rn(value.v[k], __fsub_rn(slope.v[k], sum));
  }
}

template <int N>
__device__ __forceinline__ void softmax_log_gradient_short(const float* y, const float* dy, float* dx, long long rows,
                                                           long long columns) {
  const long long row = softmax_warp_row();
  if (row >= rows) return;
  SoftmaxLane<N> value, slope;
  value.load(y + row * columns, (int)columns);
  slope.load(dy + row * columns, (int)columns);
  const float sum = slope.sum((int)columns);
#pragma unroll
  for (int k = 0; k < N; k++) {
    const int i = softmax_lane() + k * WARP_LANES;
    if (i < columns) dx[row * columns + i] = __fmaf_rn(-em_expf(value.v[k]), sum, slope.v[k]);
  }
}

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_32(const float* x, float* y, long long rows, long long columns) {
  softmax_forward_short<1>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_forward_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_128(const float* x, float* y, long long rows, long long columns) {
  softmax_forward_short<4>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_forward_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_512(const float* x, float* y, long long rows, long long columns) {
  softmax_forward_short<16>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_forward_512)

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_1024(const float* x, float* y, long long rows, long long columns) {
  softmax_forward_short<32>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_forward_1024)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_32(const float* x, float* y, long long rows, long long columns) {
  softmax_log_short<1>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_log_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_128(const float* x, float* y, long long rows, long long columns) {
  softmax_log_short<4>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_log_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_512(const float* x, float* y, long long rows, long long columns) {
  softmax_log_short<16>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_log_512)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_1024(const float* x, float* y, long long rows, long long columns) {
  softmax_log_short<32>(x, y, rows, columns);
}
EXPORT_KERNEL(softmax_log_1024)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_32(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_gradient_short<1>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_gradient_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_128(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_gradient_short<4>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_gradient_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_512(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_gradient_short<16>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_gradient_512)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_1024(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_gradient_short<32>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_gradient_1024)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_32(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_log_gradient_short<1>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_log_gradient_32)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_128(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_log_gradient_short<4>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_log_gradient_128)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_512(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_log_gradient_short<16>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_log_gradient_512)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_1024(const float* y, const float* dy, float* dx, long long rows, long long columns) {
  softmax_log_gradient_short<32>(y, dy, dx, rows, columns);
}
EXPORT_KERNEL(softmax_log_gradient_1024)

// Long rows: a block a row. A sum's terms are asked for once each, and each by the thread that writes its element.

extern "C" __global__ void __launch_bounds__(256)
softmax_forward_long(const float* x, float* y, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* from = x + blockIdx.x * columns;
  float* to = y + blockIdx.x * columns;
  const float m = softmax_block_maximum(from, columns, scratch);
  const float s = ordered_block_sum(
      [from, to, m](long long i) {
        const float e = em_expf(__fsub_rn(from[i], m));
        to[i] = e;
        return e;
      },
      columns, scratch);
  for (long long i = threadIdx.x; i < columns; i += 256) to[i] = __fdiv_rn(to[i], s);
}
EXPORT_KERNEL(softmax_forward_long)

extern "C" __global__ void __launch_bounds__(256, 3)
softmax_log_long(const float* x, float* y, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* from = x + blockIdx.x * columns;
  float* to = y + blockIdx.x * columns;
  const float m = softmax_block_maximum(from, columns, scratch);
  const float s =
      ordered_block_sum([from, m](long long i) { return em_expf(__fsub_rn(from[i], m)); }, columns, scratch);
  const float log = em_logf(s);
  for (long long i = threadIdx.x; i < columns; i += 256) to[i] = __fsub_rn(__fsub_rn(from[i], m), log);
}
EXPORT_KERNEL(softmax_log_long)

extern "C" __global__ void __launch_bounds__(256)
softmax_gradient_long(const float* y, const float* dy, float* dx, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* value = y + blockIdx.x * columns;
  const float* slope = dy + blockIdx.x * columns;
  float* to = dx + blockIdx.x * columns;
  const float sum =
      ordered_block_sum([value, slope](long long i) { return __fmul_rn(value[i], slope[i]); }, columns, scratch);
  for (long long i = threadIdx.x; i < columns; i += 256) to[i] = __fmul_rn(value[i], __fsub_rn(slope[i], sum));
}
EXPORT_KERNEL(softmax_gradient_long)

extern "C" __global__ void __launch_bounds__(256)
softmax_log_gradient_long(const float* y, const float* dy, float* dx, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float* value = y + blockIdx.x * columns;
  const float* slope = dy + blockIdx.x * columns;
  float* to = dx + blockIdx.x * columns;
  const float sum = ordered_block_sum([slope](long long i) { return slope[i]; }, columns, scratch);
  for (long long i = threadIdx.x; i < columns; i += 256) to[i] = __fmaf_rn(-em_expf(value[i]), sum, slope[i]);
}
EXPORT_KERNEL(softmax_log_gradient_long)
