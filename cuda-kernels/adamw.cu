// AdamW: one update of all tensors in one launch. Definition and order of roundings: op/AdamW.java.
// Elements do not meet, so any partition gives the same bits. Bound by memory: 28 bytes an element;
// each thread keeps four 16-byte loads of four arrays in flight.
#include "portable.cuh"
#include "tensor_list.cuh"

struct AdamWScalars {
  float keep, lambda, w1, b2, w2, rate, root, eps;
  int l2;
};

__device__ __forceinline__ void adamw_element(const AdamWScalars& s, float& p, float g, float& m, float& v) {
  if (s.l2) g = __fmaf_rn(s.lambda, p, g);
  else p = __fmul_rn(p, s.keep);
  m = __fmaf_rn(s.w1, __fsub_rn(g, m), m);
  v = __fmaf_rn(__fmul_rn(s.w2, g), g, __fmul_rn(s.b2, v));
  const float denominator = __fadd_rn(__fdiv_rn(__fsqrt_rn(v), s.root), s.eps);
  p = __fsub_rn(p, __fdiv_rn(__fmul_rn(s.rate, m), denominator));
}

extern "C" __global__ void __launch_bounds__(256)
adamw_step(const long long* table, int tensors, float keep, float lambda, float w1, float b2, float w2,
           float rate, float root, float eps, int l2) {
  const AdamWScalars s = {keep, lambda, w1, b2, w2, rate, root, eps, l2};
  const TensorPiece piece = tensor_piece(table, tensors);
  float* p = tensor_piece_data(table, tensors, 0, piece);
  const float* g = tensor_piece_data(table, tensors, 1, piece);
  float* m = tensor_piece_data(table, tensors, 2, piece);
  float* v = tensor_piece_data(table, tensors, 3, piece);
  const int t = (int)threadIdx.x;
  int done = 0;
  if (is_aligned16(p) && is_aligned16(g) && is_aligned16(m) && is_aligned16(v)) {
    const int vectors = piece.count / 4;
    // Two vectors a round: eight loads in flight before the first use.
    for (int i = t; i < vectors; i += 512) {
      const bool second = i + 256 < vectors;
      const int j = second ? i + 256 : i;
      float4 p0 = load4(p + 4 * i), g0 = load4(g + 4 * i), m0 = load4(m + 4 * i), v0 = load4(v + 4 * i);
      float4 p1 = load4(p + 4 * j), g1 = load4(g + 4 * j), m1 = load4(m + 4 * j), v1 = load4(v + 4 * j);
      adamw_element(s, p0.x, g0.x, m0.x, v0.x);
      adamw_element(s, p0.y, g0.y, m0.y, v0.y);
      adamw_element(s, p0.z, g0.z, m0.z, v0.z);
      adamw_element(s, p0.w, g0.w, m0.w, v0.w);
      store4(p + 4 * i, p0);
      store4(m + 4 * i, m0);
      store4(v + 4 * i, v0);
      if (second) {
        adamw_element(s, p1.x, g1.x, m1.x, v1.x);
        adamw_element(s, p1.y, g1.y, m1.y, v1.y);
        adamw_element(s, p1.z, g1.z, m1.z, v1.z);
        adamw_element(s, p1.w, g1.w, m1.w, v1.w);
        store4(p + 4 * j, p1);
        store4(m + 4 * j, m1);
        store4(v + 4 * j, v1);
      }
    }
    done = vectors * 4;
  }
  for (int i = done + t; i < piece.count; i += 256) {
    adamw_element(s, p[i], g[i], m[i], v[i]);
  }
}
EXPORT_KERNEL(adamw_step)
