// Lets g++ compile the CUDA sources of cuda-kernels/ for softcuda. Included before everything else
// (-include softcuda_shim.h). Only what those kernels use is here; a missing name is a compile error,
// never a silent stand-in.
#pragma once

#define SOFTCUDA 1

// Standard headers first: the macros below would break some of them.
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "softcuda_abi.h"

#ifdef __FAST_MATH__
#error "softcuda kernels are compiled without -ffast-math: bits would change"
#endif
#if defined(__x86_64__) && !defined(__FMA__)
#error "softcuda kernels need hardware FMA: compile with -mavx2 -mfma"
#endif

// `__thread`, not `thread_local`: a block's fibers stay on one host thread, and there is no wrapper.
extern __thread softcuda::Context softcuda_context __attribute__((visibility("hidden")));
extern const softcuda::Api* softcuda_api __attribute__((visibility("hidden")));
extern const softcuda::Kernel* softcuda_kernels __attribute__((visibility("hidden")));

#define threadIdx (softcuda_context.thread)
#define blockIdx (softcuda_context.block)
#define blockDim (softcuda_context.block_dim)
#define gridDim (softcuda_context.grid_dim)
#define warpSize 32

#define __global__
#define __device__
#define __host__
#define __constant__
#define __shared__ static __thread
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
// A restrict-qualified pointer would let g++ keep values over a barrier, which is only a call to it.
#define __restrict__
#define __restrict

#include "softcuda_intrinsics.h"
#include "softcuda_register.h"
