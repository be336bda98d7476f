// y[n, c, s] = x[n, c, s] + bias[c] (op/Bias.java). One add an element; bound by memory, 8 bytes an element, the biases stay
// in cache. Four elements a thread, in one access where they are aligned and share their biases' pattern.
#include "portable.cuh"

extern "C" __global__ void __launch_bounds__(256)
bias_add(const float* x, const float* bias, float* y, long long elements, long long channels, long long space) {
  const long long first = ((long long)blockIdx.x * 256 + threadIdx.x) * 4;
  if (first >= elements) return;
  if (space % 4 == 0 && is_aligned16(x) && is_aligned16(y)) {
    const float b = bias[first / space % channels];
    float4 v = load4(x + first);
    v.x = __fadd_rn(v.x, b);
    v.y = __fadd_rn(v.y, b);
    v.z = __fadd_rn(v.z, b);
    v.w = __fadd_rn(v.w, b);
    store4(y + first, v);
    return;
  }
  const long long end = first + 4 < elements ? first + 4 : elements;
  for (long long i = first; i < end; i++) {
    y[i] = __fadd_rn(x[i], bias[i / space % channels]);
  }
}
EXPORT_KERNEL(bias_add)
