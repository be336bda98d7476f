// Attention; definition and order of roundings: op/Attention.java.
//
// A block of 256 threads has a tile of 64 queries and goes over the keys 64 at a time (for dk and dv, a tile of 64 keys
// and goes over the queries). It computes the scores of such a square in registers and keeps none: softmax in the
// contract's order needs a row's maximum before its sum, and the sum before any weight, so scores are computed three
// times forward and twice backward, and there is no memory of queries times keys anywhere.
//
// Thread (y, x) of 16 x 16 has queries 4y … 4y + 3 and keys x, x + 16, x + 32, x + 48 of a square: of the 32 lanes of a
// row's block sum it has lanes x and x + 16, and meets their terms in order. exp is never -0, so a lane without a term
// may add +0 to a sum. A head's columns come in slices of 64, each a block of its own.
#include "exact_math.cuh"
#include "portable.cuh"
#include "contract.cuh"

constexpr int ATTENTION_TILE = 64;
constexpr int ATTENTION_THREADS = 256;
constexpr int ATTENTION_SLICE = 16;   // numbers of a head that are in shared memory at a time
constexpr int ATTENTION_ROW = 68;     // floats of a row in shared memory: four more than a tile, against bank conflicts

// Rows of one operand: q, k, v and so on. `data` is at the operand's own first column.
struct AttentionRows {
  const float* data;
  long long step;   // floats from one row to the next
};

struct AttentionSizes {
  int heads, dim, queries, keys, causal;
  float c;
};

// The head that a block works on.
struct AttentionHead {
  int b, h, tile, length;
};

__device__ __forceinline__ AttentionHead attention_head(const AttentionSizes& s, const int* lengths, int rows) {
  const int tiles = (rows + ATTENTION_TILE - 1) / ATTENTION_TILE;
  AttentionHead head;
  // The last tiles first: if causal, they have the most keys.
  head.tile = tiles - 1 - (int)(blockIdx.x % tiles);
  const int all = (int)(blockIdx.x / tiles);
  head.b = all / s.heads;
  head.h = all % s.heads;
  head.length = lengths == nullptr ? s.keys : lengths[head.b];
  return head;
}

// The head's numbers in row 0 of the sequence.
__device__ __forceinline__ const float* attention_row0(const AttentionRows& x, const AttentionSizes& s,
                                                       const AttentionHead& head, int rows) {
  return x.data + (long long)head.b * rows * x.step + (long long)head.h * s.dim;
}

// Keys that query i sees; 0 where there is no such query.
__device__ __forceinline__ int attention_seen(const AttentionSizes& s, int length, int i) {
  if (i >= s.queries) return 0;
  return s.causal && i + 1 < length ? i + 1 : length;
}

// Where query i's maximum, sum and dot product are; the last query's where there is no query i.
__device__ __forceinline__ long long attention_statistic(const AttentionSizes& s, const AttentionHead& head, int i) {
  return ((long long)head.b * s.heads + head.h) * s.queries + (i < s.queries ? i : s.queries - 1);
}

// Up to four numbers of a row; +0 for those that are not there.
__device__ __forceinline__ float4 attention_quad(const float* from, int there) {
  float4 v = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  if (there >= 4 && is_aligned16(from)) return load4(from);
  if (there > 0) v.x = from[0];
  if (there > 1) v.y = from[1];
  if (there > 2) v.z = from[2];
  if (there > 3) v.w = from[3];
  return v;
}

// Numbers d … d + 15 of 64 rows, side by side: number e of row r at to[e * ROW + r].
__device__ __forceinline__ void attention_turn(float* to, const float* row0, long long step, int first, int rows, int d,
                                               int dim) {
  const int r = (int)threadIdx.x / 4, e = (int)threadIdx.x % 4 * 4;
  const int there = first + r < rows ? dim - d - e : 0;
  const float4 v = attention_quad(row0 + (long long)(first + r) * step + d + e, there);
  to[e * ATTENTION_ROW + r] = v.x;
  to[(e + 1) * ATTENTION_ROW + r] = v.y;
  to[(e + 2) * ATTENTION_ROW + r] = v.z;
  to[(e + 3) * ATTENTION_ROW + r] = v.w;
}

// Numbers d … d + 63 of 64 rows: row r at to[r * ROW].
__device__ __forceinline__ void attention_copy(float* to, const float* row0, long long step, int first, int rows, int d,
                                               int dim) {
  const int e = (int)threadIdx.x % 16 * 4;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int r = (int)threadIdx.x / 16 + 16 * i;
    const int there = first + r < rows ? dim - d - e : 0;
    store4(to + r * ATTENTION_ROW + e, attention_quad(row0 + (long long)(first + r) * step + d + e, there));
  }
}

// The chains of the thread's part of a square: products of 64 rows of a and 64 rows of b.
__device__ __forceinline__ void attention_products(float (&acc)[4][4], const float* a, long long a_step, int a_first,
                                                   int a_rows, const float* b, long long b_step, int b_first, int b_rows,
                                                   int dim, float* a_shared, float* b_shared) {
  const int y = (int)threadIdx.x / 16, x = (int)threadIdx.x % 16;
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) acc[i][j] = 0.0f;
  }
  for (int d = 0; d < dim; d += ATTENTION_SLICE) {
    __syncthreads();   // the last slice has been read
    attention_turn(a_shared, a, a_step, a_first, a_rows, d, dim);
    attention_turn(b_shared, b, b_step, b_first, b_rows, d, dim);
    __syncthreads();
    const int terms = dim - d < ATTENTION_SLICE ? dim - d : ATTENTION_SLICE;
    for (int e = 0; e < terms; e++) {
      const float4 q = load4(a_shared + e * ATTENTION_ROW + 4 * y);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const float k = b_shared[e * ATTENTION_ROW + x + 16 * j];
        acc[0][j] = __fmaf_rn(q.x, k, acc[0][j]);
        acc[1][j] = __fmaf_rn(q.y, k, acc[1][j]);
        acc[2][j] = __fmaf_rn(q.z, k, acc[2][j]);
        acc[3][j] = __fmaf_rn(q.w, k, acc[3][j]);
      }
    }
  }
}

// The sum over the 16 threads of a row, in all of them: halving, whose additions commute.
__device__ __forceinline__ float attention_lanes(float low, float high) {
  float sum = __fadd_rn(low, high);
#pragma unroll
  for (int half = 8; half > 0; half /= 2) sum = __fadd_rn(sum, __shfl_xor_sync(ALL_LANES, sum, half));
  return sum;
}

// The maximum and the sum of each query's row.
extern "C" __global__ void __launch_bounds__(ATTENTION_THREADS, 1)  // with fewer registers it would spill
attention_statistics(const float* q_data, long long q_step, const float* k_data, long long k_step, const int* lengths,
                     int heads, int dim, int queries, int keys, int causal, float c, float* maxima, float* sums) {
  __shared__ __align__(16) float a_shared[ATTENTION_SLICE * ATTENTION_ROW], b_shared[ATTENTION_SLICE * ATTENTION_ROW];
  const AttentionSizes s = {heads, dim, queries, keys, causal, c};
  const AttentionHead head = attention_head(s, lengths, queries);
  const float* q = attention_row0({q_data, q_step}, s, head, queries);
  const float* k = attention_row0({k_data, k_step}, s, head, keys);
  const int y = (int)threadIdx.x / 16, x = (int)threadIdx.x % 16;
  const int i0 = head.tile * ATTENTION_TILE;
  const int last = i0 + ATTENTION_TILE < queries ? i0 + ATTENTION_TILE : queries;
  const int most = attention_seen(s, head.length, last - 1);
  int n[4];
  float m[4], lane[4][2], block[4][2], acc[4][4];
#pragma unroll
  for (int a = 0; a < 4; a++) {
    n[a] = attention_seen(s, head.length, i0 + 4 * y + a);
    m[a] = __int_as_float((int)0xff800000u);
    lane[a][0] = lane[a][1] = block[a][0] = block[a][1] = 0.0f;
  }
  for (int j0 = 0; j0 < most; j0 += ATTENTION_TILE) {
    attention_products(acc, q, q_step, i0, queries, k, k_step, j0, keys, dim, a_shared, b_shared);
#pragma unroll
    for (int a = 0; a < 4; a++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (j0 + x + 16 * j < n[a]) m[a] = sel_maximum(m[a], __fmul_rn(acc[a][j], c));
      }
    }
  }
#pragma unroll
  for (int a = 0; a < 4; a++) {
#pragma unroll
    for (int half = 8; half > 0; half /= 2) m[a] = sel_maximum(m[a], __shfl_xor_sync(ALL_LANES, m[a], half));
  }
  for (int j0 = 0; j0 < most; j0 += ATTENTION_TILE) {
    attention_products(acc, q, q_step, i0, queries, k, k_step, j0, keys, dim, a_shared, b_shared);
    const int end = j0 + ATTENTION_TILE;
    const bool ends = end % CONTRACT_BLOCK == 0 || end >= most;
    const int of = j0 / CONTRACT_BLOCK % CONTRACT_LANES;   // the block's lane in the sum of blocks
#pragma unroll
    for (int a = 0; a < 4; a++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (j0 + x + 16 * j < n[a]) {
          lane[a][j & 1] = __fadd_rn(lane[a][j & 1], em_expf(__fsub_rn(__fmul_rn(acc[a][j], c), m[a])));
        }
      }
      if (ends) {
        const float sum = attention_lanes(lane[a][0], lane[a][1]);
        if (of == x) block[a][0] = __fadd_rn(block[a][0], sum);
        if (of == x + 16) block[a][1] = __fadd_rn(block[a][1], sum);
        lane[a][0] = lane[a][1] = 0.0f;
      }
    }
  }
#pragma unroll
  for (int a = 0; a < 4; a++) {
    const float sum = attention_lanes(block[a][0], block[a][1]);
    const int i = i0 + 4 * y + a;
    if (x == 0 && i < queries) {
      maxima[attention_statistic(s, head, i)] = m[a];
      sums[attention_statistic(s, head, i)] = sum;
    }
  }
}
EXPORT_KERNEL(attention_statistics)

// e = the chain of dout · out over a head's numbers, for each query of each head.
extern "C" __global__ void __launch_bounds__(ATTENTION_THREADS)
attention_dots(const float* dout, const float* out, long long rows, int heads, int dim, int queries, float* e) {
  for (long long r = (long long)blockIdx.x * ATTENTION_THREADS + threadIdx.x; r < rows * heads;
       r += (long long)gridDim.x * ATTENTION_THREADS) {
    const long long row = r / heads, h = r % heads;
    const long long at = (row * heads + h) * dim;
    float acc = 0.0f;
    for (int d = 0; d < dim; d++) acc = __fmaf_rn(dout[at + d], out[at + d], acc);
    e[(row / queries * heads + h) * queries + row % queries] = acc;
  }
}
EXPORT_KERNEL(attention_dots)

struct AttentionGradient {
  const float *maxima, *sums, *dots;
};

// p = exp(s · c - m) / l
__device__ __forceinline__ float attention_weight(float s, float c, float m, float l) {
  return __fdiv_rn(em_expf(__fsub_rn(__fmul_rn(s, c), m)), l);
}

// ds = p · (dp - e)
__device__ __forceinline__ float attention_slope(float p, float dp, float e) {
  return __fmul_rn(p, __fsub_rn(dp, e));
}

// One term of 4 x 4 chains, rows where `takes` says so.
__device__ __forceinline__ void attention_term(float (&acc)[4][4], const float* w, const float* v, const bool (&takes)[4]) {
  const float4 wv = load4(w), x = load4(v);
  const float weight[4] = {wv.x, wv.y, wv.z, wv.w};
#pragma unroll
  for (int a = 0; a < 4; a++) {
    if (takes[a]) {
      acc[a][0] = __fmaf_rn(weight[a], x.x, acc[a][0]);
      acc[a][1] = __fmaf_rn(weight[a], x.y, acc[a][1]);
      acc[a][2] = __fmaf_rn(weight[a], x.z, acc[a][2]);
      acc[a][3] = __fmaf_rn(weight[a], x.w, acc[a][3]);
    }
  }
}

// The end of a chunk: total = chain, or total + chain, in the rows that have a chain; and the next chains.
__device__ __forceinline__ void attention_fold(float (&acc)[4][4], float (&total)[4][4], bool first,
                                               const bool (&takes)[4]) {
#pragma unroll
  for (int a = 0; a < 4; a++) {
#pragma unroll
    for (int d = 0; d < 4; d++) {
      if (takes[a]) total[a][d] = first ? acc[a][d] : __fadd_rn(total[a][d], acc[a][d]);
      acc[a][d] = 0.0f;
    }
  }
}

// The sums over keys for a tile of queries: out from p and v, or dq from ds and k. Thread (y, x) has queries
// 4y … 4y + 3 and columns 4x … 4x + 3 of the sums.
template <bool GRADIENT>
__device__ __forceinline__ void attention_queries(const AttentionSizes& s, const int* lengths, AttentionRows qr,
                                                  AttentionRows kr, AttentionRows vr, AttentionRows gr,
                                                  const AttentionGradient& g, float* out_data, long long out_step) {
  __shared__ __align__(16) float a_shared[ATTENTION_SLICE * ATTENTION_ROW], b_shared[ATTENTION_SLICE * ATTENTION_ROW];
  __shared__ __align__(16) float weights[ATTENTION_TILE * ATTENTION_ROW];   // of key j, by query
  __shared__ __align__(16) float terms[ATTENTION_TILE * ATTENTION_ROW];     // of key j, by column
  const AttentionHead head = attention_head(s, lengths, s.queries);
  const float* q = attention_row0(qr, s, head, s.queries);
  const float* k = attention_row0(kr, s, head, s.keys);
  const float* v = attention_row0(vr, s, head, s.keys);
  const float* dout = GRADIENT ? attention_row0(gr, s, head, s.queries) : nullptr;
  const int y = (int)threadIdx.x / 16, x = (int)threadIdx.x % 16;
  const int i0 = head.tile * ATTENTION_TILE;
  const int d0 = (int)blockIdx.y * ATTENTION_TILE;
  const int last = i0 + ATTENTION_TILE < s.queries ? i0 + ATTENTION_TILE : s.queries;
  const int most = attention_seen(s, head.length, last - 1);
  const int chunk = (int)contract_chunk(s.keys);
  int n[4];
  float sum[4][4] = {}, total[4][4] = {};
#pragma unroll
  for (int a = 0; a < 4; a++) n[a] = attention_seen(s, head.length, i0 + 4 * y + a);
  for (int j0 = 0; j0 < most; j0 += ATTENTION_TILE) {
    float w[4][4];
    attention_products(w, q, qr.step, i0, s.queries, k, kr.step, j0, s.keys, s.dim, a_shared, b_shared);
#pragma unroll
    for (int a = 0; a < 4; a++) {
      // Read again for each square, from the first-level cache: registers are dearer.
      const float m = g.maxima[attention_statistic(s, head, i0 + 4 * y + a)];
      const float l = g.sums[attention_statistic(s, head, i0 + 4 * y + a)];
#pragma unroll
      for (int j = 0; j < 4; j++) w[a][j] = attention_weight(w[a][j], s.c, m, l);
    }
    if (GRADIENT) {
      float dp[4][4];
      attention_products(dp, dout, gr.step, i0, s.queries, v, vr.step, j0, s.keys, s.dim, a_shared, b_shared);
#pragma unroll
      for (int a = 0; a < 4; a++) {
        const float e = g.dots[attention_statistic(s, head, i0 + 4 * y + a)];
#pragma unroll
        for (int j = 0; j < 4; j++) w[a][j] = attention_slope(w[a][j], dp[a][j], e);
      }
    }
    // The products have waited for all threads since the last square's terms were read.
#pragma unroll
    for (int j = 0; j < 4; j++) {
      store4(weights + (x + 16 * j) * ATTENTION_ROW + 4 * y, make_float4(w[0][j], w[1][j], w[2][j], w[3][j]));
    }
    attention_copy(terms, GRADIENT ? k : v, GRADIENT ? kr.step : vr.step, j0, s.keys, d0, s.dim);
    __syncthreads();
    const int end = j0 + ATTENTION_TILE < most ? j0 + ATTENTION_TILE : most;
    for (int j = j0; j < end; j++) {
      const bool takes[4] = {j < n[0], j < n[1], j < n[2], j < n[3]};
      attention_term(sum, weights + (j - j0) * ATTENTION_ROW + 4 * y, terms + (j - j0) * ATTENTION_ROW + 4 * x, takes);
    }
    if (end % chunk == 0 || end == most) {
      const int from = (end - 1) / chunk * chunk;
      const bool has[4] = {from < n[0], from < n[1], from < n[2], from < n[3]};
      attention_fold(sum, total, from == 0, has);
    }
  }
  float* out = out_data + (long long)head.b * s.queries * out_step + (long long)head.h * s.dim;
#pragma unroll
  for (int a = 0; a < 4; a++) {
    const int i = i0 + 4 * y + a;
#pragma unroll
    for (int d = 0; d < 4; d++) {
      if (i < s.queries && d0 + 4 * x + d < s.dim) {
        out[(long long)i * out_step + d0 + 4 * x + d] = GRADIENT ? __fmul_rn(total[a][d], s.c) : total[a][d];
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(ATTENTION_THREADS)
attention_forward(const float* q, long long q_step, const float* k, long long k_step, const float* v, long long v_step,
                  const int* lengths, int heads, int dim, int queries, int keys, int causal, float c,
                  const float* maxima, const float* sums, float* out, long long out_step) {
  attention_queries<false>({heads, dim, queries, keys, causal, c}, lengths, {q, q_step}, {k, k_step}, {v, v_step},
                           {nullptr, 0}, {maxima, sums, nullptr}, out, out_step);
}
EXPORT_KERNEL(attention_forward)

extern "C" __global__ void __launch_bounds__(ATTENTION_THREADS, 1)  // with fewer registers it would spill
attention_gradient_queries(const float* q, long long q_step, const float* k, long long k_step, const float* v,
                           long long v_step, const float* dout, long long dout_step, const int* lengths, int heads,
                           int dim, int queries, int keys, int causal, float c, const float* maxima, const float* sums,
                           const float* dots, float* dq, long long dq_step) {
  attention_queries<true>({heads, dim, queries, keys, causal, c}, lengths, {q, q_step}, {k, k_step}, {v, v_step},
                          {dout, dout_step}, {maxima, sums, dots}, dq, dq_step);
}
EXPORT_KERNEL(attention_gradient_queries)

// The sums over queries for a tile of keys. Thread (y, x) has keys 4y … 4y + 3 and columns 4x … 4x + 3 of the sums.
extern "C" __global__ void __launch_bounds__(ATTENTION_THREADS)
attention_gradient_keys(const float* q_data, long long q_step, const float* k_data, long long k_step,
                        const float* v_data, long long v_step, const float* dout_data, long long dout_step,
                        const int* lengths, int heads, int dim, int queries, int keys, int causal, float c,
                        const float* maxima, const float* sums, const float* dots, float* dk_data, long long dk_step,
                        float* dv_data, long long dv_step) {
  __shared__ __align__(16) float a_shared[ATTENTION_SLICE * ATTENTION_ROW], b_shared[ATTENTION_SLICE * ATTENTION_ROW];
  __shared__ __align__(16) float weights[ATTENTION_TILE * ATTENTION_ROW];   // of query i, by key
  __shared__ __align__(16) float terms[ATTENTION_TILE * ATTENTION_ROW];     // of query i, by column
  const AttentionSizes s = {heads, dim, queries, keys, causal, c};
  const AttentionHead head = attention_head(s, lengths, keys);
  const float* q = attention_row0({q_data, q_step}, s, head, queries);
  const float* k = attention_row0({k_data, k_step}, s, head, keys);
  const float* v = attention_row0({v_data, v_step}, s, head, keys);
  const float* dout = attention_row0({dout_data, dout_step}, s, head, queries);
  const int y = (int)threadIdx.x / 16, x = (int)threadIdx.x % 16;
  const int j0 = head.tile * ATTENTION_TILE;
  const int d0 = (int)blockIdx.y * ATTENTION_TILE;
  const int chunk = (int)contract_chunk(queries);
  float dk[4][4] = {}, dv[4][4] = {}, dk_total[4][4] = {}, dv_total[4][4] = {};
  // Tiles of queries before this one see none of the keys; the chunk that it lies in is the keys' first.
  const int begin = causal ? j0 : 0;
  const int first_chunk = begin / chunk;
  for (int i0 = begin; i0 < queries && j0 < head.length; i0 += ATTENTION_TILE) {
    float p[4][4], ds[4][4];
    attention_products(p, q, q_step, i0, queries, k, k_step, j0, keys, dim, a_shared, b_shared);
    attention_products(ds, dout, dout_step, i0, queries, v, v_step, j0, keys, dim, a_shared, b_shared);
#pragma unroll
    for (int a = 0; a < 4; a++) {
      const int i = i0 + 4 * y + a;
      const long long at = attention_statistic(s, head, i);
      const float m = maxima[at], l = sums[at], e = dots[at];
#pragma unroll
      for (int j = 0; j < 4; j++) {
        p[a][j] = attention_weight(p[a][j], c, m, l);
        ds[a][j] = attention_slope(p[a][j], ds[a][j], e);
        weights[(4 * y + a) * ATTENTION_ROW + x + 16 * j] = p[a][j];
      }
    }
    attention_copy(terms, dout, dout_step, i0, queries, d0, dim);
    __syncthreads();
    const int end = i0 + ATTENTION_TILE < queries ? i0 + ATTENTION_TILE : queries;
    for (int i = i0; i < end; i++) {
      const int seen = causal ? i - j0 - 4 * y : ATTENTION_TILE;
      const bool takes[4] = {seen >= 0, seen >= 1, seen >= 2, seen >= 3};
      attention_term(dv, weights + (i - i0) * ATTENTION_ROW + 4 * y, terms + (i - i0) * ATTENTION_ROW + 4 * x, takes);
    }
    __syncthreads();
#pragma unroll
    for (int a = 0; a < 4; a++) {
#pragma unroll
      for (int j = 0; j < 4; j++) weights[(4 * y + a) * ATTENTION_ROW + x + 16 * j] = ds[a][j];
    }
    attention_copy(terms, q, q_step, i0, queries, d0, dim);
    __syncthreads();
    for (int i = i0; i < end; i++) {
      const int seen = causal ? i - j0 - 4 * y : ATTENTION_TILE;
      const bool takes[4] = {seen >= 0, seen >= 1, seen >= 2, seen >= 3};
      attention_term(dk, weights + (i - i0) * ATTENTION_ROW + 4 * y, terms + (i - i0) * ATTENTION_ROW + 4 * x, takes);
    }
    if (end % chunk == 0 || end == queries) {
      const bool all[4] = {true, true, true, true};
      const bool first = (end - 1) / chunk == first_chunk;
      attention_fold(dk, dk_total, first, all);
      attention_fold(dv, dv_total, first, all);
    }
  }
  const long long row0 = (long long)head.b * keys;
#pragma unroll
  for (int a = 0; a < 4; a++) {
    const int j = j0 + 4 * y + a;
#pragma unroll
    for (int d = 0; d < 4; d++) {
      const int column = d0 + 4 * x + d;
      if (j < keys && column < dim) {
        const bool some = j < head.length;
        const long long at = (long long)head.h * dim + column;
        dk_data[(row0 + j) * dk_step + at] = some ? __fmul_rn(dk_total[a][d], c) : 0.0f;
        dv_data[(row0 + j) * dv_step + at] = some ? dv_total[a][d] : 0.0f;
      }
    }
  }
}
EXPORT_KERNEL(attention_gradient_keys)
