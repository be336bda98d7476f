// Rows of a table by index (op/Gather.java): words are moved, not computed with. Bound by memory. A row is read by
// neighbouring threads, 16 bytes each where its length and the addresses allow it (width 4).
#include "portable.cuh"

// Lowers first[0] to the position of the first index outside [0, rows). An integer minimum: any order gives it.
extern "C" __global__ void __launch_bounds__(256)
gather_check(const int* indices, long long n, long long rows, int* first) {
  int bad = 0x7fffffff;
  for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; i < n; i += (long long)gridDim.x * 256) {
    const int index = indices[i];
    if (index < 0 || index >= rows) {
      bad = (int)i;
      break;  // later positions of this thread are larger
    }
  }
  if (bad != 0x7fffffff) atomicMin(first, bad);
}
EXPORT_KERNEL(gather_check)

// out[i] = table[indices[i]]. Blocks of x threads along a row, y rows (op/Gather.RowBlocks).
extern "C" __global__ void __launch_bounds__(256)
gather_rows(const float* table, const int* indices, long long n, long long columns, float* out, int width) {
  const long long i = (long long)blockIdx.x * blockDim.y + threadIdx.y;
  if (i >= n) return;
  const float* from = table + indices[i] * columns;
  float* to = out + i * columns;
  if (width == 4) {
#pragma unroll 4
    for (long long j = 4LL * threadIdx.x; j < columns; j += 4LL * blockDim.x) store4(to + j, load4(from + j));
  } else {
#pragma unroll 4
    for (long long j = threadIdx.x; j < columns; j += blockDim.x) to[j] = from[j];
  }
}
EXPORT_KERNEL(gather_rows)
