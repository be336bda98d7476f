// Softcuda's self test: softcuda_test LIBSOFTCUDA KERNELS_SO. Exit status 0 when all checks hold.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "../cuda_abi.h"

namespace {

int failures = 0;
int checks = 0;

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

void* library;

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

CUmodule module;

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

CUfunction function(const char* name) {
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

std::string last_fault() {
  char text[2000];
  text[0] = 0;
  find<int (*)(char*, int)>("softcudaLastFault")(text, sizeof text);
  return text;
}
bool fault_says(const std::string& part) {
  const bool there = last_fault().find(part) != std::string::npos;
  if (!there) printf("fault is: %s\n", last_fault().c_str());
  return there;
}
void reset() { find<int (*)()>("softcudaReset")(); }
void schedule(int mode, uint64_t seed) { find<int (*)(int, uint64_t)>("softcudaSetSchedule")(mode, seed); }
void host_threads(int count) { find<int (*)(int)>("softcudaSetHostThreads")(count); }
void checking(int on) { find<int (*)(int)>("softcudaSetChecking")(on); }
CUresult synchronize() { return find<CUresult (*)()>("cuCtxSynchronize")(); }

std::vector<float> numbers(size_t count) {
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
const Setting SETTINGS[] = {{0, 0, 1}, {1, 0, 1}, {2, 1, 1}, {2, 2, 3}, {0, 0, 4}};

void test_add() {
  const int n = 1000;
  const std::vector<float> a = numbers(n), b = numbers(2 * n);
  for (const Setting& s : SETTINGS) {
    schedule(s.mode, s.seed);
    host_threads(s.threads);
    Buffer da(n * 4), db(2 * n * 4), out(n * 4);
    da.put(a);
    db.put(b);
    CHECK_IS(CUDA_SUCCESS, launch("test_add", {8}, {128}, 0, da.address, db.address, out.address, n));
    const std::vector<float> sum = out.get<float>(n);
    for (int i = 0; i < n; i++) CHECK(sum[i] == a[i] + b[i]);
  }
}

std::vector<float> reduce(const char* name, const std::vector<float>& in) {
  Buffer from(in.size() * 4), to(in.size() / 256 * 4);
  from.put(in);
  CHECK_IS(CUDA_SUCCESS, launch(name, {static_cast<unsigned>(in.size() / 256)}, {256}, 0, from.address, to.address));
  return to.get<float>(in.size() / 256);
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void test_reduce() {
  const std::vector<float> in = numbers(256 * 20);
  std::vector<float> want;
  for (size_t block = 0; block < 20; block++) {
    std::vector<float> part(in.begin() + 256 * block, in.begin() + 256 * (block + 1));
    for (size_t half = 128; half > 0; half /= 2)
      for (size_t t = 0; t < half; t++) part[t] += part[t + half];
    want.push_back(part[0]);
  }
  bool racy_differs[5];
  int i = 0;
  for (const Setting& s : SETTINGS) {
    schedule(s.mode, s.seed);
    host_threads(s.threads);
    CHECK(same(want, reduce("test_reduce", in)));
    racy_differs[i++] = !same(want, reduce("test_reduce_racy", in));
  }
  CHECK(racy_differs[0]);  // ascending: thread 0 is ahead of its partner
  CHECK(!racy_differs[1]);  // descending happens to be right …
  CHECK(racy_differs[2]);   // … so it takes several schedules to find a missing barrier
  CHECK(racy_differs[3]);
}

void test_early_return() {
  for (const Setting& s : SETTINGS) {
    schedule(s.mode, s.seed);
    for (int stay : {1, 31, 33, 100, 256}) {
      Buffer out(1024 * 4);
      CHECK_IS(CUDA_SUCCESS, launch("test_early_return", {1}, {256}, 0, out.address, stay));
      const std::vector<int> got = out.get<int>(static_cast<size_t>(stay));
      for (int t = 0; t < stay; t++) CHECK_IS(t + 1, got[t]);
    }
  }
}

void test_shuffle() {
  const std::vector<float> in = numbers(64);
  for (const Setting& s : SETTINGS) {
    schedule(s.mode, s.seed);
    Buffer from(64 * 4), to(64 * 4), votes(256 * 4);
    from.put(in);
    CHECK_IS(CUDA_SUCCESS, launch("test_shuffle", {1}, {64}, 0, from.address, to.address, votes.address));
    const std::vector<float> got = to.get<float>(64);
    const std::vector<unsigned> vote = votes.get<unsigned>(256);
    for (unsigned t = 0; t < 64; t++) {
      const unsigned base = t / 32 * 32;
      float part[32];
      for (unsigned l = 0; l < 32; l++) part[l] = in[base + l];
      for (int half = 16; half > 0; half /= 2)
        for (int l = 0; l < half; l++) part[l] += part[l + half];
      CHECK(got[t] == part[0]);
      unsigned odd = 0;
      for (unsigned l = 0; l < 32; l++) odd |= ((base + l) % 3 == 0 ? 1u : 0u) << l;
      CHECK_IS(odd, vote[4 * t]);
      CHECK_IS(t >= 32 ? 2 : 1, vote[4 * t + 1]);
      CHECK_IS(t % 8 == 0 ? t : t - 1, vote[4 * t + 2]);
      CHECK_IS(t ^ 5, vote[4 * t + 3]);
    }
  }
}

void test_barriers() {
  for (const Setting& s : SETTINGS) {
    schedule(s.mode, s.seed);
    for (int n : {1, 2, 31, 32, 33, 1024}) {
      Buffer out(1024 * 4);
      CHECK_IS(CUDA_SUCCESS, launch("test_many_barriers", {1}, {static_cast<unsigned>(n)}, 0, out.address, 50));
      const std::vector<int> got = out.get<int>(static_cast<size_t>(n));
      for (int t = 0; t < n; t++) CHECK_IS((t + 50) % n, got[t]);
    }
  }
}

void test_coordinates() {
  for (const Setting& s : SETTINGS) {
    schedule(s.mode, s.seed);
    host_threads(s.threads);
    const size_t threads = 5 * 3 * 2, blocks = 4 * 3 * 2;
    Buffer counts(threads * blocks * 4), total(8);
    counts.put(std::vector<unsigned>(threads * blocks, 0));
    total.put(std::vector<unsigned long long>(1, 0));
    CHECK_IS(CUDA_SUCCESS, launch("test_coordinates", {4, 3, 2}, {5, 3, 2}, 0, counts.address, total.address));
    for (unsigned c : counts.get<unsigned>(threads * blocks)) CHECK_IS(1, c);
    unsigned long long want = 0;
    for (size_t b = 0; b < blocks; b++)
      for (size_t t = 0; t < threads; t++) want += b * 1000 + t;
    CHECK_IS(want, total.get<unsigned long long>(1)[0]);
  }
}

void test_poison() {
  schedule(0, 0);
  host_threads(1);
  for (int round = 0; round < 2; round++) {
    Buffer out(64 * 4);
    CHECK_IS(CUDA_SUCCESS, launch("test_read_shared", {1}, {32}, 128, out.address, 0));
    for (float v : out.get<float>(64)) CHECK(v != v);
    Buffer fresh(400);
    for (float v : fresh.get<float>(100)) CHECK(v != v);
    reduce("test_reduce", numbers(256));  // leaves values behind in shared memory
  }
}

void test_copy_async() {
  const std::vector<float> in = numbers(128);
  for (int wait : {1, 0}) {
    Buffer from(512), to(512);
    from.put(in);
    CHECK_IS(CUDA_SUCCESS, launch("test_copy_async", {1}, {32}, 512, from.address, to.address, wait));
    const std::vector<float> got = to.get<float>(128);
    for (int t = 0; t < 32; t++)
      for (int i = 0; i < 4; i++) {
        const int source = 31 - t;
        const float v = got[4 * t + i];
        CHECK(wait ? v == (source == 1 ? 0 : in[4 * source + i]) : v != v);
      }
  }
}

void test_limits() {
  Buffer out(4096);
  const CUdeviceptr at = out.address;
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, launch("test_add", {1}, {1025}, 0, at, at, at, 0));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, launch("test_add", {1}, {32, 33}, 0, at, at, at, 0));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, launch("test_add", {1}, {1, 1, 65}, 0, at, at, at, 0));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, launch("test_add", {0}, {1}, 0, at, at, at, 0));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, launch("test_add", {1, 65536}, {1}, 0, at, at, at, 0));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, launch("test_add", {1, 1, 65536}, {1}, 0, at, at, at, 0));
  CHECK_IS(CUDA_SUCCESS, launch("test_add", {1, 65535}, {1}, 0, at, at, at, 0));
  CHECK_IS(CUDA_SUCCESS, launch("test_add", {1}, {1}, 48 * 1024, at, at, at, 0));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, launch("test_add", {1}, {1}, 48 * 1024 + 1, at, at, at, 0));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, CALL(cuFuncSetAttribute, function("test_add"), 8, 227 * 1024 + 1));
  CHECK_IS(CUDA_SUCCESS, CALL(cuFuncSetAttribute, function("test_add"), 8, 227 * 1024));
  CHECK_IS(CUDA_SUCCESS, launch("test_add", {1}, {1}, 227 * 1024, at, at, at, 0));
  CHECK_IS(CUDA_SUCCESS, synchronize());
}

void test_faults() {
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

void test_handles() {
  auto copy = find<CUresult (*)(CUdeviceptr, const void*, size_t)>("cuMemcpyHtoD_v2");
  char host[256] = {};
  Buffer buffer(100);
  CHECK_IS(CUDA_SUCCESS, copy(buffer.address, host, 100));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, copy(buffer.address, host, 101));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, copy(buffer.address + 90, host, 11));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, copy(reinterpret_cast<CUdeviceptr>(host), host, 10));
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, copy(0, host, 10));
  CUstream stream = nullptr;
  CHECK_IS(CUDA_SUCCESS, CALL(cuStreamCreate, &stream, 1));
  CHECK_IS(CUDA_SUCCESS, CALL(cuStreamSynchronize, stream));
  CUevent start = nullptr, end = nullptr;
  CHECK_IS(CUDA_SUCCESS, CALL(cuEventCreate, &start, 0));
  CHECK_IS(CUDA_SUCCESS, CALL(cuEventCreate, &end, 0));
  float milliseconds = -1;
  CHECK_IS(CUDA_ERROR_INVALID_HANDLE, CALL(cuEventElapsedTime, &milliseconds, start, end));
  CHECK_IS(CUDA_SUCCESS, CALL(cuEventRecord, start, stream));
  CHECK_IS(CUDA_SUCCESS, CALL(cuEventRecord, end, stream));
  CHECK_IS(CUDA_SUCCESS, CALL(cuEventElapsedTime, &milliseconds, start, end));
  CHECK(milliseconds >= 0);
  CHECK_IS(CUDA_SUCCESS, CALL(cuStreamWaitEvent, stream, end, 0));
  CHECK_IS(CUDA_SUCCESS, CALL(cuEventDestroy_v2, start));
  CHECK_IS(CUDA_ERROR_INVALID_HANDLE, CALL(cuEventDestroy_v2, start));
  CHECK_IS(CUDA_SUCCESS, CALL(cuEventDestroy_v2, end));
  CHECK_IS(CUDA_SUCCESS, CALL(cuStreamDestroy_v2, stream));
  CHECK_IS(CUDA_ERROR_INVALID_HANDLE, CALL(cuStreamSynchronize, stream));
  CUfunction f = nullptr;
  CHECK_IS(CUDA_ERROR_NOT_FOUND, CALL(cuModuleGetFunction, &f, module, "no_such_kernel"));
  CUmodule bad = nullptr;
  char image[64] = "not an image";
  CHECK_IS(CUDA_ERROR_INVALID_IMAGE, CALL(cuModuleLoadData, &bad, image));
  CHECK_IS(CUDA_ERROR_INVALID_IMAGE, CALL(cuModuleLoadData, &bad, "//\n.version 9.0\n.target sm_90\n.address_size 64\n                  "));
  CHECK_IS(CUDA_ERROR_INVALID_HANDLE, CALL(cuModuleUnload, CUmodule(image)));
  void* address = nullptr;
  CHECK_IS(CUDA_SUCCESS, CALL(cuGetProcAddress, "cuMemAlloc", &address, 13000, 0ull));
  CHECK(address == dlsym(library, "cuMemAlloc_v2"));
  const char* name = nullptr;
  CHECK_IS(CUDA_SUCCESS, CALL(cuGetErrorName, 700, &name));
  CHECK(std::string(name) == "CUDA_ERROR_ILLEGAL_ADDRESS");
}

// The contract's sums, level by level, as numerics.md words them.
float level_sums(std::vector<float> terms, size_t cut, bool lanes) {
  do {
    std::vector<float> partials;
    for (size_t start = 0; start < terms.size(); start += cut) {
      const size_t n = std::min(cut, terms.size() - start);
      std::vector<float> acc(terms.begin() + start, terms.begin() + start + (lanes ? std::min<size_t>(n, 32) : 1));
      for (size_t i = acc.size(); i < n; i++) acc[i % (lanes ? 32 : 1)] += terms[start + i];
      for (size_t half = 16; half > 0; half /= 2) {
        for (size_t j = 0; j + half < acc.size(); j++)
          if (j < half) acc[j] += acc[j + half];
        if (acc.size() > half) acc.resize(half);
      }
      partials.push_back(acc[0]);
    }
    terms = partials;
  } while (terms.size() > 1);
  return terms[0];
}

void test_sums() {
  const size_t counts[] = {1, 2, 31, 32, 33, 63, 64, 1000, 1023, 1024, 1025, 2047, 3073, 32768, 32769, 40000, 1 << 20, (1 << 20) + 1, 1100000};
  for (size_t count : counts) {
    std::vector<float> in = numbers(count);
    if (count == 33) in.assign(count, -0.0f);
    const float block = level_sums(in, 1024, true);
    const float run = level_sums(in, 32, false);
    for (const Setting& s : SETTINGS) {
      if (count > 40000 && s.mode == 2 && s.seed == 2) continue;
      schedule(s.mode, s.seed);
      for (unsigned threads : {32u, 256u, 1024u}) {
        if (count > 40000 && threads != 256) continue;
        Buffer from(count * 4), to((2 * threads + 1) * 4);
        from.put(in);
        const long long n = static_cast<long long>(count);
        CHECK_IS(CUDA_SUCCESS, launch("test_block_sum", {1}, {threads}, 0, from.address, n, to.address));
        bool all = true;
        for (float v : to.get<float>(2 * threads)) all &= memcmp(&v, &block, 4) == 0;
        CHECK(all);
        CHECK_IS(CUDA_SUCCESS, launch("test_run_sum", {1}, {threads}, 0, from.address, n, to.address));
        all = true;
        for (float v : to.get<float>(threads + 1)) all &= memcmp(&v, &run, 4) == 0;
        CHECK(all);
      }
    }
  }
  schedule(0, 0);
  const std::vector<long long> k = {0, 1, 512, 16384, 16385, 32768, 32769, 1000000, 1ll << 40};
  const std::vector<long long> want = {512, 512, 512, 512, 1024, 1024, 1536, 512 * 62, 512 * (1ll << 26)};
  Buffer from(k.size() * 8), to(k.size() * 8);
  from.put(k);
  CHECK_IS(CUDA_SUCCESS, launch("test_chunk", {1}, {static_cast<unsigned>(k.size())}, 0, from.address, to.address));
  const std::vector<long long> got = to.get<long long>(k.size());
  for (size_t i = 0; i < k.size(); i++) CHECK_IS(want[i], got[i]);
}

void test_select() {
  const float nan = std::nanf(""), inf = INFINITY;
  const std::vector<float> v = {0.0f, -0.0f, 1.0f, -1.0f, inf, -inf, nan, 1e-45f, -1e-45f, 3.5f};
  const int n = static_cast<int>(v.size());
  Buffer from(v.size() * 4), up(v.size() * v.size() * 4), down(v.size() * v.size() * 4);
  from.put(v);
  CHECK_IS(CUDA_SUCCESS, launch("test_select", {1}, {static_cast<unsigned>(n)}, 0, from.address, n, up.address, down.address));
  const std::vector<float> most = up.get<float>(v.size() * v.size()), least = down.get<float>(v.size() * v.size());
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const float a = v[i], b = v[j], hi = most[i * n + j], lo = least[i * n + j];
      if (a != a || b != b) {
        CHECK(hi != hi && lo != lo);
        continue;
      }
      const bool less = a < b || (a == b && std::signbit(a) && !std::signbit(b));
      const float want_hi = less ? b : a, want_lo = less ? a : b;
      CHECK(memcmp(&hi, &want_hi, 4) == 0 && memcmp(&lo, &want_lo, 4) == 0);
    }
}

void timings() {
  schedule(0, 0);
  host_threads(1);
  const int n = 1 << 24;
  Buffer a(4ull * n), out(4096 * 4);
  for (int round = 0; round < 2; round++) {
    auto t0 = std::chrono::steady_clock::now();
    launch("test_add", {n / 256}, {256}, 0, a.address, a.address, a.address, n);
    auto t1 = std::chrono::steady_clock::now();
    launch("test_many_barriers", {1}, {256}, 0, out.address, 10000);
    auto t2 = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; i++) launch("test_add", {1}, {1}, 0, a.address, a.address, a.address, 1);
    auto t3 = std::chrono::steady_clock::now();
    using ns = std::chrono::duration<double, std::nano>;
    if (round == 1)
      printf("roughly: %.2f ns a thread without barrier, %.2f ns a thread and barrier, %.2f us a launch\n",
             ns(t1 - t0).count() / n, ns(t2 - t1).count() / (256.0 * 20001), ns(t3 - t2).count() / 1e6);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: softcuda_test LIBSOFTCUDA KERNELS_SO [--time]\n");
    return 2;
  }
  library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  std::ifstream file(arguments[2], std::ios::binary);
  const std::vector<char> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  CHECK_IS(CUDA_ERROR_NOT_INITIALIZED, synchronize());
  CHECK_IS(CUDA_SUCCESS, CALL(cuInit, 0));
  CHECK_IS(CUDA_ERROR_INVALID_CONTEXT, synchronize());
  CUcontext context = nullptr;
  CHECK_IS(CUDA_ERROR_INVALID_DEVICE, CALL(cuDevicePrimaryCtxRetain, &context, 1));
  CHECK_IS(CUDA_SUCCESS, CALL(cuDevicePrimaryCtxRetain, &context, 0));
  CHECK_IS(CUDA_SUCCESS, CALL(cuCtxSetCurrent, context));
  for (int again = 0; again < 2; again++) {
    CHECK_IS(CUDA_SUCCESS, CALL(cuModuleLoadData, &module, image.data()));
    test_add();
    test_reduce();
    test_early_return();
    test_shuffle();
    test_barriers();
    test_coordinates();
    test_poison();
    test_copy_async();
    test_limits();
    test_faults();
    test_injection();
    test_handles();
    test_sums();
    test_select();
    if (again == 0) CHECK_IS(CUDA_SUCCESS, CALL(cuModuleUnload, module));
  }
  if (count > 3) timings();
  CHECK_IS(CUDA_SUCCESS, CALL(cuDevicePrimaryCtxRelease_v2, 0));
  CHECK_IS(CUDA_ERROR_CONTEXT_IS_DESTROYED, synchronize());
  CHECK_IS(0, find<int64_t (*)()>("softcudaLiveBytes")());
  printf("softcuda: %d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
