// Faults of kernel code. While a launch runs, SIGSEGV and its like are caught: a fault on a host thread
// that is inside a kernel ends the launch, every other one goes to the handler that was there before
// (a JVM uses SIGSEGV for its own purposes on its own threads).
#include <pthread.h>
#include <signal.h>
#include <cstdio>

#include <cstring>

#include "host.h"

namespace softcuda {

namespace {

constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr size_t ALTERNATE_BYTES = 64 * 1024;
struct sigaction previous[4];
__thread stack_t previous_stack __attribute__((tls_model("initial-exec")));

void on_signal(int signal, siginfo_t* info, void* context) {
  Host* host = current_host;
  if (host != nullptr && host->running) {
    host->signal = signal;
    host->signal_address = info->si_code == SI_KERNEL ? nullptr : info->si_addr;
    siglongjmp(host->jump, 1);
  }
  for (int i = 0; i < 4; i++) {
    if (SIGNALS[i] != signal) continue;
    const struct sigaction& old = previous[i];
    if ((old.sa_flags & SA_SIGINFO) != 0) {
      old.sa_sigaction(signal, info, context);
    } else if (old.sa_handler == SIG_DFL) {
      sigaction(signal, &old, nullptr);  // the instruction runs again, into the default action
    } else if (old.sa_handler != SIG_IGN) {
      old.sa_handler(signal);
    }
  }
}

}  // namespace

void install_handlers() {
  for (int i = 0; i < 4; i++) {
    struct sigaction old;
    sigaction(SIGNALS[i], nullptr, &old);
    if ((old.sa_flags & SA_SIGINFO) != 0 && old.sa_sigaction == on_signal) continue;
    previous[i] = old;
    struct sigaction ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = on_signal;
    ours.sa_mask = old.sa_mask;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (old.sa_flags & (SA_RESTART | SA_NODEFER));
    sigaction(SIGNALS[i], &ours, nullptr);
  }
}

void restore_handlers() {
  for (int i = 0; i < 4; i++) sigaction(SIGNALS[i], &previous[i], nullptr);
}

void begin_alternate_stack(Host& host) {
  if (host.alternate_stack == nullptr) host.alternate_stack = new char[ALTERNATE_BYTES];
  stack_t stack;
  memset(&stack, 0, sizeof stack);
  stack.ss_sp = host.alternate_stack;
  stack.ss_size = ALTERNATE_BYTES;
  sigaltstack(&stack, &previous_stack);
}

void end_alternate_stack() { sigaltstack(&previous_stack, nullptr); }

void Host::fail(CUresult code, const std::string& text) {
  fault.code = code;
  fault.text = text;
  signal = 0;
  siglongjmp(jump, 1);
}

std::string Host::where() const {
  return "kernel " + std::string(launch->name) + ", block " + to_text(context->block) + " of " + to_text(launch->grid) +
         ", thread " + to_text(context->thread) + " of " + to_text(launch->block);
}

void Host::after_fault() {
  idle.clear();
  for (size_t i = 0; i < fibers.size(); i++) {
    fiber_destroy(*fibers[i]);
  }
  fibers.clear();
  for (CopyQueue& q : queues) q = CopyQueue{};
  fiber = -1;
}

Fault describe_fault(const Host& host) {
  Fault fault = host.fault;
  if (host.signal != 0) {
    char address[32];
    snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(
                                                    reinterpret_cast<uintptr_t>(host.signal_address)));
    const uint64_t at = reinterpret_cast<uintptr_t>(host.signal_address);
    const char* shared_end = host.shared_map + host.shared_map_bytes;
    const ptrdiff_t past = static_cast<const char*>(host.signal_address) - shared_end;
    bool stack = false;
    for (auto& f : host.fibers) stack |= fiber_guard_hit(*f, host.signal_address);
    if (host.signal == SIGFPE) {
      fault = Fault{CUDA_ERROR_LAUNCH_FAILED, "integer division by zero or overflow"};
    } else if (host.signal == SIGILL) {
      fault = Fault{CUDA_ERROR_ILLEGAL_INSTRUCTION, "illegal instruction"};
    } else if (stack) {
      fault = Fault{CUDA_ERROR_ILLEGAL_ADDRESS, "stack overflow: the thread's local memory exceeds SOFTCUDA_STACK (" +
                                                    std::to_string(host.stack_bytes) + " bytes)"};
    } else if (past >= 0 && past < 4096) {
      fault = Fault{CUDA_ERROR_ILLEGAL_ADDRESS, std::string("illegal access past the launch's ") +
                                                    std::to_string(host.launch->shared_bytes) +
                                                    " bytes of dynamic shared memory"};
    } else if (host.signal_address == nullptr) {
      fault = Fault{CUDA_ERROR_ILLEGAL_ADDRESS, "illegal or misaligned access"};
    } else {
      fault = Fault{CUDA_ERROR_ILLEGAL_ADDRESS,
                    std::string("illegal access at ") + address + device().memory.describe(at)};
    }
  }
  fault.text = host.where() + ": " + fault.text;
  return fault;
}

}  // namespace softcuda
