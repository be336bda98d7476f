// What the parts of softcuda's self test share: checks, the library under test, launches in one line.
#pragma once

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../cuda_abi.h"

inline int failures = 0;
inline int checks = 0;

#define CHECK(condition)                                                   \
  do {                                                                     \
    checks++;                                                              \
    if (!(condition)) {                                                    \
      failures++;                                                          \
      printf("FAILED %s:%d: %s\n", __FILE__, __LINE__, #condition);        \
    }                                                                      \
  } while (0)
#define CHECK_IS(expected, actual)                                                            \
  do {                                                                                        \
    checks++;                                                                                 \
    const long long is_want = (long long)(expected), is_got = (long long)(actual);                 \
    if (is_want != is_got) {                                                                      \
      failures++;                                                                             \
      printf("FAILED %s:%d: %s is %lld, want %lld\n", __FILE__, __LINE__, #actual, is_got, is_want); \
    }                                                                                         \
  } while (0)

inline void* library;

template <class F>
F find(const char* name) {
  void* address = dlsym(library, name);
  if (address == nullptr) {
    printf("FAILED: %s is not exported\n", name);
    exit(1);
  }
  return reinterpret_cast<F>(address);
}
#define CALL(name, ...) find<CUresult (*)(...)>(#name)(__VA_ARGS__)

inline CUmodule module;

struct Buffer {
  CUdeviceptr address = 0;
  explicit Buffer(size_t bytes) {
    auto allocate = find<CUresult (*)(CUdeviceptr*, size_t)>("cuMemAlloc_v2");
    CHECK_IS(CUDA_SUCCESS, allocate(&address, bytes));
  }
  ~Buffer() { find<CUresult (*)(CUdeviceptr)>("cuMemFree_v2")(address); }
  template <class T>
  void put(const std::vector<T>& values) {
    auto copy = find<CUresult (*)(CUdeviceptr, const void*, size_t)>("cuMemcpyHtoD_v2");
    CHECK_IS(CUDA_SUCCESS, copy(address, values.data(), values.size() * sizeof(T)));
  }
  template <class T>
  std::vector<T> get(size_t count) {
    std::vector<T> values(count);
    auto copy = find<CUresult (*)(void*, CUdeviceptr, size_t)>("cuMemcpyDtoH_v2");
    CHECK_IS(CUDA_SUCCESS, copy(values.data(), address, count * sizeof(T)));
    return values;
  }
};

inline CUfunction function(const char* name) {
  CUfunction f = nullptr;
  auto get = find<CUresult (*)(CUfunction*, CUmodule, const char*)>("cuModuleGetFunction");
  CHECK_IS(CUDA_SUCCESS, get(&f, module, name));
  return f;
}

struct Dim {
  unsigned x = 1, y = 1, z = 1;
};

template <class... A>
CUresult launch(const char* name, Dim grid, Dim block, unsigned shared, A... arguments) {
  void* parameters[] = {&arguments..., nullptr};
  auto go = find<CUresult (*)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                              CUstream, void**, void**)>("cuLaunchKernel");
  return go(function(name), grid.x, grid.y, grid.z, block.x, block.y, block.z, shared, nullptr, parameters, nullptr);
}

inline std::string last_fault() {
  char text[2000];
  text[0] = 0;
  find<int (*)(char*, int)>("softcudaLastFault")(text, sizeof text);
  return text;
}
inline bool fault_says(const std::string& part) {
  const bool there = last_fault().find(part) != std::string::npos;
  if (!there) printf("fault is: %s\n", last_fault().c_str());
  return there;
}
inline void reset() { find<int (*)()>("softcudaReset")(); }
inline void schedule(int mode, uint64_t seed) { find<int (*)(int, uint64_t)>("softcudaSetSchedule")(mode, seed); }
inline void host_threads(int count) { find<int (*)(int)>("softcudaSetHostThreads")(count); }
inline void checking(int on) { find<int (*)(int)>("softcudaSetChecking")(on); }
inline CUresult synchronize() { return find<CUresult (*)()>("cuCtxSynchronize")(); }

inline std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  uint64_t random = 1;
  for (float& v : values) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    v = static_cast<float>(static_cast<int32_t>(random >> 32)) * 1e-6f;
  }
  return values;
}

struct Setting {
  int mode;
  uint64_t seed;
  int threads;
};
// Schedules and host threads that must not change a result.
inline const Setting SETTINGS[] = {{0, 0, 1}, {1, 0, 1}, {2, 1, 1}, {2, 2, 3}, {0, 0, 4}};

void test_reduce();
void test_faults();
void test_injection();
void test_sums();
void test_select();
void timings();
