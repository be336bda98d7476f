// Contrastive loss of pairs of embeddings; definition and roundings: op/ContrastiveLoss.java. Labels are 0 (same) or 1
// (different): cross_entropy_labels has run first. Bound by memory: 8 bytes an element forward, 16 for the gradients.
#include "rows.cuh"

// Squares of differences, a word of terms of a sum.
template <bool WIDE>
struct ContrastiveTerm {
  const float* a;
  const float* b;
  __device__ __forceinline__ auto operator()(long long i) const {
    const auto f = [](float a, float b) {
      const float d = __fsub_rn(a, b);
      return __fmul_rn(d, d);
    };
    return row_map(f, RowWord<WIDE>::load(a + i), RowWord<WIDE>::load(b + i));
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
  ROW_QUADS(quads);
  const long long r = row_of_warp(), at = r * columns;
  if (r >= rows) return;  // a whole warp, and no barrier of the block follows
  const float s =
      row_is_wide(columns, a, b)
          ? row_sum_by_warp<true>(ContrastiveTerm<true>{a + at, b + at}, (int)columns, quads)
          : row_sum_by_warp<false>(ContrastiveTerm<false>{a + at, b + at}, (int)columns, quads);
  if (threadIdx.x % WARP_LANES == 0) contrastive_row(s, labels[r], margin, distances + r, losses + r);
}
EXPORT_KERNEL(contrastive_loss_forward)

// Longer rows: a block each.
extern "C" __global__ void __launch_bounds__(256)
contrastive_loss_forward_long(const float* a, const float* b, const int* labels, float margin, float* distances,
                              float* losses, long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const long long r = blockIdx.x, at = r * columns;
  const float s =
      row_is_wide(columns, a, b)
          ? row_sum_by_block<true>(ContrastiveTerm<true>{a + at, b + at}, columns, scratch, quads)
          : row_sum_by_block<false>(ContrastiveTerm<false>{a + at, b + at}, columns, scratch, quads);
  if (threadIdx.x == 0) contrastive_row(s, labels[r], margin, distances + r, losses + r);
}
EXPORT_KERNEL(contrastive_loss_forward_long)

// One word of a row: da = (a - b) · k, db = -da; both +0 where k is 0.
template <bool WIDE>
__device__ __forceinline__ void contrastive_slopes(const float* a, const float* b, float k, float* da, float* db,
                                                   long long columns, int lane, int lanes) {
  using Word = RowWord<WIDE>;
#pragma unroll 2
  for (long long i = (long long)Word::WIDTH * lane; i < columns; i += (long long)Word::WIDTH * lanes) {
    const auto f = [k](float a, float b) { return k == 0.0f ? 0.0f : __fmul_rn(__fsub_rn(a, b), k); };
    const auto slope = row_map(f, Word::load(a + i), Word::load(b + i));
    Word::store(da + i, slope);
    Word::store(db + i, row_map([k](float d) { return k == 0.0f ? 0.0f : -d; }, slope));
  }
}

// `threads` of a block, a divisor of 256, take a row.
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
  const long long at = r * columns;
  const int lane = t % threads;
  if (row_is_wide(columns, a, b, da) && is_aligned16(db)) {
    contrastive_slopes<true>(a + at, b + at, k, da + at, db + at, columns, lane, threads);
  } else {
    contrastive_slopes<false>(a + at, b + at, k, da + at, db + at, columns, lane, threads);
  }
}
EXPORT_KERNEL(contrastive_loss_gradient)
