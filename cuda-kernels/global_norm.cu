// The last steps of norm and clipping over many tensors (op/GlobalNorm.java); the sums of squares are sums.cu's.
// The clip's coefficient is computed by every block from the norm on the device, so the host needn't wait for it.
// Bound by memory: 8 bytes an element.
#include "portable.cuh"
#include "tensor_list.cuh"

// value[0] = sqrt(value[0]).
extern "C" __global__ void global_norm_root(float* value) {
  if (blockIdx.x == 0 && threadIdx.x == 0) value[0] = __fsqrt_rn(value[0]);
}
EXPORT_KERNEL(global_norm_root)

// g = g * minimum(max_norm / (norm + guard), 1) for every element of the table's tensors.
extern "C" __global__ void __launch_bounds__(256)
global_norm_clip(const long long* table, int tensors, const float* norm, float max_norm, float guard) {
  const float c = sel_minimum(__fdiv_rn(max_norm, __fadd_rn(norm[0], guard)), 1.0f);
  const TensorPiece piece = tensor_piece(table, tensors);
  float* g = tensor_piece_data(table, tensors, 0, piece);
  const int t = (int)threadIdx.x;
  int done = 0;
  if (is_aligned16(g)) {
    const int vectors = piece.count / 4;
    for (int i = t; i < vectors; i += 256) {
      float4 v = load4(g + 4 * i);
      v.x = __fmul_rn(v.x, c);
      v.y = __fmul_rn(v.y, c);
      v.z = __fmul_rn(v.z, c);
      v.w = __fmul_rn(v.w, c);
      store4(g + 4 * i, v);
    }
    done = vectors * 4;
  }
  for (int i = done + t; i < piece.count; i += 256) g[i] = __fmul_rn(g[i], c);
}
EXPORT_KERNEL(global_norm_clip)
