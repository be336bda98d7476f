// Convolution, forward pass and data gradient: implicit GEMM. Rows of a tile are output channels, columns are positions of all images.
// Definition and order of roundings: op/Conv2d.java. Every output is one thread's: chains in steps of the contraction, ascending,
// folded in registers at chunk boundaries; then bias and activation. A block keeps a panel of 8 steps in shared memory while it
// loads the next one. Offsets of the 8 terms of a panel are worked out once a block, by 8 threads, two panels ahead.
#include "conv2d.cuh"

struct Conv2dTerm {
  int channel, row, col, place;
};

__device__ __forceinline__ Conv2dTerm conv2d_term(const Conv2dCorrelation& z, long long t) {
  if (t >= z.terms) return {-1, 0, 0, 0};
  const int channel = conv2d_divide((int)t, z.taps_multiplier, z.taps_shift);
  const int tap = (int)t - channel * (int)z.taps;
  const int i = conv2d_divide(tap, z.taps_w_multiplier, z.taps_w_shift);
  const int j = tap - i * (int)z.taps_w;
  return {channel, i * (int)z.row_step, j * (int)z.col_step, (int)z.place_first + i * (int)z.place_h + j * (int)z.place_w};
}

__device__ __forceinline__ float conv2d_finish(const Conv2dCorrelation& z, const float* bias, long long channel, float sum) {
  if (bias != nullptr) sum = __fadd_rn(sum, __ldg(bias + channel));
  return z.relu ? sel_maximum(sum, 0.0f) : sum;
}

template <int BM, int BN, int TM, int TN>
__device__ __forceinline__ void conv2d_correlate(
    float* panels, Conv2dTerm* table, const float* image, const float* weights, const float* bias, float* out,
    const Conv2dCorrelation& z) {
  constexpr int K = CONV2D_DEPTH, THREADS = (BM / TM) * (BN / TN), LA = BM + 4, LB = BN;
  constexpr int AS = BM * K / THREADS, BS = BN * K / THREADS, A_ROWS = THREADS / K, B_TERMS = THREADS / BN;
  float* const a_panel = panels;
  float* const b_panel = panels + 2 * K * LA;
  const int tid = (int)threadIdx.x;
  const int tx = tid % (BN / TN), ty = tid / (BN / TN);

  const long long row_tiles = (z.rows + BM - 1) / BM, position_tiles = (z.positions + BN - 1) / BN;
  const long long block = blockIdx.x;
  const int first_row = (int)(block % row_tiles) * BM;
  const long long first_position = block / row_tiles % position_tiles * BN;
  const long long group = block / (row_tiles * position_tiles);
  const long long in_plane = z.in_h * z.in_w, grid = z.grid_u * z.grid_v;
  const int in_h = (int)z.in_h, in_w = (int)z.in_w;

  // What this thread loads: term a_t of rows a_row + i * A_ROWS; terms b_t + i * B_TERMS of one position.
  const int a_t = tid % K, a_row = tid / K;
  const float* const a_from = weights + group * z.weight_group + (first_row + a_row) * z.weight_row;
  const int b_t = tid / BN, b_place = tid % BN;
  const long long position = first_position + b_place;
  const bool b_inside = position < z.positions;
  const long long n = b_inside ? position / grid : 0;
  const long long in_image = b_inside ? position - n * grid : 0;
  const int h0 = (int)(in_image / z.grid_v) * (int)z.stride_h + (int)z.row_first;
  const int w0 = (int)(in_image % z.grid_v) * (int)z.stride_w + (int)z.col_first;
  const float* const b_from = image + (n * z.groups + group) * z.channels * in_plane;

  float a_next[AS], b_next[BS], acc[TM][TN], total[TM][TN];
#pragma unroll
  for (int i = 0; i < TM; i++) {
#pragma unroll
    for (int j = 0; j < TN; j++) acc[i][j] = total[i][j] = 0.0f;
  }

  auto load = [&](int buffer) {
    const Conv2dTerm at = table[buffer * K + a_t];
    const float* const from = a_from + at.channel * z.weight_channel + at.place;
#pragma unroll
    for (int i = 0; i < AS; i++) {
      const bool inside = at.channel >= 0 && first_row + a_row + i * A_ROWS < (int)z.rows;
      a_next[i] = inside ? __ldg(from + i * A_ROWS * z.weight_row) : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < BS; i++) {
      const Conv2dTerm bt = table[buffer * K + b_t + i * B_TERMS];
      const int h = h0 + bt.row, w = w0 + bt.col;
      const bool inside = b_inside && bt.channel >= 0 && h >= 0 && h < in_h && w >= 0 && w < in_w;
      b_next[i] = inside ? __ldg(b_from + bt.channel * in_plane + (long long)h * in_w + w) : 0.0f;
    }
  };
  auto keep = [&](int buffer) {
#pragma unroll
    for (int i = 0; i < AS; i++) a_panel[buffer * K * LA + a_t * LA + a_row + i * A_ROWS] = a_next[i];
#pragma unroll
    for (int i = 0; i < BS; i++) b_panel[buffer * K * LB + (b_t + i * B_TERMS) * LB + b_place] = b_next[i];
  };

  if (tid < 2 * K) table[tid] = conv2d_term(z, tid);
  __syncthreads();
  load(0);
  keep(0);
  __syncthreads();
  long long chunk_end = z.chunk;
  int buffer = 0;
  for (long long t = 0; t < z.terms; t += K) {
    const bool more = t + K < z.terms;
    if (more) load(buffer ^ 1);
    if (tid < K) table[buffer * K + tid] = conv2d_term(z, t + 2 * K + tid);
    if (t == chunk_end) {
      conv2d_fold<TM, TN>(t == z.chunk, total, acc);
      chunk_end += z.chunk;
    }
    conv2d_panel<BM, BN, TM, TN, LA, LB>(a_panel + buffer * K * LA, b_panel + buffer * K * LB, ty, tx, z.terms - t, acc);
    buffer ^= 1;
    if (more) keep(buffer);
    __syncthreads();
  }
  conv2d_fold<TM, TN>(chunk_end == z.chunk, total, acc);

#pragma unroll
  for (int j = 0; j < TN; j++) {
    const long long to = first_position + conv2d_place<BN, TN>(tx, j);
    if (to >= z.positions) continue;
    const long long to_n = to / grid, rest = to - to_n * grid;
    const long long u = rest / z.grid_v, v = rest - u * z.grid_v;
    const long long pixel = (u * z.step_h + z.at_h) * z.out_w + v * z.step_w + z.at_w;
#pragma unroll
    for (int i = 0; i < TM; i++) {
      const int row = first_row + conv2d_place<BM, TM>(ty, i);
      if (row < (int)z.rows) {
        const long long channel = group * z.rows + row;
        out[(to_n * z.groups * z.rows + channel) * z.out_h * z.out_w + pixel] =
            conv2d_finish(z, bias, channel, total[i][j]);
      }
    }
  }
}

#define CONV2D_CORRELATE(name, BM, BN, TM, TN)                                                                       \
  extern "C" __global__ void __launch_bounds__((BM / TM) * (BN / TN)) name(                                          \
      const float* image, const float* weights, const float* bias, float* out, Conv2dCorrelation z) {                \
    __shared__ __align__(16) float panels[2 * CONV2D_DEPTH * (BM + 4 + BN)];                                         \
    __shared__ __align__(16) Conv2dTerm table[2 * CONV2D_DEPTH];                                                     \
    conv2d_correlate<BM, BN, TM, TN>(panels, table, image, weights, bias, out, z);                                   \
  }

CONV2D_CORRELATE(conv2d_128x128, 128, 128, 8, 8)
EXPORT_KERNEL(conv2d_128x128)
CONV2D_CORRELATE(conv2d_64x64, 64, 64, 8, 4)
EXPORT_KERNEL(conv2d_64x64)
CONV2D_CORRELATE(conv2d_16x128, 16, 128, 4, 4)
EXPORT_KERNEL(conv2d_16x128)

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
