// Elementwise functions and their gradients (op/Elementwise.java; op/Unary.java and op/Binary.java state each
// rounding). Elements do not meet. Bound by memory, but for the correctly rounded functions, which are bound by
// arithmetic in double on GPUs with few double units. A block takes 1,024 elements: four a thread, in one access
// where all addresses are aligned, else 256 apart. The destination may be an input: a thread writes only what it
// alone has read.
#include "exact_math.cuh"
#include "portable.cuh"

template <class F, class... V>
__device__ __forceinline__ float4 elementwise_four(const F& f, V... v) {
  return make_float4(f(v.x...), f(v.y...), f(v.z...), f(v.w...));
}

// to[i] = f(from[i]...) for i < n; 256 threads a block. Loads whose value f ignores are not made.
template <class F, class... P>
__device__ __forceinline__ void elementwise_map(const F& f, float* to, long long n, const P*... from) {
  const long long block = (long long)blockIdx.x * 1024;
  const long long first = block + (long long)threadIdx.x * 4;
  if (is_aligned16(to) && (is_aligned16(from) && ...)) {
    if (first + 4 <= n) {
      store4(to + first, elementwise_four(f, load4(from + first)...));
    } else {
      for (long long i = first; i < n; i++) to[i] = f(from[i]...);
    }
  } else {
    for (long long i = block + threadIdx.x; i < n && i < block + 1024; i += 256) to[i] = f(from[i]...);
  }
}

// Four blocks a multiprocessor are asked for: left to itself, ptxas keeps eight and spills in tanh.
#define ELEMENTWISE_UNARY(name, value)                                                                  \
  extern "C" __global__ void __launch_bounds__(256, 4) name(const float* xs, float* ys, long long n) { \
    elementwise_map([](float x) { return value; }, ys, n, xs);                                          \
  }

#define ELEMENTWISE_BINARY(name, value)                                            \
  extern "C" __global__ void __launch_bounds__(256)                                \
  name(const float* as, const float* bs, float* ys, long long n) {                 \
    elementwise_map([](float a, float b) { return value; }, ys, n, as, bs);        \
  }

// Every gradient kernel takes x, y and dy; what `value` does not name is not read.
#define ELEMENTWISE_GRADIENT(name, value)                                                    \
  extern "C" __global__ void __launch_bounds__(256)                                          \
  name(const float* xs, const float* ys, const float* dys, float* dxs, long long n) {        \
    elementwise_map(                                                                         \
        [](float x, float y, float dy) {                                                     \
          (void)x;                                                                           \
          (void)y;                                                                           \
          return value;                                                                      \
        },                                                                                   \
        dxs, n, xs, ys, dys);                                                                \
  }

constexpr float ELEMENTWISE_ROOT_HALF = 0.70710678f;
constexpr float ELEMENTWISE_INV_ROOT_TWO_PI = 0.3989423f;
constexpr float ELEMENTWISE_TWO_OVER_ROOT_PI = 1.1283792f;

__device__ __forceinline__ float elementwise_one_plus_erf(float x) {
  return __fadd_rn(1.0f, em_erff(__fmul_rn(x, ELEMENTWISE_ROOT_HALF)));
}

__device__ __forceinline__ float elementwise_gelu_slope(float x) {
  const float cdf = __fmul_rn(0.5f, elementwise_one_plus_erf(x));
  const float pdf = __fmul_rn(em_expf(__fmul_rn(__fmul_rn(-0.5f, x), x)), ELEMENTWISE_INV_ROOT_TWO_PI);
  return __fmaf_rn(x, pdf, cdf);
}

ELEMENTWISE_UNARY(elementwise_relu, sel_maximum(x, 0.0f))
EXPORT_KERNEL(elementwise_relu)
ELEMENTWISE_GRADIENT(elementwise_relu_gradient, (y > 0.0f ? dy : 0.0f))
EXPORT_KERNEL(elementwise_relu_gradient)

ELEMENTWISE_UNARY(elementwise_tanh, em_tanhf(x))
EXPORT_KERNEL(elementwise_tanh)
ELEMENTWISE_GRADIENT(elementwise_tanh_gradient, (__fmul_rn(dy, __fmaf_rn(-y, y, 1.0f))))
EXPORT_KERNEL(elementwise_tanh_gradient)

ELEMENTWISE_UNARY(elementwise_sigmoid, em_sigmoidf(x))
EXPORT_KERNEL(elementwise_sigmoid)
ELEMENTWISE_GRADIENT(elementwise_sigmoid_gradient, (__fmul_rn(dy, __fmul_rn(y, __fsub_rn(1.0f, y)))))
EXPORT_KERNEL(elementwise_sigmoid_gradient)

ELEMENTWISE_UNARY(elementwise_gelu, __fmul_rn(__fmul_rn(0.5f, x), elementwise_one_plus_erf(x)))
EXPORT_KERNEL(elementwise_gelu)
ELEMENTWISE_GRADIENT(elementwise_gelu_gradient, (__fmul_rn(dy, elementwise_gelu_slope(x))))
EXPORT_KERNEL(elementwise_gelu_gradient)

ELEMENTWISE_UNARY(elementwise_exp, em_expf(x))
EXPORT_KERNEL(elementwise_exp)
ELEMENTWISE_GRADIENT(elementwise_exp_gradient, (__fmul_rn(dy, y)))
EXPORT_KERNEL(elementwise_exp_gradient)

ELEMENTWISE_UNARY(elementwise_log, em_logf(x))
EXPORT_KERNEL(elementwise_log)
ELEMENTWISE_GRADIENT(elementwise_log_gradient, (__fdiv_rn(dy, x)))
EXPORT_KERNEL(elementwise_log_gradient)

ELEMENTWISE_UNARY(elementwise_log1p, em_log1pf(x))
EXPORT_KERNEL(elementwise_log1p)
ELEMENTWISE_GRADIENT(elementwise_log1p_gradient, (__fdiv_rn(dy, __fadd_rn(1.0f, x))))
EXPORT_KERNEL(elementwise_log1p_gradient)

ELEMENTWISE_UNARY(elementwise_expm1, em_expm1f(x))
EXPORT_KERNEL(elementwise_expm1)
ELEMENTWISE_GRADIENT(elementwise_expm1_gradient, (__fmul_rn(dy, em_expf(x))))
EXPORT_KERNEL(elementwise_expm1_gradient)

ELEMENTWISE_UNARY(elementwise_erf, em_erff(x))
EXPORT_KERNEL(elementwise_erf)
ELEMENTWISE_GRADIENT(elementwise_erf_gradient, (__fmul_rn(dy, __fmul_rn(ELEMENTWISE_TWO_OVER_ROOT_PI, em_expf(-__fmul_rn(x, x))))))
EXPORT_KERNEL(elementwise_erf_gradient)

ELEMENTWISE_UNARY(elementwise_sin, em_sinf(x))
EXPORT_KERNEL(elementwise_sin)
ELEMENTWISE_GRADIENT(elementwise_sin_gradient, (__fmul_rn(dy, em_cosf(x))))
EXPORT_KERNEL(elementwise_sin_gradient)

ELEMENTWISE_UNARY(elementwise_cos, em_cosf(x))
EXPORT_KERNEL(elementwise_cos)
ELEMENTWISE_GRADIENT(elementwise_cos_gradient, (__fmul_rn(dy, -em_sinf(x))))
EXPORT_KERNEL(elementwise_cos_gradient)

ELEMENTWISE_UNARY(elementwise_sqrt, __fsqrt_rn(x))
EXPORT_KERNEL(elementwise_sqrt)
ELEMENTWISE_GRADIENT(elementwise_sqrt_gradient, (__fdiv_rn(dy, __fmul_rn(2.0f, y))))
EXPORT_KERNEL(elementwise_sqrt_gradient)

ELEMENTWISE_UNARY(elementwise_rsqrt, em_rsqrtf(x))
EXPORT_KERNEL(elementwise_rsqrt)
ELEMENTWISE_GRADIENT(elementwise_rsqrt_gradient, (__fmul_rn(dy, __fdiv_rn(__fmul_rn(-0.5f, y), x))))
EXPORT_KERNEL(elementwise_rsqrt_gradient)

ELEMENTWISE_UNARY(elementwise_neg, -x)
EXPORT_KERNEL(elementwise_neg)
ELEMENTWISE_GRADIENT(elementwise_neg_gradient, (-dy))
EXPORT_KERNEL(elementwise_neg_gradient)

ELEMENTWISE_UNARY(elementwise_abs, fabsf(x))
EXPORT_KERNEL(elementwise_abs)
ELEMENTWISE_GRADIENT(elementwise_abs_gradient, (x > 0.0f ? dy : x < 0.0f ? -dy : 0.0f))
EXPORT_KERNEL(elementwise_abs_gradient)

ELEMENTWISE_UNARY(elementwise_square, __fmul_rn(x, x))
EXPORT_KERNEL(elementwise_square)
ELEMENTWISE_GRADIENT(elementwise_square_gradient, (__fmul_rn(dy, __fmul_rn(2.0f, x))))
EXPORT_KERNEL(elementwise_square_gradient)

ELEMENTWISE_BINARY(elementwise_add, __fadd_rn(a, b))
EXPORT_KERNEL(elementwise_add)

ELEMENTWISE_BINARY(elementwise_sub, __fsub_rn(a, b))
EXPORT_KERNEL(elementwise_sub)

ELEMENTWISE_BINARY(elementwise_mul, __fmul_rn(a, b))
EXPORT_KERNEL(elementwise_mul)

ELEMENTWISE_BINARY(elementwise_div, __fdiv_rn(a, b))
EXPORT_KERNEL(elementwise_div)

ELEMENTWISE_BINARY(elementwise_max, sel_maximum(a, b))
EXPORT_KERNEL(elementwise_max)

ELEMENTWISE_BINARY(elementwise_min, sel_minimum(a, b))
EXPORT_KERNEL(elementwise_min)

extern "C" __global__ void __launch_bounds__(256)
elementwise_scale(const float* xs, float c, float* ys, long long n) {
  elementwise_map([c](float x) { return __fmul_rn(x, c); }, ys, n, xs);
}
EXPORT_KERNEL(elementwise_scale)

extern "C" __global__ void __launch_bounds__(256)
elementwise_fma(const float* as, float c, const float* bs, float* ys, long long n) {
  elementwise_map([c](float a, float b) { return __fmaf_rn(a, c, b); }, ys, n, as, bs);
}
EXPORT_KERNEL(elementwise_fma)
