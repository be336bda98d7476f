// Mistakes in kernels that must be found and named, and faults on demand.
#include "harness.h"

void test_faults() {
  {  // one inverted bit, in the largest allocation but one, after the second launch
    auto flip = find<int (*)(int64_t, int, uint64_t, int)>("softcudaInjectBitFlip");
    Buffer a(100 * 4), b(90 * 4), out(80 * 4);
    const std::vector<unsigned> before = b.get<unsigned>(90);
    CHECK_IS(0, flip(2, 1, 90 + 7, 30));
    for (int i = 0; i < 2; i++) {
      CHECK_IS(CUDA_SUCCESS, launch("test_add", {1}, {128}, 0, a.address, a.address, out.address, 80));
      const std::vector<unsigned> after = b.get<unsigned>(90);
      for (size_t j = 0; j < 90; j++) CHECK_IS(i == 1 && j == 7 ? 1u << 30 : 0u, before[j] ^ after[j]);
    }
    CHECK_IS(CUDA_ERROR_INVALID_VALUE, flip(1, 0, 0, 32));
    reset();
  }
  for (int mode = 0; mode < 3; mode++) {
    schedule(mode, 7);
    host_threads(1 + mode);
    checking(1);
    {
      Buffer a(100 * 4), b(100 * 4), out(100 * 4);
      CHECK_IS(CUDA_SUCCESS, launch("test_add", {1}, {128}, 0, a.address, b.address, out.address, 100));
      CHECK_IS(CUDA_ERROR_ILLEGAL_ADDRESS,
               launch("test_add_unchecked", {1}, {128}, 0, a.address, b.address, out.address, 100));
      CHECK(fault_says("kernel test_add_unchecked"));
      CHECK(fault_says("past the end of an allocation of 400 bytes"));
      if (mode == 0) CHECK(fault_says("thread (100, 0, 0) of (128, 1, 1)"));
      CHECK_IS(CUDA_ERROR_ILLEGAL_ADDRESS, synchronize());  // sticky
      reset();
      CHECK_IS(CUDA_SUCCESS, synchronize());
    }
    {  // less than 16 bytes past the end: found by the border bytes after the launch
      Buffer a(128 * 4), b(128 * 4), out(125 * 4);
      CHECK_IS(CUDA_SUCCESS, launch("test_add", {1}, {128}, 0, a.address, b.address, out.address, 125));
      CHECK_IS(CUDA_ERROR_ILLEGAL_ADDRESS,
               launch("test_add", {1}, {128}, 0, a.address, b.address, out.address, 126));
      CHECK(fault_says("kernel test_add"));
      CHECK(fault_says("0 bytes past the end of an allocation of 500 bytes"));
      reset();
    }
    reset();
    {
      Buffer out(4096), in(400);
      CHECK_IS(CUDA_ERROR_LAUNCH_FAILED, launch("test_divergent", {1}, {64}, 0, out.address));
      CHECK(fault_says("kernel test_divergent"));
      CHECK(fault_says("divergent barrier"));
      CHECK(fault_says("kernels.cu:"));
      reset();
      CHECK_IS(CUDA_ERROR_LAUNCH_FAILED, launch("test_deadlock", {1}, {32}, 0, out.address));
      CHECK(fault_says("deadlock"));
      CHECK(fault_says("1 threads at the barrier, 31 in warp collectives"));
      reset();
      CHECK_IS(CUDA_ERROR_ASSERT, launch("test_assert", {1}, {64}, 0, 40));
      CHECK(fault_says("limit"));
      reset();
      CHECK_IS(CUDA_ERROR_ILLEGAL_ADDRESS, launch("test_recurse", {1}, {64}, 0, out.address, 40));
      CHECK(fault_says("stack overflow"));
      reset();
      CHECK_IS(CUDA_ERROR_ILLEGAL_ADDRESS, launch("test_read_shared", {1}, {64}, 0, out.address, 0));
      CHECK(fault_says("dynamic shared memory"));
      reset();
      CHECK_IS(CUDA_ERROR_MISALIGNED_ADDRESS,
               launch("test_copy_async", {1}, {16}, 512, in.address + 4, out.address, 1));
      reset();
    }
    CUdeviceptr gone = 0;
    {
      Buffer freed(4000);
      gone = freed.address;
    }
    CHECK_IS(CUDA_ERROR_ILLEGAL_ADDRESS, launch("test_add", {1}, {64}, 0, gone, gone, gone, 64));
    CHECK(fault_says("freed allocation"));
    reset();
    checking(0);
    CHECK_IS(CUDA_ERROR_ILLEGAL_ADDRESS,
             launch("test_add", {1}, {64}, 0, CUdeviceptr{64}, CUdeviceptr{64}, CUdeviceptr{64}, 64));
    reset();
    test_reduce();  // all is well again
  }
  schedule(0, 0);
  host_threads(1);
}

void test_injection() {
  auto allocate = find<CUresult (*)(CUdeviceptr*, size_t)>("cuMemAlloc_v2");
  auto release = find<CUresult (*)(CUdeviceptr)>("cuMemFree_v2");
  auto live = find<int64_t (*)()>("softcudaLiveBytes");
  const int64_t before = live();
  CUdeviceptr a = 0, b = 0, c = 0;
  find<int (*)(int64_t)>("softcudaInjectAllocFailure")(2);
  CHECK_IS(CUDA_SUCCESS, allocate(&a, 100));
  CHECK_IS(CUDA_ERROR_OUT_OF_MEMORY, allocate(&b, 100));
  CHECK_IS(CUDA_SUCCESS, allocate(&c, 100));
  CHECK_IS(before + 200, live());
  CHECK_IS(CUDA_ERROR_OUT_OF_MEMORY, allocate(&b, size_t{1} << 45));
  CHECK_IS(CUDA_ERROR_OUT_OF_MEMORY, allocate(&b, SIZE_MAX));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, allocate(&b, 0));
  find<int (*)(int64_t)>("softcudaInjectLaunchFailure")(2);
  CHECK_IS(CUDA_SUCCESS, launch("test_add", {1}, {1}, 0, a, a, a, 1));
  CHECK_IS(CUDA_ERROR_LAUNCH_FAILED, launch("test_add", {1}, {1}, 0, a, a, a, 1));
  CHECK(fault_says("injected"));
  CHECK_IS(CUDA_ERROR_LAUNCH_FAILED, synchronize());
  reset();
  find<int (*)()>("softcudaLoseDevice")();
  CHECK_IS(CUDA_ERROR_DEVICE_UNAVAILABLE, synchronize());
  CHECK_IS(CUDA_ERROR_DEVICE_UNAVAILABLE, allocate(&b, 100));
  CHECK_IS(CUDA_ERROR_DEVICE_UNAVAILABLE, release(a));  // frees all the same
  CHECK_IS(before + 100, live());
  reset();
  CHECK_IS(CUDA_SUCCESS, release(c));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, release(c));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, release(12345));
  CHECK_IS(before, live());
}
