// Matrix multiplication. Definition and order of roundings: op/Gemm.java.
//
// A block computes a BM x BN tile of one product's output, a warp WM x WN of it, a thread TM x TN in pieces of four by
// four. Terms come in steps of 8 through two buffers in shared memory: while one is computed on, the next step's
// values are on their way in registers. At the end of a chunk the chains are added into the block's own tile of out,
// which stays in L2. Steps never cross a chunk (a multiple of 512), and the last step takes only the terms there are:
// a further +0 * +0 would change a chain of -0.
//
// Which tile runs changes no bit. Where tiles are few and chunks several, each chunk is a block of its own (split): its
// chains go to a matrix of their own, and gemm_fold adds these in order.
#include "portable.cuh"

#define GEMM_DEPTH 8

template <int BM_, int BN_, int WM_, int WN_, int TM_, int TN_>
struct GemmTile {
  static constexpr int BM = BM_, BN = BN_, WM = WM_, WN = WN_, TM = TM_, TN = TN_;
  static constexpr int THREADS = 32 * (BM / WM) * (BN / WN);
  static constexpr int LANES_N = WN / TN, LANES_M = WM / TM;
  static_assert(LANES_M * LANES_N == 32, "a warp's lanes cover its tile");
  // Four floats more than the tile: the scattered stores of `put` then fall into different banks.
  static constexpr int A_ROW = BM + 4, B_ROW = BN + 4;
};

// One thread's share of a step of WIDTH rows (or columns) by GEMM_DEPTH terms, on its way to shared memory.
template <int WIDTH, int THREADS, bool CONTIGUOUS_TERMS>
struct GemmFetch {
  static constexpr int QUADS = WIDTH * GEMM_DEPTH / 4;
  static constexpr int EACH = (QUADS + THREADS - 1) / THREADS;
  const float* from[EACH];
  int rows[EACH];   // how many of a quad's rows the matrix has, 0 to 4
  float4 value[EACH];

  // The thread's i-th quad: its first row within the tile, and its first term within the step.
  static __device__ __forceinline__ int row(int quad) {
    return CONTIGUOUS_TERMS ? quad >> 1 : quad % (WIDTH / 4) * 4;
  }
  static __device__ __forceinline__ int term(int quad) {
    return CONTIGUOUS_TERMS ? (quad & 1) * 4 : quad / (WIDTH / 4);
  }

  // size: rows of the matrix; step: floats from one row of memory to the next.
  __device__ __forceinline__ void begin(const float* data, long long size, long long step, long long first,
                                        long long k) {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      const int quad = (int)threadIdx.x + i * THREADS;
      const long long r = first + row(quad), t = k + term(quad);
      const bool mine = QUADS % THREADS == 0 || quad < QUADS;
      rows[i] = !mine || r >= size ? 0 : size - r < 4 ? (int)(size - r) : 4;
      from[i] = data + (CONTIGUOUS_TERMS ? r * step + t : t * step + r);
    }
  }

  // Gets a step of `terms` terms, if more than 0, and goes on to the next one.
  __device__ __forceinline__ void get(bool aligned, long long step, int terms) {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      const int left = terms - term((int)threadIdx.x + i * THREADS);
      float4 v = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
      if (rows[i] > 0 && left > 0) {
        if (aligned) {
          v = load4(from[i]);
        } else {
          const int count = CONTIGUOUS_TERMS ? left : rows[i];
          v.x = from[i][0];
          if (count > 1) v.y = from[i][1];
          if (count > 2) v.z = from[i][2];
          if (count > 3) v.w = from[i][3];
        }
      }
      value[i] = v;
      from[i] += CONTIGUOUS_TERMS ? GEMM_DEPTH : GEMM_DEPTH * step;
    }
  }

  template <int ROW>
  __device__ __forceinline__ void put(float* shared) const {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      const int quad = (int)threadIdx.x + i * THREADS;
      if (QUADS % THREADS == 0 || quad < QUADS) {
        float* to = shared + term(quad) * ROW + row(quad);
        if (CONTIGUOUS_TERMS) {
          to[0] = value[i].x;
          to[ROW] = value[i].y;
          to[2 * ROW] = value[i].z;
          to[3 * ROW] = value[i].w;
        } else {
          store4(to, value[i]);
        }
      }
    }
  }
};

__device__ __forceinline__ void gemm_read4(float* to, const float* from) {
  const float4 v = load4(from);
  to[0] = v.x;
  to[1] = v.y;
  to[2] = v.z;
  to[3] = v.w;
}

// One term of every chain of the thread.
template <class T>
__device__ __forceinline__ void gemm_term(float (&acc)[T::TM][T::TN], const float* a, const float* b) {
  float x[T::TM], y[T::TN];
#pragma unroll
  for (int i = 0; i < T::TM; i += 4) gemm_read4(x + i, a + i * T::LANES_M);
#pragma unroll
  for (int j = 0; j < T::TN; j += 4) gemm_read4(y + j, b + j * T::LANES_N);
#pragma unroll
  for (int i = 0; i < T::TM; i++) {
#pragma unroll
    for (int j = 0; j < T::TN; j++) acc[i][j] = __fmaf_rn(x[i], y[j], acc[i][j]);
  }
}

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
__device__ __forceinline__ void gemm_block(const GemmProblem& p, float* a_shared, float* b_shared, GemmPlace& place) {
  constexpr int A_STEP = GEMM_DEPTH * T::A_ROW, B_STEP = GEMM_DEPTH * T::B_ROW;
  const int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  const int row = warp / (T::BN / T::WN) * T::WM + lane / T::LANES_N * 4;
  const int column = warp % (T::BN / T::WN) * T::WN + lane % T::LANES_N * 4;
  long long tm, tn;
  gemm_tile_of((p.m + T::BM - 1) / T::BM, (p.n + T::BN - 1) / T::BN, tm, tn);
  const bool split = gridDim.y > 1;
  const long long k_begin = split ? blockIdx.y * p.chunk : 0;
  const long long k_end = split && k_begin + p.chunk < p.k ? k_begin + p.chunk : p.k;
  const int steps = (int)((k_end - k_begin + GEMM_DEPTH - 1) / GEMM_DEPTH);
  const int last = (int)(k_end - k_begin - (long long)(steps - 1) * GEMM_DEPTH);   // terms of the last step
  const int chunk_steps = (int)(p.chunk / GEMM_DEPTH);
  const long long a_row = AT ? p.m : p.k, b_row = BT ? p.k : p.n;
  const long long g = blockIdx.z;
  const float *a = p.a + g * p.a_step, *b = p.b + g * p.b_step;
  const bool a_aligned = is_aligned16(a) && a_row % 4 == 0, b_aligned = is_aligned16(b) && b_row % 4 == 0;
  if (threadIdx.x == 0) {
    place.out = p.out + g * p.out_step + (split ? blockIdx.y * p.m * p.n : 0);
    place.row = tm * T::BM;
    place.column = tn * T::BN;
  }
  float acc[T::TM][T::TN] = {};
  GemmFetch<T::BM, T::THREADS, !AT> fa;
  GemmFetch<T::BN, T::THREADS, BT> fb;
  fa.begin(a, p.m, a_row, tm * T::BM, k_begin);
  fb.begin(b, p.n, b_row, tn * T::BN, k_begin);
  fa.get(a_aligned, a_row, steps == 1 ? last : GEMM_DEPTH);
  fb.get(b_aligned, b_row, steps == 1 ? last : GEMM_DEPTH);
  fa.template put<T::A_ROW>(a_shared);
  fb.template put<T::B_ROW>(b_shared);
  __syncthreads();
  int chunk_left = chunk_steps;
  for (int s = 1; s <= steps; s++) {
    if (s < steps) {
      const int terms = s + 1 == steps ? last : GEMM_DEPTH;
      fa.get(a_aligned, a_row, terms);
      fb.get(b_aligned, b_row, terms);
    }
    const float* as = a_shared + (s & 1 ? 0 : A_STEP) + row;
    const float* bs = b_shared + (s & 1 ? 0 : B_STEP) + column;
    if (s < steps || last == GEMM_DEPTH) {
#pragma unroll
      for (int t = 0; t < GEMM_DEPTH; t++) gemm_term<T>(acc, as + t * T::A_ROW, bs + t * T::B_ROW);
    } else {
#pragma unroll 1
      for (int t = 0; t < last; t++) gemm_term<T>(acc, as + t * T::A_ROW, bs + t * T::B_ROW);
    }
    if (--chunk_left == 0 || s == steps) {
      const bool end = s == steps;
      gemm_finish<T>(acc, place, row, column, p.m, p.n, s <= chunk_steps, end ? p.bias : nullptr, end && p.relu);
      chunk_left = chunk_steps;
    }
    if (s < steps) {
      fa.template put<T::A_ROW>(a_shared + (s & 1 ? A_STEP : 0));
      fb.template put<T::B_ROW>(b_shared + (s & 1 ? B_STEP : 0));
    }
    // Behind it the new buffer is whole, and nobody reads the old one any more.
    __syncthreads();
  }
}

// a, b and out advance by their steps from one product (blockIdx.z) to the next. A grid with y > 1 is a split one.
#define GEMM_ARGUMENTS                                                                                             \
  const float *a, const float *b, const float *bias, float *out, long long m, long long n, long long k,            \
      long long chunk, long long a_step, long long b_step, long long out_step, int relu

#define GEMM_BODY(TILE, AT, BT)                                                                                    \
  __shared__ __align__(16) float a_shared[2 * GEMM_DEPTH * TILE::A_ROW];                                           \
  __shared__ __align__(16) float b_shared[2 * GEMM_DEPTH * TILE::B_ROW];                                           \
  __shared__ GemmPlace place;                                                                                      \
  const GemmProblem p = {a, b, bias, out, m, n, k, chunk, a_step, b_step, out_step, relu};                         \
  gemm_block<TILE, AT, BT>(p, a_shared, b_shared, place);

using GemmLarge = GemmTile<128, 128, 64, 32, 8, 8>;
using GemmSmall = GemmTile<64, 64, 32, 32, 8, 4>;
using GemmFlat = GemmTile<16, 128, 16, 32, 4, 4>;

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
