// Arithmetic that PtxAuditTest compiles with the build's flags, then with one flag wrong, or one of the plants in.

extern "C" __global__ void planted_unfused(float* v, float a, float b) {
  v[threadIdx.x] = v[threadIdx.x] * a + b;
}

extern "C" __global__ void planted(float* v, float a) {
  v[threadIdx.x] = sqrtf(v[threadIdx.x]) / a;
#ifdef PLANT_ATOMIC
  atomicAdd(v, a);
#endif
#ifdef PLANT_FAST
  v[threadIdx.x] = __expf(v[threadIdx.x]);
#endif
#ifdef PLANT_TOWARDS_ZERO
  v[threadIdx.x] = __fadd_rz(v[threadIdx.x], a);
#endif
}
