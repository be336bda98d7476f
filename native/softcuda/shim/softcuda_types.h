// CUDA's built-in vector types, for g++. Layout and alignment as in the CUDA C++ Programming Guide,
// "Built-in Vector Types", so that structs passed as kernel arguments agree with nvcc's.
#pragma once

#define SOFTCUDA_VEC2(name, type, align) \
  struct alignas(align) name {           \
    type x, y;                           \
  };                                     \
  static inline name make_##name(type x, type y) { return name{x, y}; }

#define SOFTCUDA_VEC3(name, type)                                           \
  struct name {                                                             \
    type x, y, z;                                                           \
  };                                                                        \
  static inline name make_##name(type x, type y, type z) { return name{x, y, z}; }

#define SOFTCUDA_VEC4(name, type, align)                                    \
  struct alignas(align) name {                                              \
    type x, y, z, w;                                                        \
  };                                                                        \
  static inline name make_##name(type x, type y, type z, type w) { return name{x, y, z, w}; }

SOFTCUDA_VEC2(int2, int, 8)
SOFTCUDA_VEC2(uint2, unsigned, 8)
SOFTCUDA_VEC2(float2, float, 8)
SOFTCUDA_VEC2(double2, double, 16)
SOFTCUDA_VEC2(longlong2, long long, 16)
SOFTCUDA_VEC2(ulonglong2, unsigned long long, 16)
SOFTCUDA_VEC3(int3, int)
SOFTCUDA_VEC3(uint3, unsigned)
SOFTCUDA_VEC3(float3, float)
SOFTCUDA_VEC4(uchar4, unsigned char, 4)
SOFTCUDA_VEC4(int4, int, 16)
SOFTCUDA_VEC4(uint4, unsigned, 16)
SOFTCUDA_VEC4(float4, float, 16)

#undef SOFTCUDA_VEC2
#undef SOFTCUDA_VEC3
#undef SOFTCUDA_VEC4

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};
