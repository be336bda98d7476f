#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#ifndef SOFTCUDA_ASM
#include <ucontext.h>
#endif

namespace softcuda {

namespace {
size_t page() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}
}  // namespace

#ifdef SOFTCUDA_ASM

// Saves the callee-saved registers of the System V ABI. MXCSR and the x87 control word are the same in
// all fibers: run_grid sets them once.
asm(R"(
.text
.p2align 4
.globl softcuda_switch
.hidden softcuda_switch
.type softcuda_switch, @function
softcuda_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size softcuda_switch, .-softcuda_switch
)");
void fiber_adopt(Fiber&) {}

void fiber_restart(Fiber& fiber, void (*entry)()) {
  // Tops at different offsets in their pages: 1,024 stacks would else share a few cache sets.
  uintptr_t top = reinterpret_cast<uintptr_t>(fiber.map + fiber.map_bytes) - 64 - (fiber.colour % 16) * 192;
  top &= ~static_cast<uintptr_t>(15);
  void** slot = reinterpret_cast<void**>(top);
  *--slot = nullptr;                           // entry's return address: it never returns
  *--slot = reinterpret_cast<void*>(entry);    // taken by ret
  for (int i = 0; i < 6; i++) *--slot = nullptr;
  fiber.stack_pointer = slot;
}

#else

void fiber_adopt(Fiber& fiber) {
  if (fiber.stack_pointer == nullptr) fiber.stack_pointer = new ucontext_t;
}

void fiber_restart(Fiber& fiber, void (*entry)()) {
  fiber_adopt(fiber);
  ucontext_t* context = static_cast<ucontext_t*>(fiber.stack_pointer);
  getcontext(context);
  context->uc_stack.ss_sp = fiber.map + page();
  context->uc_stack.ss_size = fiber.map_bytes - page();
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
}

void fiber_switch(Fiber& from, Fiber& to) {
  swapcontext(static_cast<ucontext_t*>(from.stack_pointer), static_cast<ucontext_t*>(to.stack_pointer));
}

#endif

bool fiber_create(Fiber& fiber, size_t stack_bytes, unsigned colour, void (*entry)()) {
  fiber.map_bytes = (stack_bytes + page() - 1) / page() * page() + page();
  void* map = mmap(nullptr, fiber.map_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (map == MAP_FAILED) return false;
  fiber.map = static_cast<char*>(map);
  mprotect(fiber.map, page(), PROT_NONE);
  fiber.colour = colour;
  fiber_restart(fiber, entry);
  return true;
}

void fiber_destroy(Fiber& fiber) {
  if (fiber.map != nullptr) munmap(fiber.map, fiber.map_bytes);
#ifndef SOFTCUDA_ASM
  delete static_cast<ucontext_t*>(fiber.stack_pointer);
#endif
  fiber = Fiber{};
}

bool fiber_guard_hit(const Fiber& fiber, const void* address) {
  const char* at = static_cast<const char*>(address);
  return fiber.map != nullptr && at >= fiber.map && at < fiber.map + page();
}

}  // namespace softcuda
