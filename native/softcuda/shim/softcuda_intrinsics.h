// Device intrinsics for g++. Rounding: every function here rounds once, to nearest even, as its CUDA
// namesake; the files are compiled with -ffp-contract=off, so `a * b + c` stays two roundings.
#pragma once

// ---- barriers and warp collectives ----

#define __syncthreads() ((void)softcuda_api->barrier(softcuda::BLOCK_SYNC, 0, __FILE__, __LINE__))
#define __syncthreads_count(p) (softcuda_api->barrier(softcuda::BLOCK_COUNT, (p) != 0, __FILE__, __LINE__))
#define __syncthreads_and(p) (softcuda_api->barrier(softcuda::BLOCK_AND, (p) != 0, __FILE__, __LINE__))
#define __syncthreads_or(p) (softcuda_api->barrier(softcuda::BLOCK_OR, (p) != 0, __FILE__, __LINE__))

namespace softcuda {

template <class T>
inline uint64_t to_word(T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles take 4- or 8-byte values");
  uint64_t word = 0;
  memcpy(&word, &value, sizeof(T));
  return word;
}

template <class T>
inline T from_word(uint64_t word) {
  T value;
  memcpy(&value, &word, sizeof(T));
  return value;
}

template <class T>
inline T shuffle(int op, unsigned mask, T value, int argument, int width, const char* file, int line) {
  return from_word<T>(softcuda_api->warp(op, mask, to_word(value), argument, width, file, line));
}

inline int shuffle_width(int width = 32) { return width; }

}  // namespace softcuda

// The optional last argument is the width.
#define __shfl_sync(mask, value, lane, ...)                                     \
  (softcuda::shuffle(softcuda::WARP_SHFL, (mask), (value), (int)(lane),         \
                     softcuda::shuffle_width(__VA_ARGS__), __FILE__, __LINE__))
#define __shfl_up_sync(mask, value, delta, ...)                                 \
  (softcuda::shuffle(softcuda::WARP_UP, (mask), (value), (int)(delta),          \
                     softcuda::shuffle_width(__VA_ARGS__), __FILE__, __LINE__))
#define __shfl_down_sync(mask, value, delta, ...)                               \
  (softcuda::shuffle(softcuda::WARP_DOWN, (mask), (value), (int)(delta),        \
                     softcuda::shuffle_width(__VA_ARGS__), __FILE__, __LINE__))
#define __shfl_xor_sync(mask, value, bits, ...)                                 \
  (softcuda::shuffle(softcuda::WARP_XOR, (mask), (value), (int)(bits),          \
                     softcuda::shuffle_width(__VA_ARGS__), __FILE__, __LINE__))
#define SOFTCUDA_MASK(unused, ...) SOFTCUDA_FIRST(__VA_ARGS__ __VA_OPT__(,) 0xffffffffu)
#define SOFTCUDA_FIRST(first, ...) (first)
#define __syncwarp(...) \
  ((void)softcuda_api->warp(softcuda::WARP_SYNC, SOFTCUDA_MASK(0, __VA_ARGS__), 0, 0, 32, __FILE__, __LINE__))
#define __ballot_sync(mask, p) \
  ((unsigned)softcuda_api->warp(softcuda::WARP_BALLOT, (mask), (p) != 0, 0, 32, __FILE__, __LINE__))
#define __any_sync(mask, p) \
  ((int)softcuda_api->warp(softcuda::WARP_ANY, (mask), (p) != 0, 0, 32, __FILE__, __LINE__))
#define __all_sync(mask, p) \
  ((int)softcuda_api->warp(softcuda::WARP_ALL, (mask), (p) != 0, 0, 32, __FILE__, __LINE__))

#define __trap() (softcuda_api->fail(719, "__trap()"))
#undef assert
#define assert(condition) ((condition) ? (void)0 : softcuda_api->fail(710, "assert(" #condition ")"))

inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// ---- bits ----

#define SOFTCUDA_CAST(name, to, from) \
  inline to name(from value) { return __builtin_bit_cast(to, value); }
SOFTCUDA_CAST(__float_as_int, int, float)
SOFTCUDA_CAST(__float_as_uint, unsigned, float)
SOFTCUDA_CAST(__int_as_float, float, int)
SOFTCUDA_CAST(__uint_as_float, float, unsigned)
SOFTCUDA_CAST(__double_as_longlong, long long, double)
SOFTCUDA_CAST(__longlong_as_double, double, long long)
#undef SOFTCUDA_CAST

inline int __double2hiint(double v) { return (int)(__double_as_longlong(v) >> 32); }
inline int __double2loint(double v) { return (int)__double_as_longlong(v); }
inline double __hiloint2double(int hi, int lo) {
  return __longlong_as_double((long long)(((unsigned long long)(unsigned)hi << 32) | (unsigned)lo));
}

inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
inline int __clz(int v) { return v ? __builtin_clz((unsigned)v) : 32; }
inline int __clzll(long long v) { return v ? __builtin_clzll((unsigned long long)v) : 64; }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __ffsll(long long v) { return __builtin_ffsll(v); }
inline unsigned __brev(unsigned v) {
  unsigned r = 0;
  for (int i = 0; i < 32; i++) r |= ((v >> i) & 1u) << (31 - i);
  return r;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }
inline int __mulhi(int a, int b) { return (int)(((long long)a * b) >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}

// ---- arithmetic, round to nearest even ----

inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }

inline float __double2float_rn(double v) { return (float)v; }
inline float __int2float_rn(int v) { return (float)v; }
inline float __uint2float_rn(unsigned v) { return (float)v; }
inline float __ll2float_rn(long long v) { return (float)v; }
inline float __ull2float_rn(unsigned long long v) { return (float)v; }
inline double __int2double_rn(int v) { return (double)v; }
inline double __uint2double_rn(unsigned v) { return (double)v; }
inline double __ll2double_rn(long long v) { return (double)v; }

namespace softcuda {
// The device saturates and turns NaN into 0 where the C++ cast is undefined.
template <class To, class From>
inline To saturate(From v) {
  if (v != v) return (To)0;
  if (v <= (From)std::is_signed<To>::value * -(From)((unsigned long long)1 << (8 * sizeof(To) - 1)))
    return std::is_signed<To>::value ? (To)((unsigned long long)1 << (8 * sizeof(To) - 1)) : (To)0;
  const From top = (From)((unsigned long long)1 << (8 * sizeof(To) - 1)) * (std::is_signed<To>::value ? 1 : 2);
  if (v >= top) return (To) ~(std::is_signed<To>::value ? (unsigned long long)1 << (8 * sizeof(To) - 1) : 0ULL);
  return (To)v;
}
}  // namespace softcuda

inline int __float2int_rz(float v) { return softcuda::saturate<int>(v); }
inline int __float2int_rn(float v) { return softcuda::saturate<int>(__builtin_rintf(v)); }
inline int __float2int_rd(float v) { return softcuda::saturate<int>(__builtin_floorf(v)); }
inline int __double2int_rz(double v) { return softcuda::saturate<int>(v); }
inline int __double2int_rn(double v) { return softcuda::saturate<int>(__builtin_rint(v)); }
inline long long __double2ll_rz(double v) { return softcuda::saturate<long long>(v); }
inline long long __double2ll_rn(double v) { return softcuda::saturate<long long>(__builtin_rint(v)); }

#define SOFTCUDA_MINMAX(type)                                \
  inline type min(type a, type b) { return b < a ? b : a; }  \
  inline type max(type a, type b) { return a < b ? b : a; }
SOFTCUDA_MINMAX(int)
SOFTCUDA_MINMAX(unsigned)
SOFTCUDA_MINMAX(long)
SOFTCUDA_MINMAX(unsigned long)
SOFTCUDA_MINMAX(long long)
SOFTCUDA_MINMAX(unsigned long long)
#undef SOFTCUDA_MINMAX
// Neither nvcc's fmaxf nor a comparison is the contract's maximum: use sel_maximum, sel_minimum.
float min(float, float) = delete;
float max(float, float) = delete;
double min(double, double) = delete;
double max(double, double) = delete;

// ---- memory ----

template <class T>
inline T __ldg(const T* address) {
  return *address;
}
template <class T>
inline T __ldcs(const T* address) {
  return *address;
}
template <class T>
inline void __stcs(T* address, T value) {
  *address = value;
}

// Integer atomics only: the order of float atomics is arbitrary, so the contract has none.
namespace softcuda {
template <class T, class F>
inline T update(T* address, F next) {
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  T value;
  do {
    value = next(old);
  } while (!__atomic_compare_exchange_n(address, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}
}  // namespace softcuda

#define SOFTCUDA_ATOMICS(type)                                                                          \
  inline type atomicAdd(type* p, type v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }         \
  inline type atomicExch(type* p, type v) { return __atomic_exchange_n(p, v, __ATOMIC_RELAXED); }       \
  inline type atomicAnd(type* p, type v) { return __atomic_fetch_and(p, v, __ATOMIC_RELAXED); }         \
  inline type atomicOr(type* p, type v) { return __atomic_fetch_or(p, v, __ATOMIC_RELAXED); }           \
  inline type atomicXor(type* p, type v) { return __atomic_fetch_xor(p, v, __ATOMIC_RELAXED); }         \
  inline type atomicMax(type* p, type v) {                                                              \
    return softcuda::update(p, [v](type old) { return old < v ? v : old; });                            \
  }                                                                                                     \
  inline type atomicMin(type* p, type v) {                                                              \
    return softcuda::update(p, [v](type old) { return v < old ? v : old; });                            \
  }                                                                                                     \
  inline type atomicCAS(type* p, type expected, type v) {                                               \
    __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);            \
    return expected;                                                                                    \
  }
SOFTCUDA_ATOMICS(int)
SOFTCUDA_ATOMICS(unsigned)
SOFTCUDA_ATOMICS(unsigned long long)
#undef SOFTCUDA_ATOMICS
inline int atomicSub(int* p, int v) { return __atomic_fetch_sub(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicSub(unsigned* p, unsigned v) { return __atomic_fetch_sub(p, v, __ATOMIC_RELAXED); }
