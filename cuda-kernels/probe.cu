// Small kernels that test the way to the device itself: loading, argument packing, launch shapes,
// dynamic shared memory, barriers, and that a fault is reported. No op uses them.
#include "portable.cuh"

// values[i] = value for i < n.
extern "C" __global__ void probe_fill(float* values, long long n, float value) {
  const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] = value;
}
EXPORT_KERNEL(probe_fill)

// to[i] = from[i] * factor for i < n; one rounding.
extern "C" __global__ void probe_scale(const float* from, float* to, long long n, float factor) {
  const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) to[i] = __fmul_rn(from[i], factor);
}
EXPORT_KERNEL(probe_scale)

// Reverses each block of blockDim.x values (the last may be shorter) through dynamic shared memory of
// 4 * blockDim.x bytes.
extern "C" __global__ void probe_block_reverse(const int* from, int* to, long long n) {
  DYNAMIC_SHARED(int, tile);
  const long long start = (long long)blockIdx.x * blockDim.x;
  const long long rest = n - start;
  const int count = rest < (long long)blockDim.x ? (int)rest : (int)blockDim.x;
  const int t = (int)threadIdx.x;
  if (t < count) tile[t] = from[start + t];
  __syncthreads();
  if (t < count) to[start + t] = tile[count - 1 - t];
}
EXPORT_KERNEL(probe_block_reverse)

// out[i] packs one argument of each kind, to check the host's argument layout:
// out[0] = a, out[1] = b, out[2] = bits of c, out[3] = low half of the bits of d, out[4] = high half.
extern "C" __global__ void probe_arguments(long long* out, int a, long long b, float c, double d) {
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    out[0] = a;
    out[1] = b;
    out[2] = __float_as_int(c);
    out[3] = (unsigned)__double2loint(d);
    out[4] = __double2hiint(d);
  }
}
EXPORT_KERNEL(probe_arguments)

// Shows what the compiler makes of plain operators: values[i] = values[i] * a + b has two roundings, and subnormals
// stay. PtxAuditTest looks for the mul.rn and the add.rn, on every architecture: the flags are right then.
extern "C" __global__ void probe_unfused(float* values, long long n, float a, float b) {
  const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) values[i] = values[i] * a + b;
}
EXPORT_KERNEL(probe_unfused)
