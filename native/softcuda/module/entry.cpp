// Linked once into every kernel module: the table of its kernels, and its per-host-thread state.
// All thread-local storage of the module is this context and the kernels' static __shared__ variables,
// so poisoning the module's TLS block, less the context, poisons exactly the shared memory.
#include <link.h>
#include <string.h>

#include "softcuda_abi.h"

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN __thread softcuda::Context softcuda_context;
HIDDEN const softcuda::Api* softcuda_api;
HIDDEN const softcuda::Kernel* softcuda_kernels;

namespace {

ptrdiff_t tls_offset;  // from the context to the start of the module's TLS block
size_t tls_bytes;

softcuda::Context* context() { return &softcuda_context; }

int find_tls(dl_phdr_info* info, size_t size, void* self) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(self);
  bool mine = false;
  size_t bytes = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    const uintptr_t start = info->dlpi_addr + header.p_vaddr;
    mine |= header.p_type == PT_LOAD && address >= start && address < start + header.p_memsz;
    if (header.p_type == PT_TLS) bytes = header.p_memsz;
  }
  if (!mine) return 0;
  if (size >= offsetof(dl_phdr_info, dlpi_tls_data) + sizeof(void*) && info->dlpi_tls_data) {
    tls_offset = static_cast<char*>(info->dlpi_tls_data) - reinterpret_cast<char*>(context());
    tls_bytes = bytes;
  }
  return 1;
}

void poison_shared(int value) {
  char* here = reinterpret_cast<char*>(context());
  char* start = here + tls_offset;
  char* after = here + sizeof(softcuda::Context);
  if (tls_bytes == 0) return;
  memset(start, value, static_cast<size_t>(here - start));
  memset(after, value, static_cast<size_t>(start + tls_bytes - after));
}

softcuda::Module module;

}  // namespace

extern "C" __attribute__((visibility("default"))) const softcuda::Module* softcuda_module_entry(
    const softcuda::Api* api) {
  softcuda_api = api;
  softcuda_context.dynamic_shared = nullptr;  // touch, so that the TLS block exists
  dl_iterate_phdr(find_tls, reinterpret_cast<void*>(&softcuda_module_entry));
  module = {SOFTCUDA_ABI, softcuda_kernels, context, poison_shared,
            tls_bytes > sizeof(softcuda::Context) ? tls_bytes - sizeof(softcuda::Context) : 0};
  return &module;
}
