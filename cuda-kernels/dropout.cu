// y = x · scale where a number of Philox reaches the threshold, else +0 (op/Dropout.java). A thread draws one block of
// the generator and does its four elements, in one access where they are aligned. Bound by memory, 8 bytes an element; ten
// rounds of integer products for four elements are hidden behind it.
#include "philox.cuh"
#include "portable.cuh"

__device__ __forceinline__ float dropout_one(float x, unsigned int number, int threshold, float scale) {
  return (int)(number >> 8) >= threshold ? __fmul_rn(x, scale) : 0.0f;
}

extern "C" __global__ void __launch_bounds__(256)
dropout_apply(const float* x, long long seed, long long stream, long long first_index, int threshold, float scale, float* y,
              long long n) {
  const long long block = first_index / 4 + (long long)blockIdx.x * 256 + threadIdx.x;
  const long long first = block * 4 - first_index;  // below 0 in the first thread, if the first block is not whole
  if (first >= n) return;
  const PhiloxBlock numbers =
      philox_block((unsigned long long)seed, (unsigned long long)stream, (unsigned long long)block);
  if (first >= 0 && first + 4 <= n && is_aligned16(x + first) && is_aligned16(y + first)) {
    float4 v = load4(x + first);
    v.x = dropout_one(v.x, numbers.word[0], threshold, scale);
    v.y = dropout_one(v.y, numbers.word[1], threshold, scale);
    v.z = dropout_one(v.z, numbers.word[2], threshold, scale);
    v.w = dropout_one(v.w, numbers.word[3], threshold, scale);
    store4(y + first, v);
    return;
  }
#pragma unroll
  for (int w = 0; w < 4; w++) {
    const long long i = first + w;
    if (i >= 0 && i < n) y[i] = dropout_one(x[i], numbers.word[w], threshold, scale);
  }
}
EXPORT_KERNEL(dropout_apply)
