// What a C program pays to launch a kernel: the peer of scripts/bench launch. It opens the driver library that ours has
// open, by its name, and then goes its own way: module, stream, arguments, graph, and loops around the same entry points.
// Arguments are written anew for each launch, as ours are. Every function returns a CUresult, or −1 for a missing entry
// point; loops return nanoseconds, or a failure below 0.
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

namespace {

constexpr unsigned NON_BLOCKING = 1;  // CU_STREAM_NON_BLOCKING
constexpr int RELAXED = 2;            // CU_STREAM_CAPTURE_MODE_RELAXED

int (*init)(unsigned);
int (*retain)(void**, int);
int (*release)(int);
int (*set_current)(void*);
int (*load)(void**, const void*);
int (*unload)(void*);
int (*get_function)(void**, void*, const char*);
int (*stream_create)(void**, unsigned);
int (*stream_destroy)(void*);
int (*synchronize)(void*);
int (*begin_capture)(void*, int);
int (*end_capture)(void*, void**);
int (*instantiate)(void**, void*, unsigned long long);
int (*graph_launch)(void*, void*);
int (*graph_destroy)(void*);
int (*exec_destroy)(void*);
int (*launch_kernel)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);

int ordinal;
void *context, *module, *function, *stream, *graph, *exec;

// The arguments of probe_fill: no element, so that the kernel does nothing.
struct Arguments {
  uint64_t values;
  int64_t n;
  float value;
  void* pointers[3] = {&values, &n, &value};
};
Arguments arguments;

template <typename F>
bool find(void* library, const char* name, F& f) {
  f = reinterpret_cast<F>(dlsym(library, name));
  return f != nullptr;
}

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * int64_t{1000000000} + t.tv_nsec;
}

int launch(uint64_t values, float value) {
  arguments.values = values;
  arguments.n = 0;
  arguments.value = value;
  return launch_kernel(function, 1, 1, 1, 1, 1, 1, 0, stream, arguments.pointers, nullptr);
}

}  // namespace

extern "C" {

int launch_baseline_open(const char* library, int device, const void* image, const char* symbol) {
  void* l = dlopen(library, RTLD_NOW);
  if (l == nullptr || !find(l, "cuInit", init) || !find(l, "cuDevicePrimaryCtxRetain", retain) ||
      !find(l, "cuDevicePrimaryCtxRelease_v2", release) || !find(l, "cuCtxSetCurrent", set_current) ||
      !find(l, "cuModuleLoadData", load) || !find(l, "cuModuleUnload", unload) ||
      !find(l, "cuModuleGetFunction", get_function) || !find(l, "cuStreamCreate", stream_create) ||
      !find(l, "cuStreamDestroy_v2", stream_destroy) || !find(l, "cuStreamSynchronize", synchronize) ||
      !find(l, "cuStreamBeginCapture_v2", begin_capture) || !find(l, "cuStreamEndCapture", end_capture) ||
      !find(l, "cuGraphInstantiateWithFlags", instantiate) || !find(l, "cuGraphLaunch", graph_launch) ||
      !find(l, "cuGraphDestroy", graph_destroy) || !find(l, "cuGraphExecDestroy", exec_destroy) ||
      !find(l, "cuLaunchKernel", launch_kernel))
    return -1;
  ordinal = device;
  int e = init(0);
  if (e == 0) e = retain(&context, device);
  if (e == 0) e = set_current(context);
  if (e == 0) e = load(&module, image);
  if (e == 0) e = get_function(&function, module, symbol);
  if (e == 0) e = stream_create(&stream, NON_BLOCKING);
  return e;
}

// Launches queued one after the other; with `current`, the context is made current before each, as ours is.
int64_t launch_baseline_run(int64_t launches, int current, uint64_t values) {
  const int64_t start = now();
  for (int64_t i = 0; i < launches; i++) {
    if (current)
      if (int e = set_current(context)) return -e;
    if (int e = launch(values, static_cast<float>(i))) return -e;
  }
  return now() - start;
}

// Launches into a stream that is being captured: they are recorded and not run.
int64_t launch_baseline_record(int64_t launches, uint64_t values) {
  void* recorded = nullptr;
  if (int e = begin_capture(stream, RELAXED)) return -e;
  const int64_t nanos = launch_baseline_run(launches, 0, values);
  int e = end_capture(stream, &recorded);
  if (e == 0) e = graph_destroy(recorded);
  return e == 0 ? nanos : -e;
}

int launch_baseline_capture(int launches, uint64_t values) {
  int e = begin_capture(stream, RELAXED);
  for (int i = 0; e == 0 && i < launches; i++) e = launch(values, static_cast<float>(i));
  const int ended = end_capture(stream, &graph);
  if (e == 0) e = ended;
  return e == 0 ? instantiate(&exec, graph, 0) : e;
}

int64_t launch_baseline_replay(int64_t times) {
  const int64_t start = now();
  for (int64_t i = 0; i < times; i++)
    if (int e = graph_launch(exec, stream)) return -e;
  return now() - start;
}

int launch_baseline_synchronize() { return synchronize(stream); }

int launch_baseline_close() {
  int e = synchronize(stream);
  if (exec != nullptr && e == 0) e = exec_destroy(exec);
  if (graph != nullptr && e == 0) e = graph_destroy(graph);
  if (e == 0) e = stream_destroy(stream);
  if (e == 0) e = unload(module);
  if (e == 0) e = release(ordinal);
  return e;
}
}
