// Convolution, forward pass and data gradient: implicit GEMM. Rows of a tile are output channels, columns are positions of all images.
// Definition and order of roundings: op/Conv2d.java; tiles and the walk over the terms: contraction.cuh; numbers: README.md.
//
// Every output is one thread's: at the end of a chunk its chain is added into `out`, which stays in L2; then bias and activation. Where the
// terms of four steps lie (channel, tap) is worked out once a block, by its first warp.
#include "contraction.cuh"
#include "conv2d.cuh"

// No pixel is that far out: with MAX_REACH of op/Conv2dCuda.java, a position past the last one reads nothing.
constexpr int CONV2D_NOWHERE = -0x60000000;

// One term: its pixel's row and column from a position's first one, how many bytes that is, and its weight's place in a filter, in bytes.
struct __align__(16) Conv2dTerm {
  int row, col;
  long long image, weight, unused;
};

__device__ __forceinline__ Conv2dTerm conv2d_term(const Conv2dCorrelation& z, int t) {
  const int channel = conv2d_divide(t, z.taps_multiplier, z.taps_shift);
  const int tap = t - channel * (int)z.taps;
  const int i = conv2d_divide(tap, z.taps_w_multiplier, z.taps_w_shift);
  const int j = tap - i * (int)z.taps_w;
  const int row = i * (int)z.row_step, col = j * (int)z.col_step;
  return {row, col, 4 * (channel * z.in_h * z.in_w + row * z.in_w + col),
          4 * (channel * z.weight_channel + z.place_first + i * z.place_h + j * z.place_w), 0};
}

// Weights: eight lanes copy the terms of one row. Rows past the last one repeat it: what comes of them is never stored.
template <class T>
struct Conv2dWeightFetch {
  static constexpr int ROWS = T::THREADS / TILE_DEPTH, EACH = (T::BM + ROWS - 1) / ROWS;
  const Conv2dTerm* table;   // [2][CONV2D_TABLE], by turns
  const char* weights;
  unsigned from[EACH];       // floats to the row; twin: MAX_TERMS of op/Conv2dCuda.java
  StagedCopy<float> copy[EACH];
  int at_step;

  static __device__ __forceinline__ int term() { return (int)threadIdx.x % TILE_DEPTH; }
  static __device__ __forceinline__ int row(int i) { return (int)threadIdx.x / TILE_DEPTH + i * ROWS; }

  __device__ __forceinline__ void start(const float* data, const Conv2dCorrelation& z, const Conv2dTerm* shared, int first) {
    table = shared;
    at_step = 0;
    weights = reinterpret_cast<const char*>(data + first * z.weight_row);
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      const int r = first + row(i) < (int)z.rows ? row(i) : (int)z.rows - 1 - first;
      from[i] = (unsigned)r * (unsigned)z.weight_row;
    }
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin(float* shared, int terms) {
    if (STEADY || term() < terms) {
      const float* const weight = reinterpret_cast<const float*>(weights + table[at_step + term()].weight);
#pragma unroll
      for (int i = 0; i < EACH; i++) {
        if (T::BM % ROWS == 0 || row(i) < T::BM) copy[i].begin(shared + term() * T::A_ROW + row(i), weight + from[i]);
      }
    }
    at_step = (at_step + TILE_DEPTH) % (2 * CONV2D_TABLE);
  }

  template <bool STEADY>
  __device__ __forceinline__ void end(float* shared, int terms) const {
    if (STEADY || term() < terms) {
#pragma unroll
      for (int i = 0; i < EACH; i++) {
        if (T::BM % ROWS == 0 || row(i) < T::BM) copy[i].end(shared + term() * T::A_ROW + row(i));
      }
    }
  }
};

// The table of terms, as the fetches of the image fill it for both operands.
struct Conv2dTerms {
  const Conv2dCorrelation& z;
  Conv2dTerm* table;
  int at_step;   // this step's terms in the table
  int next;      // the first term that is not in the table

  __device__ __forceinline__ explicit Conv2dTerms(const Conv2dCorrelation& plan) : z(plan) {}

  __device__ __forceinline__ void fill(int slot) {
    if ((int)threadIdx.x < CONV2D_TABLE && next + (int)threadIdx.x < (int)z.terms) {
      table[slot + (int)threadIdx.x] = conv2d_term(z, next + (int)threadIdx.x);
    }
    next += CONV2D_TABLE;
  }

  __device__ __forceinline__ void start_terms(Conv2dTerm* shared) {
    table = shared;
    at_step = 0;
    next = 0;
    fill(0);
    __syncthreads();
  }

  __device__ __forceinline__ void next_step() {
    if (at_step % CONV2D_TABLE == 0) fill(at_step ^ CONV2D_TABLE);
    at_step = (at_step + TILE_DEPTH) % (2 * CONV2D_TABLE);
  }
};

// The image: a thread copies one position of several terms; a pixel outside the image is +0 and takes part.
template <class T>
struct Conv2dImageFetch : Conv2dTerms {
  static constexpr int TERMS = T::THREADS / T::BN, EACH = TILE_DEPTH / TERMS;
  static constexpr int GROUP = T::TM * T::TN > 64 ? 2 : 4;   // large tiles leave few registers
  static_assert(T::THREADS % T::BN == 0 && EACH % GROUP == 0, "threads lie along the positions");
  const float* from;   // the pixel under the first tap, in the group's first channel; it may lie outside
  StagedCopy<float> copy[EACH];
  int h0, w0;

  __device__ __forceinline__ explicit Conv2dImageFetch(const Conv2dCorrelation& plan) : Conv2dTerms(plan) {}

  static __device__ __forceinline__ int term(int i) { return (int)threadIdx.x / T::BN + i * TERMS; }
  static __device__ __forceinline__ int place() { return (int)threadIdx.x % T::BN; }

  __device__ __forceinline__ void start(const float* image, Conv2dTerm* shared, long long group, long long first) {
    const long long grid = z.grid_u * z.grid_v;
    const bool inside = first + place() < z.positions;
    const long long position = inside ? first + place() : 0;
    const long long n = position / grid, in_image = position - n * grid;
    h0 = (int)(in_image / z.grid_v) * (int)z.stride_h + (int)z.row_first;
    w0 = (int)(in_image % z.grid_v) * (int)z.stride_w + (int)z.col_first;
    from = image + (n * z.groups + group) * z.channels * z.in_h * z.in_w + h0 * z.in_w + w0;
    if (!inside) h0 = CONV2D_NOWHERE;
    start_terms(shared);
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin(float* shared, int terms) {
#pragma unroll
    for (int first = 0; first < EACH; first += GROUP) begin_group<STEADY>(shared, first, terms);
    next_step();
  }

  // Addresses first, then their copies: in a row they cost fewer instructions than singly.
  template <bool STEADY>
  __device__ __forceinline__ void begin_group(float* shared, int first, int terms) {
    const float* pixel[GROUP];
    bool valid[GROUP];
#pragma unroll
    for (int e = 0; e < GROUP; e++) {
      const int i = first + e;
      if (STEADY || term(i) < terms) {
        const int4 at = *reinterpret_cast<const int4*>(table + at_step + term(i));   // row, col, image: one access
        const long long image = (long long)(((unsigned long long)(unsigned)at.w << 32) | (unsigned)at.z);
        valid[e] = ((unsigned)(h0 + at.x) < (unsigned)z.in_h) & ((unsigned)(w0 + at.y) < (unsigned)z.in_w);
        pixel[e] = reinterpret_cast<const float*>(reinterpret_cast<const char*>(from) + image);
      }
    }
#pragma unroll
    for (int e = 0; e < GROUP; e++) {
      const int i = first + e;
      if (STEADY || term(i) < terms) copy[i].begin(shared + term(i) * T::B_ROW + place(), pixel[e], valid[e]);
    }
  }

  template <bool STEADY>
  __device__ __forceinline__ void end(float* shared, int terms) const {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if (STEADY || term(i) < terms) copy[i].end(shared + term(i) * T::B_ROW + place());
    }
  }
};

// The image under filters of one tap, where positions are the plane's pixels in order (no stride, no padding), planes are a multiple
// of four floats and the image lies on 16 bytes: a thread copies four neighbouring positions of a term at once.
template <class T>
struct Conv2dPointFetch : Conv2dTerms {
  static constexpr int QUADS = T::BN / 4, TERMS = T::THREADS / QUADS, EACH = TILE_DEPTH / TERMS;
  static_assert(T::THREADS % QUADS == 0 && TILE_DEPTH % TERMS == 0, "threads lie along the positions");
  const float* from;   // the first of the four positions in the channel of this step's first term
  StagedCopy<float4> copy[EACH];
  int plane;           // twin: MAX_REACH of op/Conv2dCuda.java
  bool inside;

  __device__ __forceinline__ explicit Conv2dPointFetch(const Conv2dCorrelation& plan) : Conv2dTerms(plan) {}

  static __device__ __forceinline__ int term(int i) { return (int)threadIdx.x / QUADS + i * TERMS; }
  static __device__ __forceinline__ int place() { return (int)threadIdx.x % QUADS * 4; }

  __device__ __forceinline__ void start(const float* image, Conv2dTerm* shared, long long group, long long first) {
    plane = (int)(z.in_h * z.in_w);
    inside = first + place() < z.positions;
    const long long position = inside ? first + place() : 0;
    const long long n = position / plane;
    from = image + (n * z.groups + group) * z.channels * plane + (position - n * plane) + (long long)term(0) * plane;
    start_terms(shared);
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin(float* shared, int terms) {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if (STEADY || term(i) < terms) {
        copy[i].begin(shared + term(i) * T::B_ROW + place(), from + (long long)(i * TERMS) * plane, inside);
      }
    }
    from += (long long)TILE_DEPTH * plane;
    next_step();
  }

  template <bool STEADY>
  __device__ __forceinline__ void end(float* shared, int terms) const {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if (STEADY || term(i) < terms) copy[i].end(shared + term(i) * T::B_ROW + place());
    }
  }
};

__device__ __forceinline__ float conv2d_finish(const Conv2dCorrelation& z, const float* bias, long long channel, float sum) {
  if (bias != nullptr) sum = __fadd_rn(sum, __ldg(bias + channel));
  return z.relu ? sel_maximum(sum, 0.0f) : sum;
}

// Where a position's outputs lie in `out`, for the group's first channel; -1 past the last position.
__device__ __forceinline__ long long conv2d_output(const Conv2dCorrelation& z, long long group, long long position) {
  if (position >= z.positions) return -1;
  const long long grid = z.grid_u * z.grid_v, n = position / grid, rest = position - n * grid;
  const long long u = rest / z.grid_v, v = rest - u * z.grid_v;
  return (n * z.groups + group) * z.rows * z.out_h * z.out_w + (u * z.step_h + z.at_h) * z.out_w + v * z.step_w + z.at_w;
}

// Ends a chunk: out = chain or out + chain, and at last bias and activation. Starts the next chains. The thread's first element lies
// at `row` of the group and at columns[0] of the tile's.
template <class T>
__device__ __forceinline__ void conv2d_store(float (&acc)[T::TM][T::TN], const Conv2dCorrelation& z, const float* bias, float* out,
                                             const long long* columns, long long group, int row, bool first, bool last) {
  const long long plane = z.out_h * z.out_w;
#pragma unroll
  for (int i = 0; i < T::TM; i++) {
    const int r = row + (i & 3) + (i & ~3) * T::LANES_M;
#pragma unroll
    for (int j = 0; j < T::TN; j++) {
      const long long to = columns[(j & 3) + (j & ~3) * T::LANES_N];
      if (r < (int)z.rows && to >= 0) {
        float* const y = out + to + r * plane;
        const float sum = first ? acc[i][j] : __fadd_rn(*y, acc[i][j]);
        *y = last ? conv2d_finish(z, bias, group * z.rows + r, sum) : sum;
      }
      acc[i][j] = 0.0f;
    }
  }
}

// HALVES: a block does that many tiles beside each other, one after the other. Image: how positions are fetched.
template <class T, template <class> class Image, int HALVES>
__device__ __forceinline__ void conv2d_correlate(float* stages, Conv2dTerm* table, long long* columns, const float* image,
                                                 const float* weights, const float* bias, float* out, const Conv2dCorrelation& z) {
  const long long row_tiles = (z.rows + T::BM - 1) / T::BM, position_tiles = (z.positions + HALVES * T::BN - 1) / (HALVES * T::BN);
  const long long block = blockIdx.x;
  const int first_row = (int)(block % row_tiles) * T::BM;
  const long long group = block / (row_tiles * position_tiles);
#pragma unroll 1
  for (int half = 0; half < HALVES; half++) {
    const long long first_position = (block / row_tiles % position_tiles * HALVES + half) * T::BN;
    if (half > 0) __syncthreads();   // all are done with shared memory
    for (int c = (int)threadIdx.x; c < T::BN; c += T::THREADS) columns[c] = conv2d_output(z, group, first_position + c);
    TileWalk<T, Conv2dWeightFetch<T>, Image<T>> w{Image<T>(z)};
    w.fa.start(weights + group * z.weight_group, z, table, first_row);
    w.fb.start(image, table, group, first_position);
    int left = (int)z.terms;
    w.start(stages, left);
    float acc[T::TM][T::TN] = {};
    bool first = true;
    do {
      left -= w.chunk(acc, (int)z.chunk, left, true);
      conv2d_store<T>(acc, z, bias, out, columns + w.column, group, first_row + w.row, first, left == 0);
      first = false;
    } while (left > 0);
  }
}

#define CONV2D_CORRELATE(name, TILE, IMAGE, HALVES, BLOCKS)                                                          \
  extern "C" __global__ void __launch_bounds__(TILE::THREADS, BLOCKS) name(                                          \
      const float* image, const float* weights, const float* bias, float* out, Conv2dCorrelation z) {                \
    __shared__ __align__(16) float stages[TILE_STAGES * TILE::STAGE];                                                \
    __shared__ Conv2dTerm table[2 * CONV2D_TABLE];                                                                   \
    __shared__ long long columns[TILE::BN];                                                                          \
    conv2d_correlate<TILE, IMAGE, HALVES>(stages, table, columns, image, weights, bias, out, z);                     \
  }

using Conv2dHuge = Tile<128, 256, 64, 64, 16, 8>;
using Conv2dLarge = Tile<128, 128, 64, 32, 8, 8>;
using Conv2dMiddle = Tile<64, 64, 32, 32, 8, 4>;
using Conv2dFlat = Tile<16, 128, 16, 32, 4, 4>;

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
// Copies pass through registers there, and a thread of the large tile has none left.
CONV2D_CORRELATE(conv2d_128x256, Conv2dLarge, Conv2dImageFetch, 2, 1)
CONV2D_CORRELATE(conv2d_point_128x256, Conv2dLarge, Conv2dPointFetch, 2, 1)
#else
CONV2D_CORRELATE(conv2d_128x256, Conv2dHuge, Conv2dImageFetch, 1, 1)
CONV2D_CORRELATE(conv2d_point_128x256, Conv2dHuge, Conv2dPointFetch, 1, 1)
#endif
EXPORT_KERNEL(conv2d_128x256)
EXPORT_KERNEL(conv2d_point_128x256)
CONV2D_CORRELATE(conv2d_128x128, Conv2dLarge, Conv2dImageFetch, 1, 1)
EXPORT_KERNEL(conv2d_128x128)
CONV2D_CORRELATE(conv2d_point_128x128, Conv2dLarge, Conv2dPointFetch, 1, 1)
EXPORT_KERNEL(conv2d_point_128x128)
CONV2D_CORRELATE(conv2d_64x64, Conv2dMiddle, Conv2dImageFetch, 1, 3)
EXPORT_KERNEL(conv2d_64x64)
CONV2D_CORRELATE(conv2d_point_64x64, Conv2dMiddle, Conv2dPointFetch, 1, 3)
EXPORT_KERNEL(conv2d_point_64x64)
CONV2D_CORRELATE(conv2d_16x128, Conv2dFlat, Conv2dImageFetch, 1, 3)
EXPORT_KERNEL(conv2d_16x128)
CONV2D_CORRELATE(conv2d_point_16x128, Conv2dFlat, Conv2dPointFetch, 1, 3)
EXPORT_KERNEL(conv2d_point_16x128)

// Groups of few output channels, depthwise above all: a thread takes four positions of one output plane, no weight is used twice by a
// block but by all of its threads at once, and the image's rows are read through the cache. Blocks of 256 threads, 1024 positions.
extern "C" __global__ void __launch_bounds__(256) conv2d_narrow(
    const float* image, const float* weights, const float* bias, float* out, Conv2dCorrelation z) {
  constexpr int EACH = 4, THREADS = 256;
  const long long tiles = (z.positions + EACH * THREADS - 1) / (EACH * THREADS);
  const long long first = (long long)blockIdx.x % tiles * (EACH * THREADS) + threadIdx.x;
  const long long channel = (long long)blockIdx.x / tiles;
  const long long group = channel / z.rows, row = channel - group * z.rows;
  const long long in_plane = z.in_h * z.in_w, grid = z.grid_u * z.grid_v;
  const int in_h = (int)z.in_h, in_w = (int)z.in_w, taps_w = (int)z.taps_w;
  const int taps_h = taps_w == 0 ? 0 : (int)z.taps / taps_w;

  const float* from[EACH];
  int h0[EACH], w0[EACH];
  float acc[EACH][1], total[EACH][1];
#pragma unroll
  for (int e = 0; e < EACH; e++) {
    const long long position = first + e * THREADS < z.positions ? first + e * THREADS : z.positions - 1;
    const long long n = position / grid, rest = position - n * grid;
    const long long u = rest / z.grid_v;
    h0[e] = (int)u * (int)z.stride_h + (int)z.row_first;
    w0[e] = (int)(rest - u * z.grid_v) * (int)z.stride_w + (int)z.col_first;
    from[e] = image + (n * z.groups + group) * z.channels * in_plane;
    acc[e][0] = total[e][0] = 0.0f;
  }
  const float* weight = weights + group * z.weight_group + row * z.weight_row + z.place_first;
  long long t = 0, chunk_end = z.chunk;
  for (int c = 0; c < (int)z.channels; c++) {
    for (int i = 0; i < taps_h; i++) {
      const int row_offset = i * (int)z.row_step;
#pragma unroll 1
      for (int j = 0; j < taps_w; j++, t++) {
        if (t == chunk_end) {
          conv2d_fold<EACH, 1>(t == z.chunk, total, acc);
          chunk_end += z.chunk;
        }
        const float a = __ldg(weight + i * z.place_h + j * z.place_w);
        const int col_offset = j * (int)z.col_step;
#pragma unroll
        for (int e = 0; e < EACH; e++) {
          const int h = h0[e] + row_offset, w = w0[e] + col_offset;
          const bool inside = h >= 0 && h < in_h && w >= 0 && w < in_w;
          const float b = inside ? __ldg(from[e] + (long long)h * in_w + w) : 0.0f;
          acc[e][0] = __fmaf_rn(a, b, acc[e][0]);
        }
      }
    }
    weight += z.weight_channel;
#pragma unroll
    for (int e = 0; e < EACH; e++) from[e] += in_plane;
  }
  conv2d_fold<EACH, 1>(chunk_end == z.chunk, total, acc);
#pragma unroll
  for (int e = 0; e < EACH; e++) {
    const long long position = first + e * THREADS;
    if (position < z.positions) {
      const long long n = position / grid, rest = position - n * grid;
      const long long u = rest / z.grid_v, v = rest - u * z.grid_v;
      out[((n * z.groups * z.rows + channel) * z.out_h + u * z.step_h + z.at_h) * z.out_w + v * z.step_w + z.at_w] =
          conv2d_finish(z, bias, channel, total[e][0]);
    }
  }
}
EXPORT_KERNEL(conv2d_narrow)
