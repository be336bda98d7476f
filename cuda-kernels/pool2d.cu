// Maximum and average over windows, with gradients (op/Pool2d.java). One thread an output element; neighbouring
// threads work on neighbouring columns, and windows that overlap meet in the L1 cache. The gradients gather: a pixel
// adds the windows that reach it, in the order of outputs, so that nothing is written twice. Bound by memory.
#include "portable.cuh"

#define POOL2D_GEOMETRY \
  int h, int w, int p, int q, int kernel_h, int kernel_w, int stride_h, int stride_w, int padding_h, int padding_w, long long planes

extern "C" __global__ void __launch_bounds__(256)
pool2d_max(POOL2D_GEOMETRY, const float* x, float* y, int* argmax) {
  const long long unit = (long long)blockIdx.x * 256 + threadIdx.x;
  if (unit >= planes * p * q) return;
  const long long plane = unit / ((long long)p * q);
  const int i = (int)(unit % ((long long)p * q));
  const int h0 = i / q * stride_h - padding_h;
  const int w0 = i % q * stride_w - padding_w;
  const float* image = x + plane * h * w;
  float best = 0.0f;
  int at = -1;
  const int h_end = h0 + kernel_h < h ? h0 + kernel_h : h;
  const int w_end = w0 + kernel_w < w ? w0 + kernel_w : w;
  for (int r = h0 > 0 ? h0 : 0; r < h_end; r++) {
    for (int s = w0 > 0 ? w0 : 0; s < w_end; s++) {
      const float value = image[r * w + s];
      // Taken if maximum(best, value) is another number than best.
      const bool beats = best == best && __float_as_int(sel_maximum(best, value)) != __float_as_int(best);
      if (at < 0 || beats) {
        best = value;
        at = r * w + s;
      }
    }
  }
  y[unit] = best;
  argmax[unit] = at;
}
EXPORT_KERNEL(pool2d_max)

// First output row or column whose window reaches position `at`, and the end (exclusive).
__device__ __forceinline__ void pool2d_reach(int at, int kernel, int stride, int padding, int outputs, int& first, int& end) {
  const int lowest = at + padding - kernel + 1;
  first = lowest <= 0 ? 0 : (lowest + stride - 1) / stride;
  end = (at + padding) / stride + 1;
  if (end > outputs) end = outputs;
}

extern "C" __global__ void __launch_bounds__(256)
pool2d_max_gradient(POOL2D_GEOMETRY, const float* dy, const int* argmax, float* dx) {
  const long long unit = (long long)blockIdx.x * 256 + threadIdx.x;
  if (unit >= planes * h * w) return;
  const long long plane = unit / ((long long)h * w);
  const int at = (int)(unit % ((long long)h * w));
  int p_first, p_end, q_first, q_end;
  pool2d_reach(at / w, kernel_h, stride_h, padding_h, p, p_first, p_end);
  pool2d_reach(at % w, kernel_w, stride_w, padding_w, q, q_first, q_end);
  float sum = 0.0f;
  for (int i = p_first; i < p_end; i++) {
    for (int j = q_first; j < q_end; j++) {
      const long long out = (plane * p + i) * q + j;
      if (argmax[out] == at) sum = __fadd_rn(sum, dy[out]);
    }
  }
  dx[unit] = sum;
}
EXPORT_KERNEL(pool2d_max_gradient)

extern "C" __global__ void __launch_bounds__(256)
pool2d_average(POOL2D_GEOMETRY, const float* x, float* y) {
  const long long unit = (long long)blockIdx.x * 256 + threadIdx.x;
  if (unit >= planes * p * q) return;
  const long long plane = unit / ((long long)p * q);
  const int i = (int)(unit % ((long long)p * q));
  const int h0 = i / q * stride_h - padding_h;
  const int w0 = i % q * stride_w - padding_w;
  const float* image = x + plane * h * w;
  float sum = 0.0f;
  for (int r = h0; r < h0 + kernel_h; r++) {
    for (int s = w0; s < w0 + kernel_w; s++) {
      const bool inside = r >= 0 && r < h && s >= 0 && s < w;
      sum = __fadd_rn(sum, inside ? image[r * w + s] : 0.0f);
    }
  }
  y[unit] = __fdiv_rn(sum, (float)(kernel_h * kernel_w));
}
EXPORT_KERNEL(pool2d_average)

extern "C" __global__ void __launch_bounds__(256, 4)
pool2d_average_gradient(POOL2D_GEOMETRY, const float* dy, float* dx) {
  const long long unit = (long long)blockIdx.x * 256 + threadIdx.x;
  if (unit >= planes * h * w) return;
  const long long plane = unit / ((long long)h * w);
  const int at = (int)(unit % ((long long)h * w));
  int p_first, p_end, q_first, q_end;
  pool2d_reach(at / w, kernel_h, stride_h, padding_h, p, p_first, p_end);
  pool2d_reach(at % w, kernel_w, stride_w, padding_w, q, q_first, q_end);
  const float size = (float)(kernel_h * kernel_w);
  float sum = 0.0f;
  for (int i = p_first; i < p_end; i++) {
    for (int j = q_first; j < q_end; j++) {
      sum = __fadd_rn(sum, __fdiv_rn(dy[(plane * p + i) * q + j], size));
    }
  }
  dx[unit] = sum;
}
EXPORT_KERNEL(pool2d_average_gradient)
