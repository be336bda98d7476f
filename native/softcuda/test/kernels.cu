// Kernels for softcuda's self test: right ones, and ones with a planted mistake that must be found.
#include "portable.cuh"

extern "C" __global__ void test_add(const float* a, const float* b, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  out[i] = __fadd_rn(a[i], b[i]);
}
EXPORT_KERNEL(test_add)

// No check of i against n.
extern "C" __global__ void test_add_unchecked(const float* a, const float* b, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = __fadd_rn(a[i], b[i]);
}
EXPORT_KERNEL(test_add_unchecked)

// Sum of blockDim.x values (a power of two, at most 256) by halving.
extern "C" __global__ void test_reduce(const float* in, float* out) {
  __shared__ float part[256];
  const unsigned t = threadIdx.x;
  part[t] = in[blockIdx.x * blockDim.x + t];
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (t < half) part[t] = __fadd_rn(part[t], part[t + half]);
    __syncthreads();
  }
  if (t == 0) out[blockIdx.x] = part[0];
}
EXPORT_KERNEL(test_reduce)

// The same with the first barrier left out.
extern "C" __global__ void test_reduce_racy(const float* in, float* out) {
  __shared__ float part[256];
  const unsigned t = threadIdx.x;
  part[t] = in[blockIdx.x * blockDim.x + t];
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (t < half) part[t] = __fadd_rn(part[t], part[t + half]);
    __syncthreads();
  }
  if (t == 0) out[blockIdx.x] = part[0];
}
EXPORT_KERNEL(test_reduce_racy)

// Threads from `stay` on return before the barriers.
extern "C" __global__ void test_early_return(int* out, int stay) {
  __shared__ int value[1024];
  const int t = threadIdx.x;
  if (t >= stay) return;
  value[t] = t;
  __syncthreads();
  const int neighbour = value[stay - 1 - t];
  __syncthreads();
  value[t] = neighbour + 1;
  __syncthreads();
  out[t] = value[stay - 1 - t];
}
EXPORT_KERNEL(test_early_return)

extern "C" __global__ void test_shuffle(const float* in, float* out, unsigned* votes) {
  const unsigned t = threadIdx.x;
  float v = in[t];
  for (int delta = 16; delta > 0; delta /= 2) v = __fadd_rn(v, __shfl_down_sync(ALL_LANES, v, delta));
  out[t] = __shfl_sync(ALL_LANES, v, 0);
  const unsigned odd = __ballot_sync(ALL_LANES, t % 3 == 0);
  const int any = __any_sync(ALL_LANES, t == 40);
  const int all = __all_sync(ALL_LANES, t < 32);
  const int up = __shfl_up_sync(ALL_LANES, (int)t, 1, 8);
  const int across = __shfl_xor_sync(ALL_LANES, (int)t, 5);
  __syncwarp();
  votes[4 * t] = odd;
  votes[4 * t + 1] = any * 2 + all;
  votes[4 * t + 2] = up;
  votes[4 * t + 3] = across;
}
EXPORT_KERNEL(test_shuffle)

// Half of the threads wait at another barrier.
extern "C" __global__ void test_divergent(int* out) {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
    out[threadIdx.x] = 1;
  } else {
    __syncthreads();
    out[threadIdx.x] = 2;
  }
}
EXPORT_KERNEL(test_divergent)

// Lane 3 never comes to the collective that waits for it.
extern "C" __global__ void test_deadlock(int* out) {
  if (threadIdx.x == 3) {
    __syncthreads();
    return;
  }
  out[threadIdx.x] = __shfl_sync(ALL_LANES, (int)threadIdx.x, 3);
  __syncthreads();
}
EXPORT_KERNEL(test_deadlock)

// Copies of 16 bytes through shared memory; `wait` 0 forgets to wait.
extern "C" __global__ void test_copy_async(const float* from, float* to, int wait) {
  DYNAMIC_SHARED(float, tile);
  const unsigned t = threadIdx.x;
  copy_async_16(tile + 4 * t, from + 4 * t, t != 1);
  copy_async_commit();
  if (wait) copy_async_wait<0>();
  __syncthreads();
  const unsigned back = blockDim.x - 1 - t;
  for (int i = 0; i < 4; i++) to[4 * t + i] = tile[4 * back + i];
}
EXPORT_KERNEL(test_copy_async)

// Reads shared memory that it has not written (unless `write`: g++ would take a tile that no code writes for zeros).
extern "C" __global__ void test_read_shared(float* out, int write) {
  __shared__ float tile[64];
  DYNAMIC_SHARED(float, dynamic);
  if (write) tile[threadIdx.x] = 1.0f;
  out[2 * threadIdx.x] = tile[threadIdx.x];
  out[2 * threadIdx.x + 1] = dynamic[threadIdx.x];
}
EXPORT_KERNEL(test_read_shared)

extern "C" __global__ void test_coordinates(unsigned* counts, unsigned long long* total) {
  const unsigned t = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned b = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  atomicAdd(&counts[b * (blockDim.x * blockDim.y * blockDim.z) + t], 1u);
  atomicAdd(total, (unsigned long long)b * 1000 + t);
}
EXPORT_KERNEL(test_coordinates)

extern "C" __global__ void test_recurse(int* out, int depth) {
  volatile int local[4096];
  for (int i = 0; i < 4096; i++) local[i] = i + depth;
  volatile int* top = local;
  for (long long i = 0; i < (long long)depth * 4096; i++) top[-i] = 1;  // runs below its stack
  out[0] = local[depth & 4095];
}
EXPORT_KERNEL(test_recurse)

extern "C" __global__ void test_assert(int limit) {
  assert((int)threadIdx.x < limit);
}
EXPORT_KERNEL(test_assert)

extern "C" __global__ void test_many_barriers(int* out, int rounds) {
  __shared__ int turn[1024];
  const int t = threadIdx.x;
  const int n = blockDim.x;
  turn[t] = t;
  __syncthreads();
  for (int r = 0; r < rounds; r++) {
    const int v = turn[(t + 1) % n];
    __syncthreads();
    turn[t] = v;
    __syncthreads();
  }
  out[t] = turn[t];
}
EXPORT_KERNEL(test_many_barriers)
