// Kullback-Leibler divergence of two softmaxes at a temperature; definition and roundings: op/KlDivergence.java. Rows
// of at most 1,024 columns: a warp each; longer ones: a block each. Logits are read several times, from the caches;
// exponentials are computed again rather than stored.
#include "softmax.cuh"

// A row of logits at a temperature, with the statistics of its softmax.
struct KlRow {
  const float* x;
  float temperature, m, s;

  __device__ __forceinline__ float scaled(long long i) const { return __fdiv_rn(x[i], temperature); }
  __device__ __forceinline__ float exponential(long long i) const { return em_expf(__fsub_rn(scaled(i), m)); }
  __device__ __forceinline__ float softmax(long long i) const { return __fdiv_rn(exponential(i), s); }
  __device__ __forceinline__ float log_softmax(long long i, float log_s) const {
    return __fsub_rn(__fsub_rn(scaled(i), m), log_s);
  }
};

// p (log p - log q); +0 where p is 0.
struct KlTerm {
  KlRow teacher, student;
  float log_p, log_q;

  __device__ __forceinline__ KlTerm(const KlRow& t, const KlRow& s)
      : teacher(t), student(s), log_p(em_logf(t.s)), log_q(em_logf(s.s)) {}

  __device__ __forceinline__ float operator()(long long i) const {
    const float p = teacher.softmax(i);
    if (p == 0.0f) return 0.0f;
    return __fmul_rn(p, __fsub_rn(teacher.log_softmax(i, log_p), student.log_softmax(i, log_q)));
  }
};

// The statistics of a short row, in every lane of its warp.
__device__ __forceinline__ KlRow kl_short_row(const float* x, int columns, float temperature) {
  KlRow row = {x, temperature, softmax_lowest(), 0.0f};
  for (int i = softmax_lane(); i < columns; i += WARP_LANES) row.m = sel_maximum(row.m, row.scaled(i));
  row.m = softmax_lanes_maximum(row.m);
  const KlRow& known = row;
  const float s = ordered_block_by_warp([known](long long i) { return known.exponential(i); }, 0, columns);
  row.s = __shfl_sync(ALL_LANES, s, 0);
  return row;
}

// The statistics of a long row, in every thread of its block. The largest quotient is the quotient of the largest.
__device__ __forceinline__ KlRow kl_long_row(const float* x, long long columns, float temperature, float* scratch) {
  KlRow row = {x, temperature, 0.0f, 0.0f};
  row.m = __fdiv_rn(softmax_block_maximum(x, columns, scratch), temperature);
  const KlRow known = row;
  row.s = ordered_block_sum([known](long long i) { return known.exponential(i); }, columns, scratch);
  return row;
}

extern "C" __global__ void __launch_bounds__(256, 3)
kl_divergence_forward(const float* teacher, const float* student, float temperature, float square, float* losses,
                      long long rows, long long columns) {
  const long long r = softmax_warp_row();
  if (r >= rows) return;  // a whole warp, and no barrier follows
  const KlTerm term(kl_short_row(teacher + r * columns, (int)columns, temperature),
                    kl_short_row(student + r * columns, (int)columns, temperature));
  const float sum = ordered_block_by_warp(term, 0, (int)columns);
  if (softmax_lane() == 0) losses[r] = __fmul_rn(sum, square);
}
EXPORT_KERNEL(kl_divergence_forward)

extern "C" __global__ void __launch_bounds__(256, 3)
kl_divergence_forward_long(const float* teacher, const float* student, float temperature, float square, float* losses,
                           long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const long long r = blockIdx.x;
  const KlTerm term(kl_long_row(teacher + r * columns, columns, temperature, scratch),
                    kl_long_row(student + r * columns, columns, temperature, scratch));
  const float sum = ordered_block_sum(term, columns, scratch);
  if (threadIdx.x == 0) losses[r] = __fmul_rn(sum, square);
}
EXPORT_KERNEL(kl_divergence_forward_long)

__device__ __forceinline__ float kl_slope(const KlRow& student, const KlRow& teacher, long long i, float c) {
  return __fmul_rn(__fsub_rn(student.softmax(i), teacher.softmax(i)), c);
}

// dstudent may be student: each element is read for the last time by the thread that writes it.
extern "C" __global__ void __launch_bounds__(256)
kl_divergence_gradient(const float* teacher, const float* student, float temperature, float c, float* dstudent,
                       long long rows, long long columns) {
  const long long r = softmax_warp_row();
  if (r >= rows) return;
  const KlRow t = kl_short_row(teacher + r * columns, (int)columns, temperature);
  const KlRow s = kl_short_row(student + r * columns, (int)columns, temperature);
  for (int i = softmax_lane(); i < columns; i += WARP_LANES) dstudent[r * columns + i] = kl_slope(s, t, i, c);
}
EXPORT_KERNEL(kl_divergence_gradient)

extern "C" __global__ void __launch_bounds__(256)
kl_divergence_gradient_long(const float* teacher, const float* student, float temperature, float c, float* dstudent,
                            long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const long long r = blockIdx.x;
  const KlRow t = kl_long_row(teacher + r * columns, columns, temperature, scratch);
  const KlRow s = kl_long_row(student + r * columns, columns, temperature, scratch);
  for (long long i = threadIdx.x; i < columns; i += 256) dstudent[r * columns + i] = kl_slope(s, t, i, c);
}
EXPORT_KERNEL(kl_divergence_gradient_long)
