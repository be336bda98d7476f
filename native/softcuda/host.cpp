// The fiber scheduler. A worker fiber runs fresh threads one after the other until one of them waits;
// only then does the next thread get a stack of its own. A kernel without barriers so costs one switch
// a block. At a barrier the running thread picks its successor and switches to it directly.
#include "host.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace softcuda {

__thread Host* current_host __attribute__((tls_model("initial-exec")));

uint64_t mix(uint64_t v) {  // SplitMix64's finalizer
  v += 0x9e3779b97f4a7c15ull;
  v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ull;
  v = (v ^ (v >> 27)) * 0x94d049bb133111ebull;
  return v ^ (v >> 31);
}

uint64_t permute(uint64_t index, uint64_t count, uint64_t seed) {
  if (count < 2) return index;
  int half = 1;
  while ((1ull << (2 * half)) < count) half++;
  const uint64_t mask = (1ull << half) - 1;
  do {
    uint64_t left = index >> half;
    uint64_t right = index & mask;
    for (uint64_t round = 0; round < 4; round++) {
      const uint64_t next = left ^ (mix(right ^ mix(seed + round)) & mask);
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= count);
  return index;
}

static void worker();

void Host::prepare(const Launch& l, const Options& o) {
  launch = &l;
  options = &o;
  context = l.module->context();
  threads = l.block.x * l.block.y * l.block.z;
  if (memcmp(&coordinates_for, &l.block, sizeof(uint3)) != 0) {
    unsigned t = 0;
    for (unsigned z = 0; z < l.block.z; z++)
      for (unsigned y = 0; y < l.block.y; y++)
        for (unsigned x = 0; x < l.block.x; x++) coordinates[t++] = uint3{x, y, z};
    coordinates_for = l.block;
  }
  if (stack_bytes != o.stack) {
    for (auto& f : fibers) fiber_destroy(*f);
    fibers.clear();
    idle.clear();
    stack_bytes = o.stack;
  }
  fiber_adopt(main);
  if (shared_map == nullptr) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    shared_map_bytes = (MAX_SHARED + page - 1) / page * page + page;
    void* map = mmap(nullptr, shared_map_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    shared_map = static_cast<char*>(map);
    mprotect(shared_map + shared_map_bytes - page, page, PROT_NONE);
    shared_map_bytes -= page;
  }
  context->block_dim = l.block;
  context->grid_dim = l.grid;
  // Ends at the guard page, so that running over it is an illegal address.
  context->dynamic_shared = shared_map + shared_map_bytes - (l.shared_bytes + 15) / 16 * 16;
  if (!o.checking) l.module->poison_shared(0xff);
  fault = Fault{};
}

inline int Host::take_idle() {
  if (idle.empty()) {
    auto f = std::make_unique<Fiber>();
    if (!fiber_create(*f, stack_bytes, static_cast<unsigned>(fibers.size()), worker))
      fail(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "no memory for another fiber's stack");
    fibers.push_back(std::move(f));
    return static_cast<int>(fibers.size()) - 1;
  }
  const int f = idle.back();
  idle.pop_back();
  return f;
}

void Host::run_block(uint64_t block) {
  const uint3 grid = launch->grid;
  context->block = uint3{static_cast<unsigned>(block % grid.x), static_cast<unsigned>(block / grid.x % grid.y),
                         static_cast<unsigned>(block / grid.x / grid.y)};
  if (options->checking) launch->module->poison_shared(0xff);
  if (launch->shared_bytes > 0) memset(context->dynamic_shared, 0xff, (launch->shared_bytes + 15) / 16 * 16);
  random = mix(options->seed ^ mix(launch->serial * 0x10001 + block));
  memset(state, FRESH, threads);
  live = ready = threads;
  waiting = 0;
  for (unsigned w = 0; w * WARP < threads; w++) {
    const unsigned rest = threads - w * WARP;
    warp_live[w] = rest >= WARP ? ~0u : (1u << rest) - 1;
    warp_waiting[w] = 0;
  }
  if (options->schedule != SHUFFLED)
    for (unsigned i = 0; i < threads; i++)
      order[i] = static_cast<uint16_t>(options->schedule == ASCENDING ? i : threads - 1 - i);
  else
    for (unsigned i = 0; i < threads; i++) order[i] = static_cast<uint16_t>(i);
  new_round();
  bool fresh = false;
  const int first = pick(fresh);
  thread = first;
  fiber = take_idle();
  context->thread = coordinates[first];
  running = true;
  fiber_switch(main, *fibers[static_cast<size_t>(fiber)]);
  running = false;
}

void Host::new_round() {
  position = 0;
  if (options->schedule != SHUFFLED) return;
  for (unsigned i = threads - 1; i > 0; i--) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    const unsigned j = static_cast<unsigned>((random >> 32) * (i + 1) >> 32);
    std::swap(order[i], order[j]);
  }
}

inline int Host::pick(bool& fresh) {
  if (ready == 0) {
    if (live == 0) return -1;
    deadlock();
  }
  for (;;) {
    while (position < threads) {
      const unsigned t = order[position++];
      if (state[t] <= READY) {
        fresh = state[t] == FRESH;
        state[t] = RUNNING;
        ready--;
        return static_cast<int>(t);
      }
    }
    new_round();
  }
}

inline void Host::leave_to(int next, bool fresh) {
  const int mine = fiber;
  const int target = fresh ? take_idle() : fiber_of[next];
  thread = next;
  fiber = target;
  context->thread = coordinates[next];
  fiber_switch(*fibers[static_cast<size_t>(mine)], *fibers[static_cast<size_t>(target)]);
}

inline void Host::yield() {
  const int me = thread;
  bool fresh = false;
  const int next = pick(fresh);
  if (next == me) return;
  fiber_of[me] = fiber;
  if (position < threads && state[order[position]] == READY) {
    // The stacks of a large block do not fit into the first-level cache: fetch the one after next.
    const char* stack = static_cast<const char*>(fibers[static_cast<size_t>(fiber_of[order[position]])]->stack_pointer);
    __builtin_prefetch(stack);
    __builtin_prefetch(stack + 64);
    __builtin_prefetch(stack + 128);
  }
  leave_to(next, fresh);
}

static void worker() {
  Host& h = *current_host;  // a fiber belongs to one Host for good
  for (;;) {
    h.launch->kernel->run(h.launch->parameters);
    h.finish_thread();
    bool fresh = false;
    const int next = h.pick(fresh);
    if (next >= 0 && fresh) {
      h.thread = next;
      h.context->thread = h.coordinates[next];
      continue;
    }
    const int mine = h.fiber;
    h.idle.push_back(mine);
    if (next < 0) {
      h.fiber = -1;
      fiber_switch(*h.fibers[static_cast<size_t>(mine)], h.main);
    } else {
      h.leave_to(next, false);
    }
  }
}

void Host::finish_thread() {
  const unsigned t = static_cast<unsigned>(thread);
  if (has_copies && t < queues.size()) queues[t] = CopyQueue{};  // never waited for: the data never comes
  state[t] = DONE;
  live--;
  const unsigned w = t / WARP;
  warp_live[w] &= ~(1u << t % WARP);
  // Threads that have returned count as arrived, as on the hardware.
  if (waiting > 0 && waiting == live) release_barrier();
  if (warp_waiting[w] != 0) try_release_warp(w);
}

int Host::barrier(int op, int predicate, Place place) {
  if (waiting == 0) {
    barrier_op = op;
    barrier_place = place;
    barrier_first = thread;
    barrier_count = 0;
  } else if (op != barrier_op || !(place == barrier_place)) {
    fail(CUDA_ERROR_LAUNCH_FAILED, "divergent barrier: thread " + to_text(coordinates[barrier_first]) + " waits at " +
                                       barrier_place.file + ":" + std::to_string(barrier_place.line) +
                                       ", this one came to " + place.file + ":" + std::to_string(place.line));
  }
  barrier_count += predicate;
  state[thread] = AT_BARRIER;
  waiting++;
  if (waiting == live) release_barrier();
  yield();
  return barrier_result;
}

void Host::release_barrier() {
  const int count = barrier_count;
  barrier_result = barrier_op == BLOCK_AND  ? count == static_cast<int>(waiting)
                   : barrier_op == BLOCK_OR ? count > 0
                                            : count;
  for (unsigned t = 0; t < threads; t++) state[t] = state[t] == AT_BARRIER ? static_cast<uint8_t>(READY) : state[t];
  ready += waiting;
  waiting = 0;
  new_round();
}

uint64_t Host::warp(const LaneRequest& request) {
  const unsigned t = static_cast<unsigned>(thread);
  const unsigned w = t / WARP;
  const unsigned bit = 1u << t % WARP;
  if ((request.mask & bit) == 0) fail(CUDA_ERROR_LAUNCH_FAILED, "a lane calls a warp collective whose mask leaves it out");
  lanes[t] = request;
  warp_waiting[w] |= bit;
  state[t] = AT_WARP;
  if (try_release_warp(w) && state[t] == READY) {
    state[t] = RUNNING;  // the last to come goes on at once
    ready--;
    return lanes[t].result;
  }
  yield();
  return lanes[t].result;
}

// Lets go each group of lanes whose living members have all come to the same collective.
bool Host::try_release_warp(unsigned w) {
  bool released = false;
  const unsigned base = w * WARP;
  for (unsigned rest = warp_waiting[w]; rest != 0;) {
    const LaneRequest& lead = lanes[base + static_cast<unsigned>(__builtin_ctz(rest))];
    const unsigned group = lead.mask & warp_live[w];
    rest &= ~lead.mask;
    if ((warp_waiting[w] & group) != group) continue;
    bool same = true;
    unsigned votes = 0;
    for (unsigned g = group; g != 0; g &= g - 1) {
      const unsigned lane = static_cast<unsigned>(__builtin_ctz(g));
      const LaneRequest& r = lanes[base + lane];
      same &= r.op == lead.op && r.mask == lead.mask && r.place == lead.place;
      if (r.value != 0) votes |= 1u << lane;
    }
    if (!same) continue;  // ends as a reported deadlock unless someone else's exit resolves it
    for (unsigned g = group; g != 0; g &= g - 1) {
      const unsigned lane = static_cast<unsigned>(__builtin_ctz(g));
      LaneRequest& r = lanes[base + lane];
      const unsigned width = static_cast<unsigned>(r.width);
      const unsigned segment = lane & ~(width - 1);
      unsigned source = lane;
      const unsigned argument = static_cast<unsigned>(r.argument);
      switch (r.op) {
        case WARP_SHFL: source = segment | (argument & (width - 1)); break;
        case WARP_UP: source = lane - segment >= argument ? lane - argument : lane; break;
        case WARP_DOWN: source = lane - segment + argument < width ? lane + argument : lane; break;
        case WARP_XOR: source = (lane ^ argument) < segment + width ? lane ^ argument : lane; break;
        case WARP_BALLOT: r.result = votes; continue;
        case WARP_ANY: r.result = votes != 0; continue;
        case WARP_ALL: r.result = votes == group; continue;
        default: r.result = 0; continue;
      }
      // A lane that has returned or is not in the mask has no value: poison.
      r.result = (group >> source & 1) != 0 ? lanes[base + source].value : ~0ull;
    }
    for (unsigned g = group; g != 0; g &= g - 1) state[base + static_cast<unsigned>(__builtin_ctz(g))] = READY;
    ready += static_cast<unsigned>(__builtin_popcount(group));
    warp_waiting[w] &= ~group;
    released = true;
  }
  return released;
}

void Host::deadlock() {
  std::string text = "deadlock:";
  int shown = 0;
  unsigned barrier = 0, collective = 0;
  const Place* last = nullptr;
  for (unsigned t = 0; t < threads; t++) {
    const bool block = state[t] == AT_BARRIER;
    if (!block && state[t] != AT_WARP) continue;
    (block ? barrier : collective)++;
    const Place& place = block ? barrier_place : lanes[t].place;
    if (shown < 4 && (last == nullptr || !(place == *last))) {
      text += " thread " + to_text(coordinates[t]) + " waits at " + (block ? "the barrier " : "the warp collective ") +
              place.file + ":" + std::to_string(place.line) + ";";
      last = &place;
      shown++;
    }
  }
  text += " " + std::to_string(barrier) + " threads at the barrier, " + std::to_string(collective) +
          " in warp collectives, " + std::to_string(threads - live) + " returned";
  fail(CUDA_ERROR_LAUNCH_FAILED, text);
}

// ---- asynchronous copies ----

void Host::finish_copies(size_t groups_left) {
  if (queues.size() <= static_cast<size_t>(thread)) return;
  CopyQueue& q = queues[static_cast<size_t>(thread)];
  if (q.group_ends.size() <= groups_left) return;
  const size_t gone = q.group_ends.size() - groups_left;
  const size_t end = q.group_ends[gone - 1];
  for (size_t i = 0; i < end; i++) {
    const PendingCopy& c = q.copies[i];
    if (c.valid > 0) memcpy(c.to, c.from, c.valid);
    memset(static_cast<char*>(c.to) + c.valid, 0, c.bytes - c.valid);
  }
  q.copies.erase(q.copies.begin(), q.copies.begin() + static_cast<ptrdiff_t>(end));
  q.group_ends.erase(q.group_ends.begin(), q.group_ends.begin() + static_cast<ptrdiff_t>(gone));
  for (size_t& e : q.group_ends) e -= end;
}

// ---- what kernels call ----

static int api_barrier(int op, int predicate, const char* file, int line) {
  asm volatile("" ::: "memory");
  return current_host->barrier(op, predicate, Place{file, line});
}

static uint64_t api_warp(int op, unsigned mask, uint64_t value, int argument, int width, const char* file, int line) {
  asm volatile("" ::: "memory");
  return current_host->warp(LaneRequest{op, mask, value, argument, width, Place{file, line}, 0});
}

static void api_copy_async(void* to, const void* from, unsigned bytes, unsigned valid) {
  Host& h = *current_host;
  const uintptr_t bits = reinterpret_cast<uintptr_t>(to) | (valid > 0 ? reinterpret_cast<uintptr_t>(from) : 0);
  if ((bits & (bytes - 1)) != 0)
    h.fail(CUDA_ERROR_MISALIGNED_ADDRESS, "copy_async_" + std::to_string(bytes) + " of a misaligned address");
  memset(to, 0xff, bytes);
  h.has_copies = true;
  if (h.queues.size() < MAX_THREADS) h.queues.resize(MAX_THREADS);
  h.queues[static_cast<size_t>(h.thread)].copies.push_back(PendingCopy{to, from, bytes, valid});
}

static void api_copy_commit() {
  Host& h = *current_host;
  if (h.queues.size() < MAX_THREADS) h.queues.resize(MAX_THREADS);
  CopyQueue& q = h.queues[static_cast<size_t>(h.thread)];
  q.group_ends.push_back(q.copies.size());
  h.has_copies = true;
}

static void api_copy_wait(unsigned groups_left) { current_host->finish_copies(groups_left); }

static void api_fail(int code, const char* what) { current_host->fail(static_cast<CUresult>(code), what); }

const Api kernel_api = {api_barrier, api_warp, api_copy_async, api_copy_commit, api_copy_wait, api_fail};

}  // namespace softcuda
