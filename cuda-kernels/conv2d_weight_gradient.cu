// Convolution, weight gradient: a GEMM with rows k, columns (c, r, s) and the output positions (n, p, q) as contraction. Definition
// and order of roundings: op/Conv2d.java; tiles and the walk over the terms: contraction.cuh; numbers: README.md. At the end of a chunk
// the chains are added into `out`, which stays in L2. Where tiles are too few to fill a GPU, each chunk is a block's: its chains are
// stored, and conv2d_weight_fold adds them in order.
#include "contraction.cuh"
#include "conv2d.cuh"

// Where a term's values begin: dy of the group's first channel, the image of the group's first channel, the pixel under tap (0, 0).
struct Conv2dPosition {
  long long dy, image;
  int h, w;
};

__device__ __forceinline__ Conv2dPosition conv2d_position(const Conv2dWeights& z, long long group, long long t) {
  const long long plane = z.out_p * z.out_q;
  long long n;
  int p, q;
  if (z.terms <= 0x7fffffff) {
    const int image = conv2d_divide((int)t, z.image_multiplier, z.image_shift);
    const int rest = (int)t - image * (int)plane;
    p = conv2d_divide(rest, z.row_multiplier, z.row_shift);
    q = rest - p * (int)z.out_q;
    n = image;
  } else {
    n = t / plane;
    p = (int)((t - n * plane) / z.out_q);
    q = (int)((t - n * plane) % z.out_q);
  }
  return {(n * z.groups + group) * z.group_k * plane + (long long)p * z.out_q + q,
          (n * z.groups + group) * z.group_c * z.in_h * z.in_w,
          p * (int)z.stride_h - (int)z.padding_h,
          q * (int)z.stride_w - (int)z.padding_w};
}

// Output gradients: eight lanes copy the terms of one row. Rows past the last one repeat it: what comes of them is never stored.
template <class T>
struct Conv2dSlopeFetch {
  static constexpr int ROWS = T::THREADS / TILE_DEPTH, EACH = (T::BM + ROWS - 1) / ROWS;
  const Conv2dPosition* table;   // [2][CONV2D_TABLE], by turns
  const float* from[EACH];
  StagedCopy<float> copy[EACH];
  int at_step;

  static __device__ __forceinline__ int term() { return (int)threadIdx.x % TILE_DEPTH; }
  static __device__ __forceinline__ int row(int i) { return (int)threadIdx.x / TILE_DEPTH + i * ROWS; }

  __device__ __forceinline__ void start(const float* dy, const Conv2dWeights& z, const Conv2dPosition* shared, int first) {
    table = shared;
    at_step = 0;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      const long long k = first + row(i) < (int)z.group_k ? first + row(i) : z.group_k - 1;
      from[i] = dy + k * z.out_p * z.out_q;
    }
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin(float* shared, int terms) {
    if (STEADY || term() < terms) {
      const long long at = table[at_step + term()].dy;
#pragma unroll
      for (int i = 0; i < EACH; i++) {
        if (T::BM % ROWS == 0 || row(i) < T::BM) copy[i].begin(shared + term() * T::A_ROW + row(i), from[i] + at);
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

// The image under weights (c, r, s): eight lanes copy the terms of one column; a pixel outside the image is +0 and takes part.
template <class T>
struct Conv2dPixelFetch {
  static constexpr int COLUMNS = T::THREADS / TILE_DEPTH, EACH = T::BN / COLUMNS;
  static_assert(T::BN % COLUMNS == 0, "each thread copies as many columns");
  const Conv2dWeights& z;
  Conv2dPosition* table;
  const float* image;
  long long from[EACH];   // of the column's pixel from the one under tap (0, 0) of the first channel
  StagedCopy<float> copy[EACH];
  int h[EACH], w[EACH];
  int at_step;
  long long group, next, end_of_terms;   // next: the first term that is not in the table

  __device__ __forceinline__ explicit Conv2dPixelFetch(const Conv2dWeights& plan) : z(plan) {}

  static __device__ __forceinline__ int term() { return (int)threadIdx.x % TILE_DEPTH; }
  static __device__ __forceinline__ int column(int i) { return (int)threadIdx.x / TILE_DEPTH + i * COLUMNS; }

  __device__ __forceinline__ void prepare(int slot) {
    if ((int)threadIdx.x < CONV2D_TABLE && next + (int)threadIdx.x < end_of_terms) {
      table[slot + (int)threadIdx.x] = conv2d_position(z, group, next + (int)threadIdx.x);
    }
    next += CONV2D_TABLE;
  }

  __device__ __forceinline__ void start(const float* data, Conv2dPosition* shared, long long of_group, long long first_column,
                                        long long columns, long long begin, long long end) {
    table = shared;
    image = data;
    group = of_group;
    at_step = 0;
    next = begin;
    end_of_terms = end;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      const long long col = first_column + column(i);
      const int s = (int)(col % z.taps_w), r = (int)(col / z.taps_w % z.taps_h);
      // A column past the last one reads nothing: it lies outside of any image.
      h[i] = col < columns ? r * (int)z.dilation_h : -0x40000000;
      w[i] = s * (int)z.dilation_w;
      from[i] = col / (z.taps_w * z.taps_h) * z.in_h * z.in_w + r * z.dilation_h * z.in_w + w[i];
    }
    prepare(0);
    __syncthreads();
  }

  template <bool STEADY>
  __device__ __forceinline__ void begin(float* shared, int terms) {
    if (STEADY || term() < terms) {
      const Conv2dPosition at = table[at_step + term()];
      const float* const pixel = image + at.image + at.h * z.in_w + at.w;   // under tap (0, 0); it may lie outside
      const float* to[EACH];
      bool valid[EACH];
#pragma unroll
      for (int i = 0; i < EACH; i++) {   // all addresses first: copies in a row cost fewer instructions than single ones
        valid[i] = ((unsigned)(at.h + h[i]) < (unsigned)z.in_h) & ((unsigned)(at.w + w[i]) < (unsigned)z.in_w);
        to[i] = pixel + from[i];
      }
#pragma unroll
      for (int i = 0; i < EACH; i++) copy[i].begin(shared + term() * T::B_ROW + column(i), to[i], valid[i]);
    }
    if (at_step % CONV2D_TABLE == 0) prepare(at_step ^ CONV2D_TABLE);
    at_step = (at_step + TILE_DEPTH) % (2 * CONV2D_TABLE);
  }

  template <bool STEADY>
  __device__ __forceinline__ void end(float* shared, int terms) const {
    if (STEADY || term() < terms) {
#pragma unroll
      for (int i = 0; i < EACH; i++) copy[i].end(shared + term() * T::B_ROW + column(i));
    }
  }
};

// Ends a chunk: out = chain or out + chain. Starts the next chains.
template <class T>
__device__ __forceinline__ void conv2d_weight_store(float (&acc)[T::TM][T::TN], float* out, int row, long long column, int rows,
                                                    long long columns, bool first) {
#pragma unroll
  for (int i = 0; i < T::TM; i++) {
    const int k = row + (i & 3) + (i & ~3) * T::LANES_M;
    float* const line = out + k * columns + column;
#pragma unroll
    for (int j = 0; j < T::TN; j++) {
      const int c = (j & 3) + (j & ~3) * T::LANES_N;
      if (k < rows && column + c < columns) line[c] = first ? acc[i][j] : __fadd_rn(line[c], acc[i][j]);
      acc[i][j] = 0.0f;
    }
  }
}

template <class T>
__device__ __forceinline__ void conv2d_weights(float* stages, Conv2dPosition* table, const float* image, const float* dy,
                                               float* out, const Conv2dWeights& z) {
  const long long cols = z.group_c * z.taps_h * z.taps_w;
  const long long row_tiles = (z.group_k + T::BM - 1) / T::BM, col_tiles = (cols + T::BN - 1) / T::BN;
  long long block = blockIdx.x;
  const long long part = block % z.parts;
  block /= z.parts;
  const int first_row = (int)(block % row_tiles) * T::BM;
  const long long first_col = block / row_tiles % col_tiles * T::BN;
  const long long group = block / (row_tiles * col_tiles);
  const long long begin = z.parts > 1 ? part * z.chunk : 0;
  const long long end = z.parts > 1 && begin + z.chunk < z.terms ? begin + z.chunk : z.terms;

  TileWalk<T, Conv2dSlopeFetch<T>, Conv2dPixelFetch<T>> w{Conv2dPixelFetch<T>(z)};
  w.fa.start(dy, z, table, first_row);
  w.fb.start(image, table, group, first_col, cols, begin, end);
  int left = (int)(end - begin);   // at most 2^31 - 1: longer contractions come in parts
  w.start(stages, left);
  float* const to = out + part * z.outputs + group * z.group_k * cols;
  float acc[T::TM][T::TN] = {};
  bool first = true;
  do {
    left -= w.chunk(acc, (int)z.chunk, left, true);
    conv2d_weight_store<T>(acc, to, first_row + w.row, first_col + w.column, (int)z.group_k, cols, first);
    first = false;
  } while (left > 0);
}

#define CONV2D_WEIGHTS(name, TILE, BLOCKS)                                                                 \
  extern "C" __global__ void __launch_bounds__(TILE::THREADS, BLOCKS) name(                                \
      const float* image, const float* dy, float* out, Conv2dWeights z) {                                  \
    __shared__ __align__(16) float stages[TILE_STAGES * TILE::STAGE];                                      \
    __shared__ __align__(16) Conv2dPosition table[2 * CONV2D_TABLE];                                         \
    conv2d_weights<TILE>(stages, table, image, dy, out, z);                                                \
  }

using Conv2dWeightLarge = Tile<128, 128, 64, 32, 8, 8>;
using Conv2dWeightMiddle = Tile<64, 64, 32, 32, 8, 4>;
using Conv2dWeightFlat = Tile<16, 128, 16, 32, 4, 4>;

CONV2D_WEIGHTS(conv2d_weight_128x128, Conv2dWeightLarge, 1)
EXPORT_KERNEL(conv2d_weight_128x128)
CONV2D_WEIGHTS(conv2d_weight_64x64, Conv2dWeightMiddle, 2)
EXPORT_KERNEL(conv2d_weight_64x64)
CONV2D_WEIGHTS(conv2d_weight_16x128, Conv2dWeightFlat, 3)
EXPORT_KERNEL(conv2d_weight_16x128)

// Groups of few weights, depthwise above all: a warp takes 32 weights of a group. Its lanes read one output gradient or a few, and
// neighbouring pixels. Blocks of 128 threads.
extern "C" __global__ void __launch_bounds__(128) conv2d_weight_narrow(
    const float* image, const float* dy, float* out, Conv2dWeights z) {
  const long long cols = z.group_c * z.taps_h * z.taps_w, weights = z.group_k * cols;
  const long long warps = (weights + WARP_LANES - 1) / WARP_LANES;
  const long long id = (long long)blockIdx.x * 4 + threadIdx.x / WARP_LANES;
  const long long part = id % z.parts, group = id / z.parts / warps;
  const long long o = id / z.parts % warps * WARP_LANES + threadIdx.x % WARP_LANES;
  if (group >= z.groups || o >= weights) return;
  const long long k = o / cols, col = o - k * cols;
  const int col_w = (int)(col % z.taps_w) * (int)z.dilation_w;
  const int col_h = (int)(col / z.taps_w % z.taps_h) * (int)z.dilation_h;
  const long long in_plane = z.in_h * z.in_w, plane = z.out_p * z.out_q;
  const int in_h = (int)z.in_h, in_w = (int)z.in_w, out_q = (int)z.out_q;
  const long long begin = z.parts > 1 ? part * z.chunk : 0;
  const long long end = z.parts > 1 && begin + z.chunk < z.terms ? begin + z.chunk : z.terms;

  long long n = begin / plane;
  int p = (int)((begin - n * plane) / z.out_q), q = (int)((begin - n * plane) % z.out_q);
  float acc[1][1] = {{0.0f}}, total[1][1] = {{0.0f}};
  long long chunk_end = begin + z.chunk;
  for (long long t = begin; t < end;) {
    // One row of outputs, or what a chunk leaves of it.
    const float* const dy_row = dy + (((n * z.groups + group) * z.group_k + k) * z.out_p + p) * z.out_q;
    const int h = p * (int)z.stride_h - (int)z.padding_h + col_h;
    const float* const row = image + ((n * z.groups + group) * z.group_c + col / (z.taps_w * z.taps_h)) * in_plane + (long long)h * in_w;
    const bool row_inside = h >= 0 && h < in_h;
    if (t == chunk_end) {
      conv2d_fold<1, 1>(t == begin + z.chunk, total, acc);
      chunk_end += z.chunk;
    }
    const long long stop = chunk_end < end ? chunk_end : end;
    const int last = stop - t < out_q - q ? q + (int)(stop - t) : out_q;
    t += last - q;
#pragma unroll 4
    for (; q < last; q++) {
      const int w = q * (int)z.stride_w - (int)z.padding_w + col_w;
      const float x = row_inside && w >= 0 && w < in_w ? __ldg(row + w) : 0.0f;
      acc[0][0] = __fmaf_rn(x, __ldg(dy_row + q), acc[0][0]);
    }
    if (q == out_q) {
      q = 0;
      if (++p == (int)z.out_p) {
        p = 0;
        n++;
      }
    }
  }
  conv2d_fold<1, 1>(chunk_end == begin + z.chunk, total, acc);
  out[part * z.outputs + group * weights + o] = total[0][0];
}
EXPORT_KERNEL(conv2d_weight_narrow)

// out[i] = the fold of the parts' chains, in order.
extern "C" __global__ void __launch_bounds__(256) conv2d_weight_fold(
    const float* partial, float* out, long long outputs, int parts) {
  const long long i = (long long)blockIdx.x * 256 + threadIdx.x;
  if (i >= outputs) return;
  float total = partial[i];
#pragma unroll 4
  for (int part = 1; part < parts; part++) total = __fadd_rn(total, partial[part * outputs + i]);
  out[i] = total;
}
EXPORT_KERNEL(conv2d_weight_fold)
