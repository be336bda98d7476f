// Softcuda's state and the joints between its parts. One device, or more on demand; one lock around every driver call, so
// launches run one after the other, to the end, inside cuLaunchKernel.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cuda_abi.h"
#include "shim/softcuda_abi.h"

namespace softcuda {

enum Schedule : int { ASCENDING = 0, DESCENDING = 1, SHUFFLED = 2 };

constexpr unsigned MAX_THREADS = 1024;
constexpr unsigned WARP = 32;
constexpr unsigned DEFAULT_SHARED = 48 * 1024;
constexpr unsigned MAX_SHARED = 227 * 1024;

struct Options {
  int schedule = ASCENDING;
  uint64_t seed = 0;
  int host_threads = 1;
  bool checking = false;
  bool verbose = false;  // faults to stderr, too
  uint64_t memory = 4ull << 30;
  uint64_t sparse = 0;  // device allocations of at least so many bytes are sparse; 0: none
  size_t stack = 64 * 1024;
};

// ---- a launch, as the scheduler sees it ----

struct Launch {
  const char* name;
  const Kernel* kernel;
  const Module* module;
  void** parameters;
  uint3 grid;
  uint3 block;
  unsigned shared_bytes;
  uint64_t serial;
};

struct Fault {
  CUresult code = CUDA_SUCCESS;
  std::string text;
};

// Runs all blocks; the first fault ends it.
Fault run_grid(const Launch& launch, const Options& options);

extern const Api kernel_api;

// ---- device memory (memory.cpp) ----

struct Allocation {
  uint64_t address = 0;
  size_t bytes = 0;     // as asked for
  char* map = nullptr;  // checking mode, or sparse: the mapping with its guard pages
  size_t map_bytes = 0;
  bool host = false;
};

class Memory {
 public:
  // 0 when there is no room.
  uint64_t allocate(size_t bytes, bool host, const Options& options);
  bool free(uint64_t address, bool host, std::string* damage);
  const Allocation* find(uint64_t address, size_t bytes) const;
  void release_all();
  // In checking mode: an allocation whose border bytes were written, or "".
  std::string damage() const;
  std::string describe(uint64_t address) const;
  // Inverts a bit of a 32-bit word (counted modulo) of the largest live device allocation but `rank`; false if there
  // are not so many.
  bool flip(int rank, uint64_t word, int bit);
  uint64_t live_bytes() const { return live_; }
  size_t count() const { return allocations_.size(); }

 private:
  void release(const Allocation& allocation);
  std::map<uint64_t, Allocation> allocations_;
  std::vector<Allocation> quarantine_;
  uint64_t live_ = 0;  // device memory only
};

// ---- modules (module.cpp) ----

struct LoadedModule;
struct Device;

}  // namespace softcuda

struct CUctx_st {
  bool primary;
  bool alive;
  softcuda::Device* device;
};
struct CUfunc_st {
  CUmodule module;
  const softcuda::Kernel* kernel;
  int max_dynamic_shared;
};
struct CUmod_st {
  void* library;
  int file;
  const softcuda::Module* entry;
  std::map<std::string, std::unique_ptr<CUfunc_st>> functions;
};
// Recorded work: what a replay does, one node after the other.
struct CUgraph_st {
  std::vector<std::function<CUresult()>> nodes;
};
struct CUgraphExec_st {
  std::vector<std::function<CUresult()>> nodes;
};
struct CUstream_st {
  unsigned flags;
  int priority;
  std::unique_ptr<CUgraph_st> capture;  // while the stream is being captured
  bool invalidated;                     // by a call that can't be captured
};
struct CUevent_st {
  unsigned flags;
  bool recorded;
  double milliseconds;
};
struct CUmemPoolHandle_st {
  uint64_t release_threshold;
  uint64_t high;
  bool device_default;
};

namespace softcuda {

// A bit of device memory to invert after a launch to come; nth 0: none.
struct Flip {
  int64_t nth = 0;
  int rank = 0;
  uint64_t word = 0;
  int bit = 0;
};

struct Device {
  // Of all devices.
  inline static std::recursive_mutex lock;
  inline static bool initialized = false;
  inline static Options options;

  int ordinal = 0;
  CUresult sticky = CUDA_SUCCESS;  // the error of a lost device, until softcudaReset
  std::string last_fault;
  int64_t fail_allocation = 0;  // counts down to the failing call; 0: none
  int64_t fail_launch = 0;
  Flip flip;
  uint64_t launches = 0;

  Memory memory;
  CUctx_st primary{true, false, this};
  int primary_users = 0;
  CUmemPoolHandle_st default_pool{0, 0, true};
  CUmemoryPool current_pool = nullptr;
  std::set<CUcontext> contexts;
  std::set<CUmodule> modules;
  std::map<CUfunction, CUmodule> functions;
  std::set<CUstream> streams;
  std::set<CUgraph> graphs;
  std::set<CUgraphExec> graph_execs;
  std::set<CUevent> events;
  std::set<CUmemoryPool> pools;

  void lose(CUresult code, const std::string& text);
  void destroy_context_state();
};

constexpr int MAX_DEVICES = 8;

// With the lock held: the device of the calling thread's context, the first one where it has none.
Device& device();
Device* device_at(int ordinal);              // null where there is none
Device* device_of(CUcontext context);        // null for a context that is gone, or none
const std::vector<Device*>& all_devices();
void read_environment(Device& device);
CUresult unload_module(Device& device, CUmodule module);
CUcontext current_context();

// Initialised, a live current context, and the device not lost.
CUresult check_ready(Device& device);
bool valid_stream(const Device& device, CUstream stream);

// A stream that is being captured takes `work` into its graph instead of doing it; true if it does.
bool captured(const Device& device, CUstream stream, std::function<CUresult()> work);
// CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, and the capture is spoilt, if the stream is being captured.
CUresult refuse_capture(const Device& device, CUstream stream);

#define SOFTCUDA_LOCK                                                      \
  std::lock_guard<std::recursive_mutex> guard(::softcuda::Device::lock); \
  ::softcuda::Device& d = ::softcuda::device()
#define SOFTCUDA_UNCAPTURED(stream) \
  if (CUresult e = ::softcuda::refuse_capture(d, stream)) return e

#define SOFTCUDA_READY                                    \
  SOFTCUDA_LOCK;                                          \
  if (CUresult e = ::softcuda::check_ready(d)) return e

}  // namespace softcuda
