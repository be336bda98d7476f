// What CUDA hardware and softcuda do differently, behind one name each. Everything else in
// cuda-kernels/ is the same source for nvcc and for g++ (native/softcuda/README.md).
//
//   EXPORT_KERNEL(name)          after each extern "C" kernel: nothing under nvcc, registers it for softcuda
//   DYNAMIC_SHARED(type, name)   type* name = the launch's dynamic shared memory, 16-byte aligned
//   load4, store4                one 16-byte access; the address must be 16-byte aligned
//   copy_async_16 …              cp.async where the GPU has it (sm_80+), an ordinary copy before that
//   StagedCopy<V>                a copy of a V to shared memory while the thread computes, on any GPU
//   sel_maximum, sel_minimum     IEEE 754-2019 maximum and minimum
#pragma once

#ifdef SOFTCUDA

#define DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(softcuda_context.dynamic_shared)

#else

#define EXPORT_KERNEL(name)
#define DYNAMIC_SHARED(type, name)                                        \
  extern __shared__ __align__(16) unsigned char selfsame_dynamic_shared[]; \
  type* name = reinterpret_cast<type*>(selfsame_dynamic_shared)

#endif

#define WARP_LANES 32
#define ALL_LANES 0xffffffffu

// ---- 16-byte accesses ----

__device__ __forceinline__ bool is_aligned16(const void* address) {
  return (reinterpret_cast<unsigned long long>(address) & 15ull) == 0;
}

__device__ __forceinline__ float4 load4(const float* address) {
#ifdef SOFTCUDA
  if (!is_aligned16(address)) softcuda_api->fail(716, "load4 of an address that is not 16-byte aligned");
#endif
  return *reinterpret_cast<const float4*>(address);
}

__device__ __forceinline__ void store4(float* address, float4 value) {
#ifdef SOFTCUDA
  if (!is_aligned16(address)) softcuda_api->fail(716, "store4 to an address that is not 16-byte aligned");
#endif
  *reinterpret_cast<float4*>(address) = value;
}

// ---- asynchronous copies, global to shared ----
// A thread's copies since its last commit form a group; copy_async_wait<N>() waits until at most its N
// newest groups are unfinished. Other threads see the data after a barrier that follows the wait.
// Softcuda poisons the destination at the copy and fills it at the wait, so a forgotten wait shows.

// 16 bytes, both addresses 16-byte aligned; where `valid` is false, 16 zero bytes and no access to `from`.
__device__ __forceinline__ void copy_async_16(void* shared, const void* from, bool valid = true) {
#if defined(SOFTCUDA)
  softcuda_api->copy_async(shared, from, 16, valid ? 16 : 0);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
#else
  *static_cast<int4*>(shared) = valid ? *static_cast<const int4*>(from) : make_int4(0, 0, 0, 0);
#endif
}

// 4 bytes, both addresses 4-byte aligned; where `valid` is false, 4 zero bytes and no access to `from`.
__device__ __forceinline__ void copy_async_4(void* shared, const void* from, bool valid = true) {
#if defined(SOFTCUDA)
  softcuda_api->copy_async(shared, from, 4, valid ? 4 : 0);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
               :
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))), "l"(from), "r"(valid ? 4 : 0)
               : "memory");
#else
  *static_cast<int*>(shared) = valid ? *static_cast<const int*>(from) : 0;
#endif
}

__device__ __forceinline__ void copy_async_commit() {
#if defined(SOFTCUDA)
  softcuda_api->copy_async_commit();
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

template <int N>
__device__ __forceinline__ void copy_async_wait() {
#if defined(SOFTCUDA)
  softcuda_api->copy_async_wait(N);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" : : "n"(N) : "memory");
#endif
}

// One value of 4 or 16 bytes on its way to shared memory: begun early, ended late, with arithmetic in between. Where
// there is cp.async, the copy begins it and copy_async_wait ends it; before sm_80 a register holds the value meanwhile.
// Several begun copies go out together; end() them, then wait, then pass a barrier.
template <class V>
struct StagedCopy {
#if defined(SOFTCUDA) || __CUDA_ARCH__ >= 800
  // Where `valid` is false, zeros and no access to `from`.
  __device__ __forceinline__ void begin(void* shared, const float* from, bool valid = true) {
    if (sizeof(V) == 16) copy_async_16(shared, from, valid);
    else copy_async_4(shared, from, valid);
  }
  // Four floats of a V of 16 bytes that lie anywhere: at from, and at three offsets from it.
  __device__ __forceinline__ void begin_four(void* shared, const float* from, int y, int z, int w) {
    float* const to = static_cast<float*>(shared);
    copy_async_4(to, from);
    copy_async_4(to + 1, from + y);
    copy_async_4(to + 2, from + z);
    copy_async_4(to + 3, from + w);
  }
  __device__ __forceinline__ void end(void*) const {}
#else
  V value;
  __device__ __forceinline__ void begin(void*, const float* from, bool valid = true) {
    value = V{};
    if (valid) value = *reinterpret_cast<const V*>(from);
  }
  __device__ __forceinline__ void begin_four(void*, const float* from, int y, int z, int w) {
    value = make_float4(from[0], from[y], from[z], from[w]);
  }
  __device__ __forceinline__ void end(void* shared) const { *static_cast<V*>(shared) = value; }
#endif
};

// ---- selection ----

// IEEE 754-2019 maximum: a NaN wins, +0 > -0. (fmaxf drops NaN and may return either zero.)
__device__ __forceinline__ float sel_maximum(float a, float b) {
  if (a != a) return a;
  if (b != b) return b;
  if (a == b) return __int_as_float(__float_as_int(a) & __float_as_int(b));
  return a > b ? a : b;
}

// IEEE 754-2019 minimum: a NaN wins, -0 < +0.
__device__ __forceinline__ float sel_minimum(float a, float b) {
  if (a != a) return a;
  if (b != b) return b;
  if (a == b) return __int_as_float(__float_as_int(a) | __float_as_int(b));
  return a < b ? a : b;
}
