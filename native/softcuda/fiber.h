// Stackful fibers on one host thread: x86-64 by a short assembly switch, other CPUs by ucontext.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace softcuda {

struct Fiber {
  void* stack_pointer = nullptr;  // x86-64: saved stack pointer; else a ucontext_t*
  char* map = nullptr;
  size_t map_bytes = 0;
  unsigned colour = 0;
};

// A fiber on a new stack, guard page below; the first switch to it calls entry(). False without memory.
bool fiber_create(Fiber& fiber, size_t stack_bytes, unsigned colour, void (*entry)());
// Puts the fiber back to its start, whatever it was doing.
void fiber_restart(Fiber& fiber, void (*entry)());
void fiber_destroy(Fiber& fiber);
// For the host thread's own stack.
void fiber_adopt(Fiber& fiber);
void fiber_switch(Fiber& from, Fiber& to);
bool fiber_guard_hit(const Fiber& fiber, const void* address);

}  // namespace softcuda
