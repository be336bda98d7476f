// Driver entry points: initialisation, the device, contexts, error names.
#include <cstdio>
#include <cstring>

#include "runtime.h"

namespace softcuda {

static __thread CUcontext current __attribute__((tls_model("initial-exec")));
static __thread CUcontext pushed[16] __attribute__((tls_model("initial-exec")));
static __thread int pushed_count __attribute__((tls_model("initial-exec")));

CUcontext current_context() { return current; }

CUresult check_ready(Device& d) {
  if (!d.initialized) return CUDA_ERROR_NOT_INITIALIZED;
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (d.contexts.count(current) == 0 || !current->alive) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  return d.sticky;
}

bool valid_stream(const Device& d, CUstream stream) {
  return reinterpret_cast<uintptr_t>(stream) <= 2 || d.streams.count(stream) != 0;  // 0, legacy, per-thread
}

void Device::destroy_context_state() {
  while (!modules.empty()) unload_module(*this, *modules.begin());
  for (CUstream s : streams) delete s;
  for (CUevent e : events) delete e;
  for (CUgraph g : graphs) delete g;
  for (CUgraphExec g : graph_execs) delete g;
  streams.clear();
  events.clear();
  graphs.clear();
  graph_execs.clear();
  memory.release_all();
}

}  // namespace softcuda

using namespace softcuda;

#define SOFTCUDA_INITIALIZED \
  SOFTCUDA_LOCK;             \
  (void)d;                   \
  if (!Device::initialized) return CUDA_ERROR_NOT_INITIALIZED
#define SOFTCUDA_DEVICE(number)                                             \
  std::lock_guard<std::recursive_mutex> guard(Device::lock);               \
  if (!Device::initialized) return CUDA_ERROR_NOT_INITIALIZED;              \
  Device* const numbered = device_at(number);                               \
  if (numbered == nullptr) return CUDA_ERROR_INVALID_DEVICE;                \
  [[maybe_unused]] Device& d = *numbered

CUDA_API cuInit(unsigned flags) {
  SOFTCUDA_LOCK;
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
#ifdef __x86_64__
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2")) {
    fprintf(stderr, "softcuda: this CPU lacks FMA or AVX2; without hardware FMA the bits would differ\n");
    return CUDA_ERROR_NOT_SUPPORTED;
  }
#endif
  d.initialized = true;
  return CUDA_SUCCESS;
}

CUDA_API cuDriverGetVersion(int* version) {
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *version = 13000;
  return CUDA_SUCCESS;
}

CUDA_API cuDeviceGetCount(int* count) {
  SOFTCUDA_INITIALIZED;
  if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<int>(all_devices().size());
  return CUDA_SUCCESS;
}

CUDA_API cuDeviceGet(CUdevice* device, int ordinal) {
  SOFTCUDA_DEVICE(ordinal);
  if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *device = d.ordinal;
  return CUDA_SUCCESS;
}

CUDA_API cuDeviceGetName(char* name, int length, CUdevice device) {
  SOFTCUDA_DEVICE(device);
  if (name == nullptr || length < 1) return CUDA_ERROR_INVALID_VALUE;
  snprintf(name, static_cast<size_t>(length), "softcuda");
  return CUDA_SUCCESS;
}

CUDA_API cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
  SOFTCUDA_DEVICE(device);
  if (bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *bytes = d.options.memory;
  return CUDA_SUCCESS;
}

static CUresult device_uuid(CUuuid* uuid, CUdevice device) {
  SOFTCUDA_DEVICE(device);
  if (uuid == nullptr) return CUDA_ERROR_INVALID_VALUE;
  memcpy(uuid->bytes, "softcuda device\0", 16);
  uuid->bytes[15] = static_cast<char>(d.ordinal);
  return CUDA_SUCCESS;
}
CUDA_API cuDeviceGetUuid(CUuuid* uuid, CUdevice device) { return device_uuid(uuid, device); }
CUDA_API cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice device) { return device_uuid(uuid, device); }

CUDA_API cuDeviceGetAttribute(int* value, int attribute, CUdevice device) {
  SOFTCUDA_DEVICE(device);
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  switch (attribute) {
    case 1: *value = 1024; break;            // MAX_THREADS_PER_BLOCK
    case 2: case 3: *value = 1024; break;    // MAX_BLOCK_DIM_X, Y
    case 4: *value = 64; break;              // MAX_BLOCK_DIM_Z
    case 5: *value = 0x7fffffff; break;      // MAX_GRID_DIM_X
    case 6: case 7: *value = 65535; break;   // MAX_GRID_DIM_Y, Z
    case 8: *value = DEFAULT_SHARED; break;  // MAX_SHARED_MEMORY_PER_BLOCK
    case 9: *value = 64 * 1024; break;       // TOTAL_CONSTANT_MEMORY
    case 10: *value = 32; break;             // WARP_SIZE
    case 12: *value = 65536; break;          // MAX_REGISTERS_PER_BLOCK
    case 13: *value = 1000000; break;        // CLOCK_RATE in kHz: nominal
    case 14: *value = 256; break;            // TEXTURE_ALIGNMENT
    case 16: *value = d.options.host_threads; break;  // MULTIPROCESSOR_COUNT
    case 18: *value = 1; break;              // INTEGRATED
    case 19: *value = 1; break;              // CAN_MAP_HOST_MEMORY
    case 31: *value = 1; break;              // CONCURRENT_KERNELS
    case 36: *value = 1000000; break;        // MEMORY_CLOCK_RATE: nominal
    case 37: *value = 64; break;             // GLOBAL_MEMORY_BUS_WIDTH: nominal
    case 38: *value = 1 << 20; break;        // L2_CACHE_SIZE: nominal
    case 39: *value = 1024; break;           // MAX_THREADS_PER_MULTIPROCESSOR
    case 41: *value = 1; break;              // UNIFIED_ADDRESSING
    case 75: *value = 9; break;              // COMPUTE_CAPABILITY_MAJOR
    case 76: *value = 0; break;              // COMPUTE_CAPABILITY_MINOR
    case 81: *value = MAX_SHARED + 1024; break;  // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
    case 82: *value = 65536; break;          // MAX_REGISTERS_PER_MULTIPROCESSOR
    case 97: *value = MAX_SHARED; break;     // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    case 106: *value = 1; break;             // MAX_BLOCKS_PER_MULTIPROCESSOR
    case 111: *value = 1024; break;          // RESERVED_SHARED_MEMORY_PER_BLOCK
    case 115: *value = 1; break;             // MEMORY_POOLS_SUPPORTED
    default:
      if (attribute < 1) return CUDA_ERROR_INVALID_VALUE;
      *value = 0;  // a feature that softcuda has not
  }
  return CUDA_SUCCESS;
}

// ---- contexts ----

CUDA_API cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  SOFTCUDA_DEVICE(device);
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (d.sticky != CUDA_SUCCESS) return d.sticky;
  d.primary_users++;
  d.primary.alive = true;
  *context = &d.primary;
  return CUDA_SUCCESS;
}

CUDA_API cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  SOFTCUDA_DEVICE(device);
  if (d.primary_users == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (--d.primary_users == 0) {
    d.primary.alive = false;
    d.destroy_context_state();
  }
  return CUDA_SUCCESS;
}

CUDA_API cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
  SOFTCUDA_DEVICE(device);
  if (flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = 0;
  *active = d.primary.alive ? 1 : 0;
  return CUDA_SUCCESS;
}

CUDA_API cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned) {
  SOFTCUDA_DEVICE(device);
  return CUDA_SUCCESS;
}

// Contexts beside the primary one share the device's memory; they exist for callers such as JCuda's samples.
CUDA_API cuCtxCreate_v2(CUcontext* context, unsigned, CUdevice device) {
  SOFTCUDA_DEVICE(device);
  if (context == nullptr || pushed_count == 16) return CUDA_ERROR_INVALID_VALUE;
  if (d.sticky != CUDA_SUCCESS) return d.sticky;
  *context = new CUctx_st{false, true, &d};
  d.contexts.insert(*context);
  pushed[pushed_count++] = current;
  current = *context;
  return CUDA_SUCCESS;
}
CUDA_API cuCtxCreate_v4(CUcontext* context, void*, unsigned flags, CUdevice device) {
  return cuCtxCreate_v2(context, flags, device);
}

CUDA_API cuCtxDestroy_v2(CUcontext context) {
  SOFTCUDA_INITIALIZED;
  Device* const owner = device_of(context);
  if (owner == nullptr || context->primary) return CUDA_ERROR_INVALID_CONTEXT;
  if (current == context) current = pushed_count > 0 ? pushed[--pushed_count] : nullptr;
  owner->contexts.erase(context);
  delete context;
  return CUDA_SUCCESS;
}

CUDA_API cuCtxSetCurrent(CUcontext context) {
  SOFTCUDA_INITIALIZED;
  if (context != nullptr && (device_of(context) == nullptr || !context->alive)) return CUDA_ERROR_INVALID_CONTEXT;
  current = context;
  return CUDA_SUCCESS;
}

CUDA_API cuCtxGetCurrent(CUcontext* context) {
  SOFTCUDA_INITIALIZED;
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *context = current;
  return CUDA_SUCCESS;
}

CUDA_API cuCtxPushCurrent_v2(CUcontext context) {
  SOFTCUDA_INITIALIZED;
  if (device_of(context) == nullptr || !context->alive) return CUDA_ERROR_INVALID_CONTEXT;
  if (pushed_count == 16) return CUDA_ERROR_INVALID_VALUE;
  pushed[pushed_count++] = current;
  current = context;
  return CUDA_SUCCESS;
}

CUDA_API cuCtxPopCurrent_v2(CUcontext* context) {
  SOFTCUDA_INITIALIZED;
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (context != nullptr) *context = current;
  current = pushed_count > 0 ? pushed[--pushed_count] : nullptr;
  return CUDA_SUCCESS;
}

CUDA_API cuCtxGetDevice(CUdevice* device) {
  SOFTCUDA_INITIALIZED;
  if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  *device = d.ordinal;
  return CUDA_SUCCESS;
}

CUDA_API cuCtxSynchronize() {
  SOFTCUDA_READY;
  return CUDA_SUCCESS;
}

CUDA_API cuCtxGetApiVersion(CUcontext, unsigned* version) {
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *version = 13000;
  return CUDA_SUCCESS;
}

// ---- errors ----

static const char* code_text(CUresult code, bool name) {
  switch (code) {
#define X(id, value, text) \
  case value: return name ? #id : text;
    CUDA_CODES(X)
#undef X
    default: return nullptr;
  }
}

CUDA_API cuGetErrorName(CUresult code, const char** text) {
  if (text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *text = code_text(code, true);
  return *text == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUDA_API cuGetErrorString(CUresult code, const char** text) {
  if (text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *text = code_text(code, false);
  return *text == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
