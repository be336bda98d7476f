// Stackful fibers on one host thread: x86-64 by a short assembly switch, other CPUs by ucontext.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#if defined(__x86_64__) && !defined(SOFTCUDA_UCONTEXT)
#define SOFTCUDA_ASM 1  // -DSOFTCUDA_UCONTEXT tries the other way on x86-64, too
#endif

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
#ifdef SOFTCUDA_ASM
extern "C" void softcuda_switch(void** from, void* to) __attribute__((visibility("hidden")));
inline void fiber_switch(Fiber& from, Fiber& to) { softcuda_switch(&from.stack_pointer, to.stack_pointer); }
#else
void fiber_switch(Fiber& from, Fiber& to);
#endif
bool fiber_guard_hit(const Fiber& fiber, const void* address);

}  // namespace softcuda
