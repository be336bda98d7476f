// Kullback-Leibler divergence of two softmaxes at a temperature; definition and roundings: op/KlDivergence.java. Rows
// of at most 1,024 columns: a warp each; longer ones: a block each. Logits are read several times, from the caches;
// exponentials are computed again rather than stored.
#include "softmax.cuh"

// A row of logits at a temperature, with the statistics of its softmax. i is the first column of a word.
template <bool WIDE>
struct KlRow {
  using Word = RowWord<WIDE>;
  const float* x;
  float temperature, m, s;

  __device__ __forceinline__ auto logits(long long i) const { return Word::load(x + i); }
  __device__ __forceinline__ float scaled(float logit) const { return __fdiv_rn(logit, temperature); }
  __device__ __forceinline__ float exponential(float logit) const { return em_expf(__fsub_rn(scaled(logit), m)); }
  __device__ __forceinline__ float softmax(float logit) const { return __fdiv_rn(exponential(logit), s); }
  __device__ __forceinline__ float log_softmax(float logit, float log_s) const {
    return __fsub_rn(__fsub_rn(scaled(logit), m), log_s);
  }
  __device__ __forceinline__ auto exponentials(long long i) const {
    return row_map([this](float logit) { return exponential(logit); }, logits(i));
  }
};

// p (log p - log q); +0 where p is 0.
template <bool WIDE>
struct KlTerm {
  KlRow<WIDE> teacher, student;
  float log_p, log_q;

  __device__ __forceinline__ KlTerm(const KlRow<WIDE>& t, const KlRow<WIDE>& s)
      : teacher(t), student(s), log_p(em_logf(t.s)), log_q(em_logf(s.s)) {}

  __device__ __forceinline__ float term(float t, float s) const {
    const float p = teacher.softmax(t);
    if (p == 0.0f) return 0.0f;
    return __fmul_rn(p, __fsub_rn(teacher.log_softmax(t, log_p), student.log_softmax(s, log_q)));
  }
  __device__ __forceinline__ auto operator()(long long i) const {
    return row_map([this](float t, float s) { return term(t, s); }, teacher.logits(i), student.logits(i));
  }
};

// The statistics of a short row, in every lane of its warp. The largest quotient is the quotient of the largest.
template <bool WIDE>
__device__ __forceinline__ KlRow<WIDE> kl_short_row(const float* x, int columns, float temperature, float* quads) {
  KlRow<WIDE> row = {x, temperature, 0.0f, 0.0f};
  row.m = __fdiv_rn(softmax_warp_maximum<WIDE>(x, columns), temperature);
  const KlRow<WIDE> known = row;
  const float s = row_sum_by_warp<WIDE>([known](long long i) { return known.exponentials(i); }, columns, quads);
  row.s = __shfl_sync(ALL_LANES, s, 0);
  return row;
}

// The statistics of a long row, in every thread of its block.
template <bool WIDE>
__device__ __forceinline__ KlRow<WIDE> kl_long_row(const float* x, long long columns, float temperature, float* scratch,
                                                   float* quads) {
  KlRow<WIDE> row = {x, temperature, 0.0f, 0.0f};
  row.m = __fdiv_rn(softmax_block_maximum<WIDE>(x, columns, scratch), temperature);
  const KlRow<WIDE> known = row;
  row.s = row_sum_by_block<WIDE>([known](long long i) { return known.exponentials(i); }, columns, scratch, quads);
  return row;
}

template <bool WIDE>
__device__ __forceinline__ float kl_short_loss(const float* teacher, const float* student, float temperature, int columns,
                                               float* quads) {
  const KlTerm<WIDE> term(kl_short_row<WIDE>(teacher, columns, temperature, quads),
                          kl_short_row<WIDE>(student, columns, temperature, quads));
  return row_sum_by_warp<WIDE>(term, columns, quads);
}

extern "C" __global__ void __launch_bounds__(256, 2)
kl_divergence_forward(const float* teacher, const float* student, float temperature, float square, float* losses,
                      long long rows, long long columns) {
  ROW_QUADS(quads);
  const long long r = row_of_warp();
  if (r >= rows) return;  // a whole warp, and no barrier of the block follows
  const float* t = teacher + r * columns;
  const float* s = student + r * columns;
  const float sum = row_is_wide(columns, teacher, student)
                        ? kl_short_loss<true>(t, s, temperature, (int)columns, quads)
                        : kl_short_loss<false>(t, s, temperature, (int)columns, quads);
  if (row_lane() == 0) losses[r] = __fmul_rn(sum, square);
}
EXPORT_KERNEL(kl_divergence_forward)

template <bool WIDE>
__device__ __forceinline__ float kl_long_loss(const float* teacher, const float* student, float temperature,
                                              long long columns, float* scratch, float* quads) {
  const KlTerm<WIDE> term(kl_long_row<WIDE>(teacher, columns, temperature, scratch, quads),
                          kl_long_row<WIDE>(student, columns, temperature, scratch, quads));
  return row_sum_by_block<WIDE>(term, columns, scratch, quads);
}

extern "C" __global__ void __launch_bounds__(256, 2)
kl_divergence_forward_long(const float* teacher, const float* student, float temperature, float square, float* losses,
                           long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const long long at = blockIdx.x * columns;
  const float sum = row_is_wide(columns, teacher, student)
                        ? kl_long_loss<true>(teacher + at, student + at, temperature, columns, scratch, quads)
                        : kl_long_loss<false>(teacher + at, student + at, temperature, columns, scratch, quads);
  if (threadIdx.x == 0) losses[blockIdx.x] = __fmul_rn(sum, square);
}
EXPORT_KERNEL(kl_divergence_forward_long)

// dstudent may be student: each word is read for the last time by the thread that writes it.
template <bool WIDE>
__device__ __forceinline__ void kl_slopes(const KlRow<WIDE>& student, const KlRow<WIDE>& teacher, long long i, float c,
                                          float* dstudent) {
  const auto f = [&student, &teacher, c](float s, float t) {
    return __fmul_rn(__fsub_rn(student.softmax(s), teacher.softmax(t)), c);
  };
  RowWord<WIDE>::store(dstudent + i, row_map(f, student.logits(i), teacher.logits(i)));
}

template <bool WIDE>
__device__ __forceinline__ void kl_short_gradient(const float* teacher, const float* student, float temperature, float c,
                                                  float* dstudent, int columns, float* quads) {
  const KlRow<WIDE> t = kl_short_row<WIDE>(teacher, columns, temperature, quads);
  const KlRow<WIDE> s = kl_short_row<WIDE>(student, columns, temperature, quads);
  constexpr int WIDTH = RowWord<WIDE>::WIDTH;
  for (int i = WIDTH * row_lane(); i < columns; i += WIDTH * WARP_LANES) kl_slopes(s, t, i, c, dstudent);
}

extern "C" __global__ void __launch_bounds__(256, 2)
kl_divergence_gradient(const float* teacher, const float* student, float temperature, float c, float* dstudent,
                       long long rows, long long columns) {
  ROW_QUADS(quads);
  const long long r = row_of_warp();
  if (r >= rows) return;
  const float* t = teacher + r * columns;
  const float* s = student + r * columns;
  float* to = dstudent + r * columns;
  if (row_is_wide(columns, teacher, student, dstudent)) {
    kl_short_gradient<true>(t, s, temperature, c, to, (int)columns, quads);
  } else {
    kl_short_gradient<false>(t, s, temperature, c, to, (int)columns, quads);
  }
}
EXPORT_KERNEL(kl_divergence_gradient)

template <bool WIDE>
__device__ __forceinline__ void kl_long_gradient(const float* teacher, const float* student, float temperature, float c,
                                                 float* dstudent, long long columns, float* scratch, float* quads) {
  const KlRow<WIDE> t = kl_long_row<WIDE>(teacher, columns, temperature, scratch, quads);
  const KlRow<WIDE> s = kl_long_row<WIDE>(student, columns, temperature, scratch, quads);
  row_by_block<WIDE>([&s, &t, c, dstudent](long long i) { kl_slopes(s, t, i, c, dstudent); }, columns);
}

extern "C" __global__ void __launch_bounds__(256, 2)
kl_divergence_gradient_long(const float* teacher, const float* student, float temperature, float c, float* dstudent,
                            long long, long long columns) {
  __shared__ float scratch[ORDERED_SCRATCH];
  ROW_QUADS(quads);
  const long long at = blockIdx.x * columns;
  if (row_is_wide(columns, teacher, student, dstudent)) {
    kl_long_gradient<true>(teacher + at, student + at, temperature, c, dstudent + at, columns, scratch, quads);
  } else {
    kl_long_gradient<false>(teacher + at, student + at, temperature, c, dstudent + at, columns, scratch, quads);
  }
}
EXPORT_KERNEL(kl_divergence_gradient_long)
