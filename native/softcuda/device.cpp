// The devices: their state, its options and the control functions (found by dlsym) that tests use.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime.h"

namespace softcuda {

static std::vector<Device*> devices;  // never destroyed: callers may outlive exit handlers

static void add_device() {
  Device* d = new Device;
  d->ordinal = static_cast<int>(devices.size());
  d->contexts.insert(&d->primary);
  d->pools.insert(&d->default_pool);
  d->current_pool = &d->default_pool;
  devices.push_back(d);
}

const std::vector<Device*>& all_devices() {
  if (devices.empty()) {
    add_device();
    read_environment(*devices[0]);
  }
  return devices;
}

Device* device_at(int ordinal) {
  const std::vector<Device*>& all = all_devices();
  return ordinal >= 0 && static_cast<size_t>(ordinal) < all.size() ? all[static_cast<size_t>(ordinal)] : nullptr;
}

Device* device_of(CUcontext context) {
  for (Device* d : all_devices()) {
    if (d->contexts.count(context) != 0) return d;
  }
  return nullptr;
}

Device& device() {
  Device* const current = device_of(current_context());
  return current != nullptr ? *current : *device_at(0);
}

namespace {

uint64_t to_bytes(const char* text) {
  char* end = nullptr;
  uint64_t value = strtoull(text, &end, 10);
  switch (*end) {
    case 'K': return value << 10;
    case 'M': return value << 20;
    case 'G': return value << 30;
    default: return value;
  }
}

bool to_schedule(const std::string& text, Options& options) {
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (name == "ascending") options.schedule = ASCENDING;
  else if (name == "descending") options.schedule = DESCENDING;
  else if (name == "shuffled") options.schedule = SHUFFLED;
  else return false;
  if (colon != std::string::npos) options.seed = strtoull(text.c_str() + colon + 1, nullptr, 10);
  return true;
}

}  // namespace

void read_environment(Device& d) {
  Options& o = d.options;
  if (const char* v = getenv("SOFTCUDA_SCHEDULE")) {
    if (!to_schedule(v, o))
      fprintf(stderr, "softcuda: SOFTCUDA_SCHEDULE=%s: want ascending, descending or shuffled[:SEED]\n", v);
  }
  if (const char* v = getenv("SOFTCUDA_HOST_THREADS")) o.host_threads = std::max(1, std::min(256, atoi(v)));
  if (const char* v = getenv("SOFTCUDA_CHECK")) o.checking = atoi(v) != 0;
  if (const char* v = getenv("SOFTCUDA_VERBOSE")) o.verbose = atoi(v) != 0;
  if (const char* v = getenv("SOFTCUDA_MEMORY")) o.memory = to_bytes(v);
  if (const char* v = getenv("SOFTCUDA_STACK")) o.stack = std::max<size_t>(16 * 1024, to_bytes(v));
  if (const char* v = getenv("SOFTCUDA_FAIL_ALLOC")) d.fail_allocation = atoll(v);
  if (const char* v = getenv("SOFTCUDA_FAIL_LAUNCH")) d.fail_launch = atoll(v);
  if (const char* v = getenv("SOFTCUDA_DEVICES")) {
    const int count = atoi(v);
    if (count < 1 || count > MAX_DEVICES) fprintf(stderr, "softcuda: SOFTCUDA_DEVICES=%s: want 1 to %d\n", v, MAX_DEVICES);
    while (static_cast<int>(devices.size()) < count && count <= MAX_DEVICES) add_device();
  }
  if (const char* v = getenv("SOFTCUDA_FLIP")) {
    Flip f;
    long long nth = 0;
    unsigned long long word = 0;
    if (sscanf(v, "%lld:%d:%llu:%d", &nth, &f.rank, &word, &f.bit) != 4 || nth < 1 || f.rank < 0 || f.bit < 0 || f.bit > 31) {
      fprintf(stderr, "softcuda: SOFTCUDA_FLIP=%s: want NTH:RANK:WORD:BIT\n", v);
    } else {
      f.nth = nth;
      f.word = word;
      d.flip = f;
    }
  }
}

void Device::lose(CUresult code, const std::string& text) {
  sticky = code;
  last_fault = text;
  if (options.verbose) fprintf(stderr, "softcuda: %s\n", text.c_str());
}

}  // namespace softcuda

using softcuda::device;

#define LOCKED                                                           \
  std::lock_guard<std::recursive_mutex> guard(softcuda::Device::lock); \
  [[maybe_unused]] softcuda::Device& d = device()

// How many devices there are: each its own memory, contexts, streams and modules. Devices are added, never taken away.
// Options hold for all; injected faults and losses for the device of the calling thread's context, else the first.
SOFTCUDA_CONTROL int softcudaSetDevices(int count) {
  LOCKED;
  if (count < static_cast<int>(softcuda::devices.size()) || count > softcuda::MAX_DEVICES) return CUDA_ERROR_INVALID_VALUE;
  while (static_cast<int>(softcuda::devices.size()) < count) softcuda::add_device();
  return 0;
}

// 0 ascending, 1 descending, 2 shuffled by the seed: the order of blocks, and of threads from each barrier to
// the next. Returns 0, or 1 for an unknown mode.
SOFTCUDA_CONTROL int softcudaSetSchedule(int mode, uint64_t seed) {
  LOCKED;
  if (mode < softcuda::ASCENDING || mode > softcuda::SHUFFLED) return CUDA_ERROR_INVALID_VALUE;
  d.options.schedule = mode;
  d.options.seed = seed;
  return 0;
}

SOFTCUDA_CONTROL int softcudaSetHostThreads(int count) {
  LOCKED;
  if (count < 1 || count > 256) return CUDA_ERROR_INVALID_VALUE;
  d.options.host_threads = count;
  return 0;
}

// For allocations and launches from now on.
SOFTCUDA_CONTROL int softcudaSetChecking(int on) {
  LOCKED;
  d.options.checking = on != 0;
  return 0;
}

SOFTCUDA_CONTROL int softcudaSetMemory(uint64_t bytes) {
  LOCKED;
  d.options.memory = bytes;
  return 0;
}

// Device allocations of at least so many bytes, from now on, hold zeros and take memory only where they are touched,
// for indices beyond 2^31 on small machines; 0: none.
SOFTCUDA_CONTROL int softcudaSetSparse(uint64_t least_bytes) {
  LOCKED;
  d.options.sparse = least_bytes;
  return 0;
}

// The nth allocation from now (1: the next) fails with CUDA_ERROR_OUT_OF_MEMORY; 0 takes it back.
SOFTCUDA_CONTROL int softcudaInjectAllocFailure(int64_t nth) {
  LOCKED;
  d.fail_allocation = nth;
  return 0;
}

// The nth launch from now fails with CUDA_ERROR_LAUNCH_FAILED, and the device is lost, as on hardware.
SOFTCUDA_CONTROL int softcudaInjectLaunchFailure(int64_t nth) {
  LOCKED;
  d.fail_launch = nth;
  return 0;
}

// After the nth launch from now, one bit of device memory is inverted, as by faulty hardware: in the largest live
// allocation but `rank`, 32-bit word `word` (modulo its size). nth 0 takes it back. Returns 0, or 1 for bad values.
SOFTCUDA_CONTROL int softcudaInjectBitFlip(int64_t nth, int rank, uint64_t word, int bit) {
  LOCKED;
  if (nth < 0 || rank < 0 || bit < 0 || bit > 31) return CUDA_ERROR_INVALID_VALUE;
  d.flip = softcuda::Flip{nth, rank, word, bit};
  return 0;
}

// From now on every call fails with CUDA_ERROR_DEVICE_UNAVAILABLE.
SOFTCUDA_CONTROL int softcudaLoseDevice() {
  LOCKED;
  d.lose(CUDA_ERROR_DEVICE_UNAVAILABLE, "the device was lost (softcudaLoseDevice)");
  return 0;
}

// Lost devices work again, and nothing is injected. Allocations, modules and options stay.
SOFTCUDA_CONTROL int softcudaReset() {
  LOCKED;
  for (softcuda::Device* each : softcuda::all_devices()) {
    each->sticky = CUDA_SUCCESS;
    each->last_fault.clear();
    each->fail_allocation = each->fail_launch = 0;
    each->flip = softcuda::Flip{};
  }
  return 0;
}

// The last fault in words, cut to `bytes` with its zero; returns the full length, 0 if there was none.
SOFTCUDA_CONTROL int softcudaLastFault(char* text, int bytes) {
  LOCKED;
  if (text != nullptr && bytes > 0) {
    const size_t count = std::min(d.last_fault.size(), static_cast<size_t>(bytes) - 1);
    memcpy(text, d.last_fault.data(), count);
    text[count] = 0;
  }
  return static_cast<int>(d.last_fault.size());
}

SOFTCUDA_CONTROL int64_t softcudaLiveBytes() {
  LOCKED;
  int64_t bytes = 0;
  for (softcuda::Device* each : softcuda::all_devices()) bytes += static_cast<int64_t>(each->memory.live_bytes());
  return bytes;
}

SOFTCUDA_CONTROL int64_t softcudaLaunches() {
  LOCKED;
  int64_t launches = 0;
  for (softcuda::Device* each : softcuda::all_devices()) launches += static_cast<int64_t>(each->launches);
  return launches;
}
