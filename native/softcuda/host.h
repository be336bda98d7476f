// One host thread's share of a launch: the block it runs, its threads as fibers, and their schedule.
#pragma once

#include <csetjmp>

#include "fiber.h"
#include "runtime.h"

namespace softcuda {

enum ThreadState : uint8_t { FRESH, READY, RUNNING, AT_BARRIER, AT_WARP, DONE };

struct Place {
  const char* file = nullptr;
  int line = 0;
  bool operator==(const Place& o) const { return line == o.line && (file == o.file || std::string(file) == o.file); }
};

// What a lane waits for in a warp collective.
struct LaneRequest {
  int op;
  unsigned mask;
  uint64_t value;
  int argument;
  int width;
  Place place;
  uint64_t result;
};

struct PendingCopy {
  void* to;
  const void* from;
  unsigned bytes;
  unsigned valid;
};

// A thread's asynchronous copies: those of committed groups first.
struct CopyQueue {
  std::vector<PendingCopy> copies;
  std::vector<size_t> group_ends;
};

struct Host {
  const Launch* launch = nullptr;
  const Options* options = nullptr;
  Context* context = nullptr;

  Fiber main;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<int> idle;
  size_t stack_bytes = 0;
  int fiber = -1;  // running
  int thread = 0;  // running, linear in the block

  unsigned threads = 0;
  unsigned live = 0;
  unsigned ready = 0;
  unsigned position = 0;
  uint64_t random = 0;
  uint8_t state[MAX_THREADS];
  uint16_t order[MAX_THREADS];
  int fiber_of[MAX_THREADS];
  uint3 coordinates[MAX_THREADS];
  uint3 coordinates_for{0, 0, 0};

  unsigned waiting = 0;  // at the block's barrier
  int barrier_op = 0;
  Place barrier_place;
  int barrier_first = 0;
  int barrier_count = 0;
  int barrier_result = 0;

  unsigned warp_live[MAX_THREADS / WARP];
  unsigned warp_waiting[MAX_THREADS / WARP];
  LaneRequest lanes[MAX_THREADS];
  bool has_copies = false;
  std::vector<CopyQueue> queues;

  char* shared_map = nullptr;
  size_t shared_map_bytes = 0;
  char* alternate_stack = nullptr;

  sigjmp_buf jump;
  volatile bool running = false;  // inside a kernel: faults are its own
  int signal = 0;                 // of the fault, 0 for a failed check
  void* signal_address = nullptr;
  Fault fault;

  void prepare(const Launch& launch, const Options& options);
  void run_block(uint64_t block);
  [[noreturn]] void fail(CUresult code, const std::string& text);
  std::string where() const;
  void after_fault();

  int barrier(int op, int predicate, Place place);
  uint64_t warp(const LaneRequest& request);
  void finish_thread();
  void finish_copies(size_t groups_left);
  int pick(bool& fresh);  // -1: all threads are done
  void yield();
  void leave_to(int next, bool fresh);

 private:
  void new_round();
  void release_barrier();
  bool try_release_warp(unsigned warp);
  [[noreturn]] void deadlock();
  int take_idle();
};

extern __thread Host* current_host;

// Catches the faults of kernel code on this process's threads between install and restore (fault.cpp).
void install_handlers();
void restore_handlers();
void begin_alternate_stack(Host& host);
void end_alternate_stack();
Fault describe_fault(const Host& host);

inline std::string to_text(const uint3& v) {
  return "(" + std::to_string(v.x) + ", " + std::to_string(v.y) + ", " + std::to_string(v.z) + ")";
}

// A permutation of 0…count-1 given by its seed: a Feistel network with cycle walking.
uint64_t permute(uint64_t index, uint64_t count, uint64_t seed);
uint64_t mix(uint64_t value);

}  // namespace softcuda
