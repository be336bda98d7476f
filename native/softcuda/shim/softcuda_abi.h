// What a kernel module (kernels.softcuda.so) and libsoftcuda.so know of each other. The two are
// compiled separately and meet at cuModuleLoadData, so a change here raises SOFTCUDA_ABI.
#pragma once

#include <cstddef>
#include <cstdint>

#include "softcuda_types.h"

#define SOFTCUDA_ABI 1

namespace softcuda {

// The running thread's place in the grid. One per host thread; the scheduler rewrites `thread`
// each time it switches fibers.
struct Context {
  uint3 thread;
  uint3 block;
  uint3 block_dim;
  uint3 grid_dim;
  void* dynamic_shared;
};

enum WarpOp : int { WARP_SYNC, WARP_SHFL, WARP_UP, WARP_DOWN, WARP_XOR, WARP_BALLOT, WARP_ANY, WARP_ALL };

enum BlockOp : int { BLOCK_SYNC, BLOCK_COUNT, BLOCK_AND, BLOCK_OR };

// Calls from kernels into the runtime. `file` and `line` identify the barrier, for the check that all
// threads of a block wait at the same one.
struct Api {
  int (*barrier)(int op, int predicate, const char* file, int line);
  uint64_t (*warp)(int op, unsigned mask, uint64_t value, int argument, int width, const char* file,
                   int line);
  void (*copy_async)(void* to, const void* from, unsigned bytes, unsigned valid);
  void (*copy_async_commit)();
  void (*copy_async_wait)(unsigned groups_left);
  void (*fail)(int code, const char* what);  // does not return
};

struct Kernel {
  const char* name;
  void (*run)(void** parameters);  // one thread of the grid
  unsigned parameters;
  const uint32_t* sizes;
  const uint32_t* aligns;
  const Kernel* next;
};

struct Module {
  int abi;
  const Kernel* kernels;
  Context* (*context)();             // of the calling host thread
  void (*poison_shared)(int value);  // the calling host thread's static __shared__ variables
  size_t shared_bytes;               // all of them, over all kernels
};

}  // namespace softcuda

extern "C" {
typedef const softcuda::Module* (*softcuda_module_entry_t)(const softcuda::Api*);
}
