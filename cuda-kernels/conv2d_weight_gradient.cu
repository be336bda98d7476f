// Convolution, weight gradient: a GEMM with rows k, columns (c, r, s) and the output positions (n, p, q) as contraction. Definition
// and order of roundings: op/Conv2d.java. Where tiles are too few to fill a GPU, each chunk is a block's: its chains are stored, and
// conv2d_weight_fold adds them in order.
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

template <int BM, int BN, int TM, int TN>
__device__ __forceinline__ void conv2d_weights(
    float* panels, Conv2dPosition* table, const float* image, const float* dy, float* out, const Conv2dWeights& z) {
  constexpr int K = CONV2D_DEPTH, THREADS = (BM / TM) * (BN / TN), LA = BM + 4, LB = BN + 4;
  constexpr int AS = BM * K / THREADS, BS = BN * K / THREADS, ROWS = THREADS / K;
  float* const a_panel = panels;
  float* const b_panel = panels + 2 * K * LA;
  const int tid = (int)threadIdx.x;
  const int tx = tid % (BN / TN), ty = tid / (BN / TN);

  const long long cols = z.group_c * z.taps_h * z.taps_w;
  const long long row_tiles = (z.group_k + BM - 1) / BM, col_tiles = (cols + BN - 1) / BN;
  long long block = blockIdx.x;
  const long long part = block % z.parts;
  block /= z.parts;
  const int first_row = (int)(block % row_tiles) * BM;
  const long long first_col = block / row_tiles % col_tiles * BN;
  const long long group = block / (row_tiles * col_tiles);
  const long long begin = z.parts > 1 ? part * z.chunk : 0;
  const long long end = z.parts > 1 && begin + z.chunk < z.terms ? begin + z.chunk : z.terms;
  const long long plane = z.out_p * z.out_q;
  const int in_h = (int)z.in_h, in_w = (int)z.in_w;

  // What this thread loads: one term of rows and columns `row + i * ROWS`.
  const int term = tid % K, row = tid / K;
  long long col_from[BS];
  int col_h[BS], col_w[BS];
#pragma unroll
  for (int i = 0; i < BS; i++) {
    const long long col = first_col + row + i * ROWS;
    const int s = (int)(col % z.taps_w), r = (int)(col / z.taps_w % z.taps_h);
    col_from[i] = col / (z.taps_w * z.taps_h) * z.in_h * z.in_w;
    // A column past the last one reads nothing: it lies outside of any image.
    col_h[i] = col < cols ? r * (int)z.dilation_h : -0x40000000;
    col_w[i] = s * (int)z.dilation_w;
  }

  float a_next[AS], b_next[BS], acc[TM][TN], total[TM][TN];
#pragma unroll
  for (int i = 0; i < TM; i++) {
#pragma unroll
    for (int j = 0; j < TN; j++) acc[i][j] = total[i][j] = 0.0f;
  }

  auto load = [&](int buffer, bool valid) {
    const Conv2dPosition at = table[buffer * K + term];
#pragma unroll
    for (int i = 0; i < AS; i++) {
      const int k = first_row + row + i * ROWS;
      a_next[i] = valid && k < (int)z.group_k ? __ldg(dy + at.dy + k * plane) : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < BS; i++) {
      const int h = at.h + col_h[i], w = at.w + col_w[i];
      const bool inside = valid && h >= 0 && h < in_h && w >= 0 && w < in_w;
      b_next[i] = inside ? __ldg(image + at.image + col_from[i] + (long long)h * in_w + w) : 0.0f;
    }
  };
  auto keep = [&](int buffer) {
#pragma unroll
    for (int i = 0; i < AS; i++) a_panel[buffer * K * LA + term * LA + row + i * ROWS] = a_next[i];
#pragma unroll
    for (int i = 0; i < BS; i++) b_panel[buffer * K * LB + term * LB + row + i * ROWS] = b_next[i];
  };

  if (tid < 2 * K && begin + tid < end) table[tid] = conv2d_position(z, group, begin + tid);
  __syncthreads();
  load(0, begin + term < end);
  keep(0);
  __syncthreads();
  long long chunk_end = begin + z.chunk;
  int buffer = 0;
  for (long long t = begin; t < end; t += K) {
    const bool more = t + K < end;
    if (more) load(buffer ^ 1, t + K + term < end);
    if (tid < K && t + 2 * K + tid < end) table[buffer * K + tid] = conv2d_position(z, group, t + 2 * K + tid);
    if (t == chunk_end) {
      conv2d_fold<TM, TN>(t == begin + z.chunk, total, acc);
      chunk_end += z.chunk;
    }
    conv2d_panel<BM, BN, TM, TN, LA, LB>(a_panel + buffer * K * LA, b_panel + buffer * K * LB, ty, tx, end - t, acc);
    buffer ^= 1;
    if (more) keep(buffer);
    __syncthreads();
  }
  conv2d_fold<TM, TN>(chunk_end == begin + z.chunk, total, acc);

  float* const to = out + part * z.outputs + group * z.group_k * cols;
#pragma unroll
  for (int i = 0; i < TM; i++) {
    const int k = first_row + conv2d_place<BM, TM>(ty, i);
#pragma unroll
    for (int j = 0; j < TN; j++) {
      const long long col = first_col + conv2d_place<BN, TN>(tx, j);
      if (k < (int)z.group_k && col < cols) to[k * cols + col] = total[i][j];
    }
  }
}

#define CONV2D_WEIGHTS(name, BM, BN, TM, TN)                                                               \
  extern "C" __global__ void __launch_bounds__((BM / TM) * (BN / TN)) name(                                \
      const float* image, const float* dy, float* out, Conv2dWeights z) {                                  \
    __shared__ __align__(16) float panels[2 * CONV2D_DEPTH * (BM + 4 + BN + 4)];                           \
    __shared__ __align__(16) Conv2dPosition table[2 * CONV2D_DEPTH];                                       \
    conv2d_weights<BM, BN, TM, TN>(panels, table, image, dy, out, z);                                      \
  }

CONV2D_WEIGHTS(conv2d_weight_128x128, 128, 128, 8, 8)
EXPORT_KERNEL(conv2d_weight_128x128)
CONV2D_WEIGHTS(conv2d_weight_64x64, 64, 64, 8, 4)
EXPORT_KERNEL(conv2d_weight_64x64)
CONV2D_WEIGHTS(conv2d_weight_16x128, 16, 128, 4, 4)
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
