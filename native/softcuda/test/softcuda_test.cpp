// Softcuda's self test: softcuda_test LIBSOFTCUDA KERNELS_SO [--time]. Exit status 0 when all checks hold.
#include <fstream>
#include <iterator>

#include "harness.h"

namespace {

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

}  // namespace

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

namespace {

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
  size_t offset = 0, bytes = 0;
  f = function("test_block_sum");  // pointer, long long, pointer
  CHECK_IS(CUDA_SUCCESS, CALL(cuFuncGetParamInfo, f, size_t{1}, &offset, &bytes));
  CHECK(offset == 8 && bytes == 8);
  f = function("test_copy_async");  // pointer, pointer, int
  CHECK_IS(CUDA_SUCCESS, CALL(cuFuncGetParamInfo, f, size_t{2}, &offset, &bytes));
  CHECK(offset == 16 && bytes == 4);
  CHECK_IS(CUDA_ERROR_INVALID_VALUE, CALL(cuFuncGetParamInfo, f, size_t{3}, &offset, &bytes));
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
