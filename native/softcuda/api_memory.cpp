// Driver entry points: device and pinned memory, copies, fills, pools. Stream order is trivial, since each
// call has run to its end when it returns.
#include <cstring>

#include "runtime.h"

using namespace softcuda;

namespace {

CUresult allocate(Device& d, uint64_t* address, size_t bytes, bool host) {
  if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  if (d.fail_allocation > 0 && --d.fail_allocation == 0) return CUDA_ERROR_OUT_OF_MEMORY;
  *address = d.memory.allocate(bytes, host, d.options);
  return *address == 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

// Frees also on a lost device, so that accounts stay right, but still reports it lost.
CUresult release(Device& d, uint64_t address, bool host) {
  if (!d.initialized) return CUDA_ERROR_NOT_INITIALIZED;
  if (address == 0) return d.sticky;
  std::string damage;
  if (!d.memory.free(address, host, &damage)) return d.sticky != CUDA_SUCCESS ? d.sticky : CUDA_ERROR_INVALID_VALUE;
  if (!damage.empty() && d.sticky == CUDA_SUCCESS)
    d.lose(CUDA_ERROR_ILLEGAL_ADDRESS, "found when freeing: " + damage);
  return d.sticky;
}

bool on_device(const Device& d, CUdeviceptr address, size_t bytes) {
  return d.memory.find(address, bytes) != nullptr;
}

CUresult copy(Device& d, void* to, bool to_device, const void* from, bool from_device, size_t bytes) {
  if (bytes == 0) return CUDA_SUCCESS;
  if (to == nullptr || from == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (to_device && !on_device(d, reinterpret_cast<CUdeviceptr>(to), bytes)) return CUDA_ERROR_INVALID_VALUE;
  if (from_device && !on_device(d, reinterpret_cast<CUdeviceptr>(from), bytes)) return CUDA_ERROR_INVALID_VALUE;
  memmove(to, from, bytes);
  return CUDA_SUCCESS;
}

template <class T>
CUresult fill(Device& d, CUdeviceptr to, T value, size_t count) {
  if (count == 0) return CUDA_SUCCESS;
  if (to % sizeof(T) != 0 || count > SIZE_MAX / sizeof(T) || !on_device(d, to, count * sizeof(T)))
    return CUDA_ERROR_INVALID_VALUE;
  T* values = reinterpret_cast<T*>(to);
  for (size_t i = 0; i < count; i++) values[i] = value;
  return CUDA_SUCCESS;
}

void* pointer(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

}  // namespace

#define SOFTCUDA_STREAM(stream) \
  SOFTCUDA_READY;               \
  if (!valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE
#define SOFTCUDA_QUEUE(stream, work)                                   \
  if (captured(d, stream, [=, &d] { return work; })) return CUDA_SUCCESS; \
  return work

CUDA_API cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
  SOFTCUDA_READY;
  uint64_t at = 0;
  const CUresult result = address == nullptr ? CUDA_ERROR_INVALID_VALUE : allocate(d, &at, bytes, false);
  if (result == CUDA_SUCCESS) *address = at;
  return result;
}

CUDA_API cuMemFree_v2(CUdeviceptr address) {
  SOFTCUDA_LOCK;
  return release(d, address, false);
}

CUDA_API cuMemAllocAsync(CUdeviceptr* address, size_t bytes, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_UNCAPTURED(stream);  // a driver makes an allocation node
  return cuMemAlloc_v2(address, bytes);
}

CUDA_API cuMemAllocFromPoolAsync(CUdeviceptr* address, size_t bytes, CUmemoryPool pool, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_UNCAPTURED(stream);
  if (d.pools.count(pool) == 0) return CUDA_ERROR_INVALID_VALUE;
  const CUresult result = cuMemAlloc_v2(address, bytes);
  pool->high = std::max(pool->high, d.memory.live_bytes());
  return result;
}

CUDA_API cuMemFreeAsync(CUdeviceptr address, CUstream stream) {
  SOFTCUDA_LOCK;
  if (d.initialized && !valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  SOFTCUDA_UNCAPTURED(stream);
  return release(d, address, false);
}

CUDA_API cuMemHostAlloc(void** address, size_t bytes, unsigned) {
  SOFTCUDA_READY;
  uint64_t at = 0;
  const CUresult result = address == nullptr ? CUDA_ERROR_INVALID_VALUE : allocate(d, &at, bytes, true);
  if (result == CUDA_SUCCESS) *address = pointer(at);
  return result;
}
CUDA_API cuMemAllocHost_v2(void** address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }

CUDA_API cuMemFreeHost(void* address) {
  SOFTCUDA_LOCK;
  if (address == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return release(d, reinterpret_cast<uint64_t>(address), true);
}

CUDA_API cuMemGetInfo_v2(size_t* left, size_t* total) {
  SOFTCUDA_READY;
  if (left == nullptr || total == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *total = d.options.memory;
  *left = d.options.memory - std::min<uint64_t>(d.options.memory, d.memory.live_bytes());
  return CUDA_SUCCESS;
}

CUDA_API cuMemGetAddressRange_v2(CUdeviceptr* base, size_t* bytes, CUdeviceptr address) {
  SOFTCUDA_READY;
  const Allocation* a = d.memory.find(address, 1);
  if (a == nullptr) return CUDA_ERROR_NOT_FOUND;
  if (base != nullptr) *base = a->address;
  if (bytes != nullptr) *bytes = a->bytes;
  return CUDA_SUCCESS;
}

CUDA_API cuPointerGetAttribute(void* data, int attribute, CUdeviceptr address) {
  SOFTCUDA_READY;
  const Allocation* a = d.memory.find(address, 1);
  if (data == nullptr || a == nullptr) return CUDA_ERROR_INVALID_VALUE;
  switch (attribute) {
    case 1: *static_cast<CUcontext*>(data) = current_context(); break;             // CONTEXT
    case 2: *static_cast<unsigned*>(data) = a->host ? 1 : 2; break;                // MEMORY_TYPE
    case 3: *static_cast<CUdeviceptr*>(data) = address; break;                     // DEVICE_POINTER
    case 4:                                                                        // HOST_POINTER
      if (!a->host) return CUDA_ERROR_INVALID_VALUE;
      *static_cast<CUdeviceptr*>(data) = address;
      break;
    case 8: *static_cast<unsigned*>(data) = 0; break;                              // IS_MANAGED
    case 9: *static_cast<int*>(data) = 0; break;                                   // DEVICE_ORDINAL
    case 11: *static_cast<CUdeviceptr*>(data) = a->address; break;                 // RANGE_START_ADDR
    case 12: *static_cast<size_t*>(data) = a->bytes; break;                        // RANGE_SIZE
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return CUDA_SUCCESS;
}

// ---- copies ----

CUDA_API cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
  SOFTCUDA_READY;
  return copy(d, pointer(to), true, from, false, bytes);
}
CUDA_API cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  SOFTCUDA_READY;
  return copy(d, to, false, pointer(from), true, bytes);
}
CUDA_API cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  SOFTCUDA_READY;
  return copy(d, pointer(to), true, pointer(from), true, bytes);
}
// Unified addressing: an address that is no allocation is taken for the host's.
CUDA_API cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  SOFTCUDA_READY;
  return copy(d, pointer(to), on_device(d, to, 1), pointer(from), on_device(d, from, 1), bytes);
}
CUDA_API cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_QUEUE(stream, copy(d, pointer(to), true, from, false, bytes));
}
CUDA_API cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_QUEUE(stream, copy(d, to, false, pointer(from), true, bytes));
}
CUDA_API cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_QUEUE(stream, copy(d, pointer(to), true, pointer(from), true, bytes));
}
CUDA_API cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_QUEUE(stream, cuMemcpy(to, from, bytes));
}

CUDA_API cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count) {
  SOFTCUDA_READY;
  return fill(d, to, value, count);
}
CUDA_API cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count) {
  SOFTCUDA_READY;
  return fill(d, to, value, count);
}
CUDA_API cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_QUEUE(stream, fill(d, to, value, count));
}
CUDA_API cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
  SOFTCUDA_STREAM(stream);
  SOFTCUDA_QUEUE(stream, fill(d, to, value, count));
}

// ---- pools: accounts only, every allocation comes from the same memory ----

static CUresult device_pool(CUmemoryPool* pool, CUdevice device, bool current) {
  SOFTCUDA_LOCK;
  if (!d.initialized) return CUDA_ERROR_NOT_INITIALIZED;
  Device* const of = device_at(device);
  if (of == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if (pool == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *pool = current ? of->current_pool : &of->default_pool;
  return CUDA_SUCCESS;
}
CUDA_API cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice device) { return device_pool(pool, device, false); }
CUDA_API cuDeviceGetMemPool(CUmemoryPool* pool, CUdevice device) { return device_pool(pool, device, true); }

CUDA_API cuDeviceSetMemPool(CUdevice device, CUmemoryPool pool) {
  std::lock_guard<std::recursive_mutex> guard(Device::lock);
  Device* const of = device_at(device);
  if (of == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  if (of->pools.count(pool) == 0) return CUDA_ERROR_INVALID_VALUE;
  of->current_pool = pool;
  return CUDA_SUCCESS;
}

CUDA_API cuMemPoolCreate(CUmemoryPool* pool, const CUmemPoolProps* properties) {
  SOFTCUDA_LOCK;
  if (!d.initialized) return CUDA_ERROR_NOT_INITIALIZED;
  if (d.sticky != CUDA_SUCCESS) return d.sticky;
  if (pool == nullptr || properties == nullptr || properties->allocType != 1 || properties->location.type != 1)
    return CUDA_ERROR_INVALID_VALUE;
  Device* const of = device_at(properties->location.id);
  if (of == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  *pool = new CUmemPoolHandle_st{0, 0, false};
  of->pools.insert(*pool);
  return CUDA_SUCCESS;
}

CUDA_API cuMemPoolDestroy(CUmemoryPool pool) {
  SOFTCUDA_LOCK;
  if (d.pools.count(pool) == 0 || pool->device_default) return CUDA_ERROR_INVALID_VALUE;
  if (d.current_pool == pool) d.current_pool = &d.default_pool;
  d.pools.erase(pool);
  delete pool;
  return d.sticky;
}

CUDA_API cuMemPoolTrimTo(CUmemoryPool pool, size_t) {
  SOFTCUDA_LOCK;
  return d.pools.count(pool) == 0 ? CUDA_ERROR_INVALID_VALUE : d.sticky;
}

// 1, 2, 3: reuse policies (int); 4: release threshold; 5 … 8: reserved and used bytes, now and at most (uint64).
CUDA_API cuMemPoolSetAttribute(CUmemoryPool pool, int attribute, void* value) {
  SOFTCUDA_LOCK;
  if (d.pools.count(pool) == 0 || value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  switch (attribute) {
    case 1: case 2: case 3: break;
    case 4: pool->release_threshold = *static_cast<uint64_t*>(value); break;
    case 6: case 8:
      if (*static_cast<uint64_t*>(value) != 0) return CUDA_ERROR_INVALID_VALUE;
      pool->high = 0;
      break;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return d.sticky;
}

CUDA_API cuMemPoolGetAttribute(CUmemoryPool pool, int attribute, void* value) {
  SOFTCUDA_LOCK;
  if (d.pools.count(pool) == 0 || value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  switch (attribute) {
    case 1: case 2: case 3: *static_cast<int*>(value) = 1; break;
    case 4: *static_cast<uint64_t*>(value) = pool->release_threshold; break;
    case 5: case 7: *static_cast<uint64_t*>(value) = d.memory.live_bytes(); break;
    case 6: case 8: *static_cast<uint64_t*>(value) = std::max(pool->high, d.memory.live_bytes()); break;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
  return d.sticky;
}
