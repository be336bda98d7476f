// SGD with momentum: one update of all tensors in one launch. Definition and order of roundings: op/Sgd.java.
// Elements do not meet. Bound by memory: 20 bytes an element.
#include "portable.cuh"
#include "tensor_list.cuh"

struct SgdScalars {
  float lambda, mu, minus_rate;
  int nesterov;
};

__device__ __forceinline__ void sgd_element(const SgdScalars& s, float& p, float g, float& v) {
  g = __fmaf_rn(s.lambda, p, g);
  v = __fmaf_rn(s.mu, v, g);
  const float d = s.nesterov ? __fmaf_rn(s.mu, v, g) : v;
  p = __fmaf_rn(s.minus_rate, d, p);
}

extern "C" __global__ void __launch_bounds__(256)
sgd_step(const long long* table, int tensors, float lambda, float mu, float minus_rate, int nesterov) {
  const SgdScalars s = {lambda, mu, minus_rate, nesterov};
  const TensorPiece piece = tensor_piece(table, tensors);
  float* p = tensor_piece_data(table, tensors, 0, piece);
  const float* g = tensor_piece_data(table, tensors, 1, piece);
  float* v = tensor_piece_data(table, tensors, 2, piece);
  const int t = (int)threadIdx.x;
  int done = 0;
  if (is_aligned16(p) && is_aligned16(g) && is_aligned16(v)) {
    const int vectors = piece.count / 4;
#pragma unroll 2
    for (int i = t; i < vectors; i += 256) {
      float4 p0 = load4(p + 4 * i), g0 = load4(g + 4 * i), v0 = load4(v + 4 * i);
      sgd_element(s, p0.x, g0.x, v0.x);
      sgd_element(s, p0.y, g0.y, v0.y);
      sgd_element(s, p0.z, g0.z, v0.z);
      sgd_element(s, p0.w, g0.w, v0.w);
      store4(p + 4 * i, p0);
      store4(v + 4 * i, v0);
    }
    done = vectors * 4;
  }
  for (int i = done + t; i < piece.count; i += 256) {
    sgd_element(s, p[i], g[i], v[i]);
  }
}
EXPORT_KERNEL(sgd_step)
