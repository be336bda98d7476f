// Matrix multiplication. Definition and order of roundings: op/Gemm.java; tiles and the walk over k: contraction.cuh; the
// design in numbers: README.md.
//
// At the end of a chunk the chains are added into the block's own tile of out, which stays in L2. Steps never cross a
// chunk (a multiple of 512).
//
// Which tile runs changes no bit. Where tiles are few and chunks several, each chunk is a block of its own (split): its
// chains go to a matrix of their own, and gemm_fold adds these in order.
#include "contraction.cuh"
#include "portable.cuh"

// One thread's share of copying steps of WIDTH rows (or columns) by TILE_DEPTH terms to shared memory [term][ROW].
// Rows past the matrix's end repeat its last ones: what comes of them is never stored. Terms past the end are not
// copied: nobody computes on them.
template <int WIDTH, int THREADS, bool CONTIGUOUS_TERMS>
struct GemmFetch;

// Memory goes along the terms: eight lanes copy the terms of one row, 4 bytes each, and turn it into a column.
template <int WIDTH, int THREADS>
struct GemmFetch<WIDTH, THREADS, true> {
  static constexpr int ROW = WIDTH + 4, ROWS = THREADS / TILE_DEPTH;
  static constexpr int EACH = (WIDTH + ROWS - 1) / ROWS;
  static constexpr bool aligned = true;   // as far as copies of 4 bytes need it
  const float* from[EACH];
  StagedCopy<float> copy[EACH];

  static __device__ __forceinline__ int term() { return (int)threadIdx.x % TILE_DEPTH; }
  static __device__ __forceinline__ int row(int i) { return (int)threadIdx.x / TILE_DEPTH + i * ROWS; }

  // size: rows of the matrix; step: floats from one row of memory to the next.
  __device__ __forceinline__ void start(const float* data, long long size, long long step, long long first, long long k,
                                        bool, long long) {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      const long long r = first + row(i) < size ? first + row(i) : size - 1;
      from[i] = data + r * step + k + term();
    }
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin(float* shared, int terms) {
    if (STEADY || term() < terms) {
#pragma unroll
      for (int i = 0; i < EACH; i++) {
        if (WIDTH % ROWS == 0 || row(i) < WIDTH) copy[i].begin(shared + term() * ROW + row(i), from[i]);
      }
    }
#pragma unroll
    for (int i = 0; i < EACH; i++) from[i] += TILE_DEPTH;
  }

  template <bool STEADY>
  __device__ __forceinline__ void end(float* shared, int terms) const {
    if (STEADY || term() < terms) {
#pragma unroll
      for (int i = 0; i < EACH; i++) {
        if (WIDTH % ROWS == 0 || row(i) < WIDTH) copy[i].end(shared + term() * ROW + row(i));
      }
    }
  }
};

// Memory goes along the rows: four at a time where they are aligned, in one copy.
template <int WIDTH, int THREADS>
struct GemmFetch<WIDTH, THREADS, false> {
  static constexpr int ROW = WIDTH + 4, QUADS = WIDTH * TILE_DEPTH / 4;
  static constexpr int EACH = (QUADS + THREADS - 1) / THREADS;
  const float* from[EACH];
  StagedCopy<float4> copy[EACH];
  long long next;   // bytes from a step to the next one
  int rows;         // of the tile that the matrix has
  bool aligned;

  static __device__ __forceinline__ int term(int i) { return ((int)threadIdx.x + i * THREADS) / (WIDTH / 4); }
  static __device__ __forceinline__ int row(int i) { return ((int)threadIdx.x + i * THREADS) % (WIDTH / 4) * 4; }

  __device__ __forceinline__ void start(const float* data, long long size, long long step, long long first, long long k,
                                        bool all_aligned, long long step_bytes) {
    aligned = all_aligned;
    next = step_bytes;
    rows = size - first < WIDTH ? (int)(size - first) : WIDTH;
    const int last = aligned ? rows - 4 : rows - 1;   // aligned: a multiple of 4
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      from[i] = data + (k + term(i)) * step + first + (row(i) < last ? row(i) : last);
    }
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin(float* shared, int terms) {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if ((QUADS % THREADS == 0 || term(i) < TILE_DEPTH) && (STEADY || term(i) < terms)) {
        float* const to = shared + term(i) * ROW + row(i);
        if (STEADY || aligned) {
          copy[i].begin(to, from[i]);
        } else {
          // The last row there is stands for those behind it; below 0, from[i] is it already.
          const int last = rows - 1 - row(i) < 0 ? 0 : rows - 1 - row(i);
          copy[i].begin_four(to, from[i], last < 1 ? last : 1, last < 2 ? last : 2, last < 3 ? last : 3);
        }
      }
      from[i] = reinterpret_cast<const float*>(reinterpret_cast<const char*>(from[i]) + next);
    }
  }

  template <bool STEADY>
  __device__ __forceinline__ void end(float* shared, int terms) const {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if ((QUADS % THREADS == 0 || term(i) < TILE_DEPTH) && (STEADY || term(i) < terms)) {
        copy[i].end(shared + term(i) * ROW + row(i));
      }
    }
  }
};

// maximum(x, +0)
__device__ __forceinline__ float gemm_relu(float x) { return x > 0.0f || x != x ? x : 0.0f; }

__device__ __forceinline__ float gemm_end(float chain, float total, bool first, const float* bias, int column, bool relu) {
  float v = first ? chain : __fadd_rn(total, chain);
  if (bias != nullptr) v = __fadd_rn(v, bias[column]);
  return relu ? gemm_relu(v) : v;
}

// Where the block's tile lies. In shared memory, because kept in registers through the loop over k it would cost spills.
struct GemmPlace {
  float* out;   // the product's
  long long row, column;
};

// Ends a chunk: out = chain or out + chain, and at last the bias and ReLU. Starts the next chains. The thread's first
// element lies at (row, column) of the tile.
template <class T>
__device__ __forceinline__ void gemm_finish(float (&acc)[T::TM][T::TN], const GemmPlace& place, int row0, int column0,
                                            long long m, long long n, bool first, const float* bias, bool relu) {
  const long long first_row = place.row + row0, first_column = place.column + column0;
  const int rows = m - first_row < T::WM ? (int)(m - first_row) : T::WM;
  const int columns = n - first_column < T::WN ? (int)(n - first_column) : T::WN;
  const bool aligned = is_aligned16(place.out) && n % 4 == 0;
  float* line = place.out + first_row * n + first_column;
  if (bias != nullptr) bias += first_column;
#pragma unroll
  for (int i = 0; i < T::TM; i++) {
    const int row = (i & 3) + (i & ~3) * T::LANES_M;
#pragma unroll
    for (int j = 0; j < T::TN; j += 4) {
      const int column = j * T::LANES_N;
      if (row < rows && column < columns) {
        float* to = line + column;
        if (aligned) {
          float4 v = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
          if (!first) v = load4(to);
          v.x = gemm_end(acc[i][j], v.x, first, bias, column, relu);
          v.y = gemm_end(acc[i][j + 1], v.y, first, bias, column + 1, relu);
          v.z = gemm_end(acc[i][j + 2], v.z, first, bias, column + 2, relu);
          v.w = gemm_end(acc[i][j + 3], v.w, first, bias, column + 3, relu);
          store4(to, v);
        } else {
#pragma unroll
          for (int c = 0; c < 4; c++) {
            if (column + c < columns) {
              to[c] = gemm_end(acc[i][j + c], first ? 0.0f : to[c], first, bias, column + c, relu);
            }
          }
        }
      }
#pragma unroll
      for (int c = 0; c < 4; c++) acc[i][j + c] = 0.0f;
    }
    line += (i & 3) == 3 ? n * (4 * T::LANES_M - 3) : n;
  }
}

struct GemmProblem {
  const float *a, *b, *bias;
  float* out;
  long long m, n, k, chunk;
  long long a_step, b_step, out_step;   // floats from one product to the next
  long long a_next, b_next;             // bytes from one step of eight terms to the next
  int relu;
};

// The tile of a block. Eight rows of tiles go together, so that blocks that run at a time share operands in L2.
__device__ __forceinline__ void gemm_tile_of(long long tiles_m, long long tiles_n, long long& tm, long long& tn) {
  const long long block = blockIdx.x, group = block / (8 * tiles_n);
  const long long height = tiles_m - 8 * group < 8 ? tiles_m - 8 * group : 8;
  const long long within = block - group * 8 * tiles_n;
  tn = within / height;
  tm = 8 * group + within - tn * height;
}

// AT, BT: memory holds the operand's transpose, row-major.
template <class T, bool AT, bool BT>
__device__ __forceinline__ void gemm_block(const GemmProblem& p, float* stages, GemmPlace& place) {
  long long tm, tn;
  gemm_tile_of((p.m + T::BM - 1) / T::BM, (p.n + T::BN - 1) / T::BN, tm, tn);
  const bool split = gridDim.y > 1;
  const long long k_begin = split ? blockIdx.y * p.chunk : 0;
  const long long k_end = split && k_begin + p.chunk < p.k ? k_begin + p.chunk : p.k;
  const long long g = blockIdx.z;
  const float *a = p.a + g * p.a_step, *b = p.b + g * p.b_step;
  if (threadIdx.x == 0) {
    place.out = p.out + g * p.out_step + (split ? blockIdx.y * p.m * p.n : 0);
    place.row = tm * T::BM;
    place.column = tn * T::BN;
  }
  using Walk = TileWalk<T, GemmFetch<T::BM, T::THREADS, !AT>, GemmFetch<T::BN, T::THREADS, BT>>;
  Walk w;
  const long long a_row = AT ? p.m : p.k, b_row = BT ? p.k : p.n;
  const bool a_aligned = is_aligned16(a) && a_row % 4 == 0, b_aligned = is_aligned16(b) && b_row % 4 == 0;
  w.fa.start(a, p.m, a_row, tm * T::BM, k_begin, a_aligned, p.a_next);
  w.fb.start(b, p.n, b_row, tn * T::BN, k_begin, b_aligned, p.b_next);
  int left = (int)(k_end - k_begin);   // at most 2^31 - 1: longer contractions are split
  w.start(stages, left);
  const bool aligned = w.fa.aligned && w.fb.aligned;
  float acc[T::TM][T::TN] = {};
  bool first = true;
  do {
    left -= w.chunk(acc, (int)p.chunk, left, aligned);
    const bool end = left == 0;
    gemm_finish<T>(acc, place, w.row, w.column, p.m, p.n, first, end ? p.bias : nullptr, end && p.relu);
    first = false;
  } while (left > 0);
}

// a, b and out advance by their steps from one product (blockIdx.z) to the next. A grid with y > 1 is a split one.
#define GEMM_ARGUMENTS                                                                                             \
  const float *a, const float *b, const float *bias, float *out, long long m, long long n, long long k,            \
      long long chunk, long long a_step, long long b_step, long long out_step, long long a_next, long long b_next,  \
      int relu

#define GEMM_BODY(TILE, AT, BT)                                                                                    \
  __shared__ __align__(16) float stages[TILE_STAGES * TILE::STAGE];                                                \
  __shared__ GemmPlace place;                                                                                      \
  const GemmProblem p = {a, b, bias, out, m, n, k, chunk, a_step, b_step, out_step, a_next, b_next, relu};                         \
  gemm_block<TILE, AT, BT>(p, stages, place);

using GemmHuge = Tile<128, 256, 64, 64, 16, 8>;
using GemmLarge = Tile<128, 128, 64, 32, 8, 8>;
using GemmSmall = Tile<64, 64, 32, 32, 8, 4>;
using GemmFlat = Tile<16, 128, 16, 32, 4, 4>;

extern "C" __global__ void __launch_bounds__(256, 1)
gemm_128x256_nn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmHuge, false, false)
}
EXPORT_KERNEL(gemm_128x256_nn)

extern "C" __global__ void __launch_bounds__(256, 1)
gemm_128x256_nt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmHuge, false, true)
}
EXPORT_KERNEL(gemm_128x256_nt)

extern "C" __global__ void __launch_bounds__(256, 1)
gemm_128x256_tn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmHuge, true, false)
}
EXPORT_KERNEL(gemm_128x256_tn)

extern "C" __global__ void __launch_bounds__(256, 1)
gemm_128x256_tt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmHuge, true, true)
}
EXPORT_KERNEL(gemm_128x256_tt)

extern "C" __global__ void __launch_bounds__(256, 2)
gemm_128x128_nn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmLarge, false, false)
}
EXPORT_KERNEL(gemm_128x128_nn)

extern "C" __global__ void __launch_bounds__(256, 2)
gemm_128x128_nt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmLarge, false, true)
}
EXPORT_KERNEL(gemm_128x128_nt)

extern "C" __global__ void __launch_bounds__(256, 2)
gemm_128x128_tn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmLarge, true, false)
}
EXPORT_KERNEL(gemm_128x128_tn)

extern "C" __global__ void __launch_bounds__(256, 2)
gemm_128x128_tt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmLarge, true, true)
}
EXPORT_KERNEL(gemm_128x128_tt)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_64x64_nn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmSmall, false, false)
}
EXPORT_KERNEL(gemm_64x64_nn)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_64x64_nt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmSmall, false, true)
}
EXPORT_KERNEL(gemm_64x64_nt)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_64x64_tn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmSmall, true, false)
}
EXPORT_KERNEL(gemm_64x64_tn)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_64x64_tt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmSmall, true, true)
}
EXPORT_KERNEL(gemm_64x64_tt)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_16x128_nn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmFlat, false, false)
}
EXPORT_KERNEL(gemm_16x128_nn)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_16x128_nt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmFlat, false, true)
}
EXPORT_KERNEL(gemm_16x128_nt)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_16x128_tn(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmFlat, true, false)
}
EXPORT_KERNEL(gemm_16x128_tn)

extern "C" __global__ void __launch_bounds__(128, 4)
gemm_16x128_tt(GEMM_ARGUMENTS) {
  GEMM_BODY(GemmFlat, true, true)
}
EXPORT_KERNEL(gemm_16x128_tt)

// out[i] = p[0][i] + p[1][i] + ..., in order, then the bias and ReLU; p is [batch, chunks, m, n].
extern "C" __global__ void __launch_bounds__(256)
gemm_fold(const float* partials, const float* bias, float* out, long long batch, long long area, long long n,
          int chunks, int relu) {
  const long long stride = (long long)gridDim.x * 256;
  for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; i < batch * area; i += stride) {
    const long long g = i / area;
    const float* p = partials + g * chunks * area + (i - g * area);
    float total = p[0];
    for (int c = 1; c < chunks; c++) total = __fadd_rn(total, p[c * area]);
    if (bias != nullptr) total = __fadd_rn(total, bias[i % n]);
    out[i] = relu ? gemm_relu(total) : total;
  }
}
EXPORT_KERNEL(gemm_fold)
