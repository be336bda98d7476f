// Locally connected layer (op/LocallyConnected2d.java has the definition and the order of roundings). Threads lie across output
// positions, or across pixels for the data gradient, so that neighbours read neighbouring weights; each takes a register tile of
// samples and filters, in which a weight loaded once serves all samples and a pixel all filters. Every weight is read once a tile of
// samples: bound by memory for few samples.
#include "contract.cuh"
#include "portable.cuh"

constexpr int LOCAL_THREADS = 128;
// Samples (in the weight gradient: taps) and filters of a thread's tile.
constexpr int LOCAL_ROWS = 8;
constexpr int LOCAL_COLS = 4;

// As op/LocallyConnected2dCuda.java lays it out.
struct LocalSizes {
  long long n, c, h, w, k, r, s, p, q;
  long long stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w;
  long long relu;
};

// The unit of a block: a tile of rows, a tile of columns, and 128 neighbouring places, which vary fastest.
struct LocalUnit {
  long long row, col, place;
  bool works;

  __device__ __forceinline__ LocalUnit(long long rows, long long cols, long long places) {
    const long long place_blocks = (places + LOCAL_THREADS - 1) / LOCAL_THREADS;
    const long long col_tiles = (cols + LOCAL_COLS - 1) / LOCAL_COLS;
    const long long block = blockIdx.x;
    place = block % place_blocks * LOCAL_THREADS + threadIdx.x;
    col = block / place_blocks % col_tiles * LOCAL_COLS;
    row = block / place_blocks / col_tiles * LOCAL_ROWS;
    works = place < places && row < rows;
  }
};

// A chunk ends: the first chain is the total, each later one is added; the next chain begins at +0.
__device__ __forceinline__ void local_fold(
    bool first, float (&total)[LOCAL_ROWS][LOCAL_COLS], float (&acc)[LOCAL_ROWS][LOCAL_COLS]) {
#pragma unroll
  for (int i = 0; i < LOCAL_ROWS; i++) {
#pragma unroll
    for (int j = 0; j < LOCAL_COLS; j++) {
      total[i][j] = first ? acc[i][j] : __fadd_rn(total[i][j], acc[i][j]);
      acc[i][j] = 0.0f;
    }
  }
}

__device__ __forceinline__ void local_step(
    const float (&a)[LOCAL_ROWS], const float (&b)[LOCAL_COLS], float (&acc)[LOCAL_ROWS][LOCAL_COLS]) {
#pragma unroll
  for (int i = 0; i < LOCAL_ROWS; i++) {
#pragma unroll
    for (int j = 0; j < LOCAL_COLS; j++) acc[i][j] = __fmaf_rn(a[i], b[j], acc[i][j]);
  }
}

extern "C" __global__ void __launch_bounds__(LOCAL_THREADS)
locally_connected2d_forward(const float* x, const float* w, const float* bias, float* y, LocalSizes z) {
  const long long positions = z.p * z.q;
  const LocalUnit unit(z.n, z.k, positions);
  if (!unit.works) return;
  const long long h0 = unit.place / z.q * z.stride_h - z.padding_h;
  const long long w0 = unit.place % z.q * z.stride_w - z.padding_w;
  const long long image = z.c * z.h * z.w, filter = z.c * z.r * z.s;
  const long long chunk = contract_chunk(filter);
  const float* pixels = x + unit.row * image;
  const float* weights = w + unit.col * filter * positions + unit.place;
  const int rows = z.n - unit.row < LOCAL_ROWS ? (int)(z.n - unit.row) : LOCAL_ROWS;
  const int cols = z.k - unit.col < LOCAL_COLS ? (int)(z.k - unit.col) : LOCAL_COLS;
  float acc[LOCAL_ROWS][LOCAL_COLS] = {}, total[LOCAL_ROWS][LOCAL_COLS] = {};
  long long term = 0, end = chunk;
  for (long long c = 0; c < z.c; c++) {
    for (long long r = 0; r < z.r; r++) {
      const long long h = h0 + r * z.dilation_h;
      for (long long s = 0; s < z.s; s++) {
        if (term == end) {
          local_fold(end == chunk, total, acc);
          end += chunk;
        }
        const long long col = w0 + s * z.dilation_w;
        const bool inside = h >= 0 && h < z.h && col >= 0 && col < z.w;
        float a[LOCAL_ROWS], b[LOCAL_COLS];
#pragma unroll
        for (int i = 0; i < LOCAL_ROWS; i++) {
          a[i] = inside && i < rows ? __ldg(pixels + i * image + (c * z.h + h) * z.w + col) : 0.0f;
        }
#pragma unroll
        for (int j = 0; j < LOCAL_COLS; j++) b[j] = j < cols ? __ldg(weights + (j * filter + term) * positions) : 0.0f;
        local_step(a, b, acc);
        term++;
      }
    }
  }
  local_fold(end == chunk, total, acc);
#pragma unroll
  for (int i = 0; i < LOCAL_ROWS; i++) {
#pragma unroll
    for (int j = 0; j < LOCAL_COLS; j++) {
      if (i < rows && j < cols) {
        const long long at = (unit.col + j) * positions + unit.place;
        float value = total[i][j];
        if (bias != nullptr) value = __fadd_rn(value, bias[at]);
        y[(unit.row + i) * z.k * positions + at] = z.relu ? sel_maximum(value, 0.0f) : value;
      }
    }
  }
}
EXPORT_KERNEL(locally_connected2d_forward)

// The taps that reach a pixel along an axis, those of its stride phase. They are evenly spaced: `count` of them from tap `first` on,
// `step` apart, and tap first + i * step belongs to output at - i * back.
struct LocalTaps {
  long long first, step, count, at, back;

  __device__ __forceinline__ LocalTaps(long long padded, long long taps, long long dilation, long long stride)
      : first(0), step(0), count(0) {
    for (long long tap = 0; tap < taps; tap++) {
      if ((padded - tap * dilation) % stride == 0) {
        if (count == 0) first = tap;
        if (count == 1) step = tap - first;
        count++;
      }
    }
    // Exact quotients, where there is a tap at all.
    at = (padded - first * dilation) / stride;
    back = step * dilation / stride;
  }
};

extern "C" __global__ void __launch_bounds__(LOCAL_THREADS)
locally_connected2d_data(const float* dy, const float* w, float* dx, LocalSizes z) {
  const long long plane = z.h * z.w, positions = z.p * z.q;
  const LocalUnit unit(z.n, z.c, plane);
  if (!unit.works) return;
  const LocalTaps down(unit.place / z.w + z.padding_h, z.r, z.dilation_h, z.stride_h);
  const LocalTaps across(unit.place % z.w + z.padding_w, z.s, z.dilation_w, z.stride_w);
  const long long outputs = z.k * positions, taps = z.r * z.s;
  const long long chunk = contract_chunk(z.k * down.count * across.count);
  const int rows = z.n - unit.row < LOCAL_ROWS ? (int)(z.n - unit.row) : LOCAL_ROWS;
  const int cols = z.c - unit.col < LOCAL_COLS ? (int)(z.c - unit.col) : LOCAL_COLS;
  float acc[LOCAL_ROWS][LOCAL_COLS] = {}, total[LOCAL_ROWS][LOCAL_COLS] = {};
  long long term = 0, end = chunk;
  for (long long k = 0; k < z.k; k++) {
    const float* gradients = dy + unit.row * outputs + k * positions;
    const float* weights = w + (k * z.c + unit.col) * taps * positions;
    for (long long i = 0; i < down.count; i++) {
      const long long r = down.first + i * down.step;
      const long long p = down.at - i * down.back;
      for (long long j = 0; j < across.count; j++) {
        if (term == end) {
          local_fold(end == chunk, total, acc);
          end += chunk;
        }
        const long long s = across.first + j * across.step;
        const long long q = across.at - j * across.back;
        const bool inside = p >= 0 && p < z.p && q >= 0 && q < z.q;
        const long long at = p * z.q + q;
        float a[LOCAL_ROWS], b[LOCAL_COLS];
#pragma unroll
        for (int m = 0; m < LOCAL_ROWS; m++) a[m] = inside && m < rows ? __ldg(gradients + m * outputs + at) : 0.0f;
#pragma unroll
        for (int m = 0; m < LOCAL_COLS; m++) {
          b[m] = inside && m < cols ? __ldg(weights + (m * taps + r * z.s + s) * positions + at) : 0.0f;
        }
        local_step(a, b, acc);
        term++;
      }
    }
  }
  local_fold(end == chunk, total, acc);
#pragma unroll
  for (int i = 0; i < LOCAL_ROWS; i++) {
#pragma unroll
    for (int j = 0; j < LOCAL_COLS; j++) {
      if (i < rows && j < cols) dx[((unit.row + i) * z.c + unit.col + j) * plane + unit.place] = total[i][j];
    }
  }
}
EXPORT_KERNEL(locally_connected2d_data)

extern "C" __global__ void __launch_bounds__(LOCAL_THREADS)
locally_connected2d_weight(const float* x, const float* dy, float* dw, LocalSizes z) {
  const long long positions = z.p * z.q, image = z.c * z.h * z.w, filter = z.c * z.r * z.s;
  const LocalUnit unit(filter, z.k, positions);
  if (!unit.works) return;
  const long long outputs = z.k * positions, chunk = contract_chunk(z.n);
  const float* gradients = dy + unit.col * positions + unit.place;
  const int rows = filter - unit.row < LOCAL_ROWS ? (int)(filter - unit.row) : LOCAL_ROWS;
  const int cols = z.k - unit.col < LOCAL_COLS ? (int)(z.k - unit.col) : LOCAL_COLS;
  // Where in a sample the pixel of each tap lies; -1 outside of the image.
  long long pixel[LOCAL_ROWS];
#pragma unroll
  for (int i = 0; i < LOCAL_ROWS; i++) {
    const long long tap = unit.row + i;
    const long long h = unit.place / z.q * z.stride_h - z.padding_h + tap / z.s % z.r * z.dilation_h;
    const long long col = unit.place % z.q * z.stride_w - z.padding_w + tap % z.s * z.dilation_w;
    const bool inside = i < rows && h >= 0 && h < z.h && col >= 0 && col < z.w;
    pixel[i] = inside ? (tap / (z.r * z.s) * z.h + h) * z.w + col : -1;
  }
  float acc[LOCAL_ROWS][LOCAL_COLS] = {}, total[LOCAL_ROWS][LOCAL_COLS] = {};
  long long end = chunk;
  for (long long n = 0; n < z.n; n++) {
    if (n == end) {
      local_fold(end == chunk, total, acc);
      end += chunk;
    }
    float a[LOCAL_ROWS], b[LOCAL_COLS];
#pragma unroll
    for (int i = 0; i < LOCAL_ROWS; i++) a[i] = pixel[i] >= 0 ? __ldg(x + n * image + pixel[i]) : 0.0f;
#pragma unroll
    for (int j = 0; j < LOCAL_COLS; j++) b[j] = j < cols ? __ldg(gradients + n * outputs + j * positions) : 0.0f;
    local_step(a, b, acc);
  }
  local_fold(end == chunk, total, acc);
#pragma unroll
  for (int i = 0; i < LOCAL_ROWS; i++) {
#pragma unroll
    for (int j = 0; j < LOCAL_COLS; j++) {
      if (i < rows && j < cols) dw[((unit.col + j) * filter + unit.row + i) * positions + unit.place] = total[i][j];
    }
  }
}
EXPORT_KERNEL(locally_connected2d_weight)
