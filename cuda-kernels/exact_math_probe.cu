// The elementary functions by themselves, to hold exact_math.cuh to its Java twin. No op uses this.
#include "exact_math.cuh"
#include "portable.cuh"

// y[i] = f(x[i]) for i < n; functions are numbered as in verify/Elementary.java.
extern "C" __global__ void exact_math_probe(const float* x, float* y, long long n, int function) {
  const long long step = (long long)gridDim.x * blockDim.x;
  for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
    const float v = x[i];
    switch (function) {
      case 0: y[i] = em_expf(v); break;
      case 1: y[i] = em_logf(v); break;
      case 2: y[i] = em_tanhf(v); break;
      case 3: y[i] = em_sigmoidf(v); break;
      case 4: y[i] = em_erff(v); break;
      case 5: y[i] = em_expm1f(v); break;
      case 6: y[i] = em_log1pf(v); break;
      case 7: y[i] = em_sinf(v); break;
      case 8: y[i] = em_cosf(v); break;
      case 9: y[i] = em_rsqrtf(v); break;
      default: break;
    }
  }
}
EXPORT_KERNEL(exact_math_probe)
