// Contrastive loss of pairs of embeddings; definition and roundings: op/ContrastiveLoss.java. Labels are 0 (same) or 1
// (different): cross_entropy_labels has run first. Bound by memory: 8 bytes an element forward, 16 for the gradients.
#include "ordered_sum.cuh"
#include "portable.cuh"

// The square of a difference, as a term of a sum.
struct ContrastiveTerm {
  const float* a;
  const float* b;
  __device__ __forceinline__ float operator()(long long i) const {
    const float d = __fsub_rn(a[i], b[i]);
    return __fmul_rn(d, d);
  }
};

// How far a pair lies within the margin.
__device__ __forceinline__ float contrastive_lack(float margin, float distance) {
  return sel_maximum(__fsub_rn(margin, distance), 0.0f);
}

__device__ __forceinline__ void contrastive_row(float s, int label, float margin, float* distance, float* loss) {
  const float d = __fsqrt_rn(s);
  const float h = contrastive_lack(margin, d);
  *distance = d;
  *loss = __fmul_rn(0.5f, label == 0 ? s : __fmul_rn(h, h));
}

// Rows of at most 1,024 columns: a warp each.
extern "C" __global__ void __launch_bounds__(256)
contrastive_loss_forward(const float* a, const float* b, const int* labels, float margin, float* distances,
                         float* losses, long long rows, long long columns) {
  const long long r = (long long)blockIdx.x * 8 + threadIdx.x / WARP_LANES;
  if (r >= rows) return;  // a whole warp, and no barrier follows
  const ContrastiveTerm term = {a + r * columns, b + r * columns};
  const float s = ordered_block_by_warp(term, 0, (int)columns);
  if (threadIdx.x % WARP_LANES == 0) contrastive_row(s, labels[r], margin, distances + r, losses + r);
}
EXPORT_KERNEL(contrastive_loss_forward)

// Longer rows: a block each.
extern "C" __global__ void __launch_bounds__(256)
contrastive_loss_forward_long(const float* a, const float* b, const int* labels, float margin, float* distances,
                              float* losses, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const long long r = blockIdx.x;
  const ContrastiveTerm term = {a + r * columns, b + r * columns};
  const float s = ordered_block_sum(term, columns, scratch);
  if (threadIdx.x == 0) contrastive_row(s, labels[r], margin, distances + r, losses + r);
}
EXPORT_KERNEL(contrastive_loss_forward_long)

// da = (a - b) · k, db = -da; both +0 where k is 0. `threads` of a block, a divisor of 256, take a row.
extern "C" __global__ void __launch_bounds__(256)
contrastive_loss_gradient(const float* a, const float* b, const int* labels, float margin, const float* distances,
                          float c, float* da, float* db, long long rows, long long columns, int threads) {
  const int t = (int)threadIdx.x;
  const long long r = (long long)blockIdx.x * (256 / threads) + t / threads;
  if (r >= rows) return;
  float k = c;
  if (labels[r] != 0) {
    const float d = distances[r];
    const float h = contrastive_lack(margin, d);
    k = h == 0.0f || d == 0.0f ? 0.0f : -__fmul_rn(__fdiv_rn(h, d), c);
  }
  const long long from = r * columns;
  for (long long i = from + t % threads; i < from + columns; i += threads) {
    const float slope = __fmul_rn(__fsub_rn(a[i], b[i]), k);
    da[i] = k == 0.0f ? 0.0f : slope;
    db[i] = k == 0.0f ? 0.0f : -slope;
  }
}
EXPORT_KERNEL(contrastive_loss_gradient)
