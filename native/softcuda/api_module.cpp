// Driver entry points: modules, functions, launches. A module image is an ELF shared object made from the
// .cu files by g++ (README.md); anything else is CUDA_ERROR_INVALID_IMAGE.
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "runtime.h"

using namespace softcuda;

namespace {

#ifdef __x86_64__
constexpr int MACHINE = EM_X86_64;
#else
constexpr int MACHINE = EM_AARCH64;
#endif

// The image's length is not passed to cuModuleLoadData: it ends with its section header table.
size_t image_bytes(const void* image) {
  const unsigned char* bytes = static_cast<const unsigned char*>(image);
  for (int i = 0; i < SELFMAG; i++)
    if (bytes[i] != static_cast<unsigned char>(ELFMAG[i])) return 0;
  if (bytes[EI_CLASS] != ELFCLASS64) return 0;
  Elf64_Ehdr header;
  memcpy(&header, image, sizeof header);
  if (header.e_type != ET_DYN || header.e_machine != MACHINE || header.e_shoff == 0) return 0;
  return header.e_shoff + static_cast<size_t>(header.e_shnum) * header.e_shentsize;
}

// A file of its own for each image, in memory where that works.
int image_file(const void* image, size_t bytes) {
  int file = memfd_create("softcuda-module", MFD_CLOEXEC);
  if (file < 0) {
    char path[] = "/tmp/softcuda-module-XXXXXX";
    file = mkstemp(path);
    if (file < 0) return -1;
    unlink(path);
  }
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = write(file, static_cast<const char*>(image) + done, bytes - done);
    if (n <= 0) {
      close(file);
      return -1;
    }
    done += static_cast<size_t>(n);
  }
  return file;
}

CUresult load(Device& d, CUmodule* module, const void* image) {
  if (module == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const size_t bytes = image_bytes(image);
  if (bytes == 0) {
    d.last_fault = "not a module for softcuda: want an ELF shared object of this machine";
    return CUDA_ERROR_INVALID_IMAGE;
  }
  const int file = image_file(image, bytes);
  if (file < 0) return CUDA_ERROR_OPERATING_SYSTEM;
  // The name stays taken while the file is open, which is as long as the module is loaded: dlopen would take
  // an equal name for the same library.
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    d.last_fault = std::string("module does not load: ") + dlerror();
    close(file);
    return CUDA_ERROR_INVALID_IMAGE;
  }
  auto entry = reinterpret_cast<softcuda_module_entry_t>(dlsym(library, "softcuda_module_entry"));
  const Module* table = entry == nullptr ? nullptr : entry(&kernel_api);
  if (table == nullptr || table->abi != SOFTCUDA_ABI) {
    d.last_fault = table == nullptr ? "module has no softcuda_module_entry"
                                    : "module was built for softcuda ABI " + std::to_string(table->abi) +
                                          ", this is " + std::to_string(SOFTCUDA_ABI);
    dlclose(library);
    close(file);
    return CUDA_ERROR_INVALID_IMAGE;
  }
  CUmodule loaded = new CUmod_st{library, file, table, {}};
  for (const Kernel* k = table->kernels; k != nullptr; k = k->next) {
    auto function = std::make_unique<CUfunc_st>(CUfunc_st{loaded, k, static_cast<int>(DEFAULT_SHARED)});
    d.functions[function.get()] = loaded;
    loaded->functions[k->name] = std::move(function);
  }
  d.modules.insert(loaded);
  *module = loaded;
  return CUDA_SUCCESS;
}

CUresult run(Device& d, CUfunction function, uint3 grid, uint3 block, unsigned shared_bytes, void** parameters) {
  if (d.functions.count(function) == 0) return CUDA_ERROR_INVALID_HANDLE;  // unloaded since its capture
  const Kernel& kernel = *function->kernel;
  d.launches++;
  if (d.fail_launch > 0 && --d.fail_launch == 0) {
    d.lose(CUDA_ERROR_LAUNCH_FAILED, std::string("kernel ") + kernel.name + ": injected launch failure");
    return d.sticky;
  }
  const Launch job{kernel.name, &kernel, function->module->entry, parameters, grid, block, shared_bytes, d.launches};
  Fault fault = run_grid(job, d.options);
  if (fault.code == CUDA_SUCCESS && d.options.checking) {
    const std::string damage = d.memory.damage();
    if (!damage.empty()) fault = Fault{CUDA_ERROR_ILLEGAL_ADDRESS, std::string("kernel ") + kernel.name + ": " + damage};
  }
  if (fault.code != CUDA_SUCCESS) d.lose(fault.code, fault.text);
  if (d.flip.nth > 0 && --d.flip.nth == 0) d.memory.flip(d.flip.rank, d.flip.word, d.flip.bit);
  return fault.code;
}

// A launch with its arguments by value, as a graph keeps it.
std::function<CUresult()> recorded(Device& d, CUfunction function, uint3 grid, uint3 block, unsigned shared_bytes,
                                   void** parameters) {
  const Kernel& kernel = *function->kernel;
  std::vector<std::vector<char>> values;
  for (unsigned i = 0; i < kernel.parameters; i++) {
    const char* value = static_cast<const char*>(parameters[i]);
    values.emplace_back(value, value + kernel.sizes[i]);
  }
  return [=, &d]() mutable {
    std::vector<void*> pointers;
    for (auto& value : values) pointers.push_back(value.data());
    return run(d, function, grid, block, shared_bytes, pointers.data());
  };
}

CUresult launch(Device& d, CUfunction function, uint3 grid, uint3 block, unsigned shared_bytes, CUstream stream,
                void** parameters, void** extra) {
  if (d.functions.count(function) == 0 || !valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x == 0 || block.y == 0 || block.z == 0 ||
      grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535 || block.x > 1024 || block.y > 1024 || block.z > 64 ||
      static_cast<uint64_t>(block.x) * block.y * block.z > MAX_THREADS)
    return CUDA_ERROR_INVALID_VALUE;
  if (shared_bytes > static_cast<unsigned>(function->max_dynamic_shared)) return CUDA_ERROR_INVALID_VALUE;
  const Kernel& kernel = *function->kernel;
  std::vector<void*> unpacked;
  if (parameters == nullptr && kernel.parameters > 0) {
    // extra: CU_LAUNCH_PARAM_BUFFER_POINTER (1), address, …SIZE (2), address of the size, END (0)
    if (extra == nullptr) return CUDA_ERROR_INVALID_VALUE;
    char* buffer = nullptr;
    size_t bytes = 0;
    for (size_t i = 0; extra[i] != nullptr; i += 2) {
      if (reinterpret_cast<uintptr_t>(extra[i]) == 1) buffer = static_cast<char*>(extra[i + 1]);
      if (reinterpret_cast<uintptr_t>(extra[i]) == 2) bytes = *static_cast<size_t*>(extra[i + 1]);
    }
    size_t offset = 0;
    for (unsigned i = 0; i < kernel.parameters; i++) {
      offset = (offset + kernel.aligns[i] - 1) / kernel.aligns[i] * kernel.aligns[i];
      unpacked.push_back(buffer + offset);
      offset += kernel.sizes[i];
    }
    if (buffer == nullptr || offset > bytes) return CUDA_ERROR_INVALID_VALUE;
    parameters = unpacked.data();
  }
  if (stream != nullptr && stream->capture != nullptr &&
      captured(d, stream, recorded(d, function, grid, block, shared_bytes, parameters)))
    return CUDA_SUCCESS;
  return run(d, function, grid, block, shared_bytes, parameters);
}

}  // namespace

CUresult softcuda::unload_module(Device& d, CUmodule module) {
  for (auto& entry : module->functions) d.functions.erase(entry.second.get());
  d.modules.erase(module);
  dlclose(module->library);
  const std::string path = "/proc/self/fd/" + std::to_string(module->file);
  void* still = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (still == nullptr) close(module->file);  // else the name must stay taken
  else dlclose(still);
  delete module;
  return CUDA_SUCCESS;
}

CUDA_API cuModuleLoadData(CUmodule* module, const void* image) {
  SOFTCUDA_READY;
  return load(d, module, image);
}

CUDA_API cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned, int*, void**) {
  SOFTCUDA_READY;
  return load(d, module, image);
}

CUDA_API cuModuleUnload(CUmodule module) {
  SOFTCUDA_LOCK;
  if (d.modules.count(module) == 0) return CUDA_ERROR_INVALID_HANDLE;
  unload_module(d, module);
  return d.sticky;
}

CUDA_API cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  SOFTCUDA_READY;
  if (function == nullptr || name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (d.modules.count(module) == 0) return CUDA_ERROR_INVALID_HANDLE;
  auto found = module->functions.find(name);
  if (found == module->functions.end()) return CUDA_ERROR_NOT_FOUND;
  *function = found->second.get();
  return CUDA_SUCCESS;
}

CUDA_API cuFuncGetAttribute(int* value, int attribute, CUfunction function) {
  SOFTCUDA_READY;
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (d.functions.count(function) == 0) return CUDA_ERROR_INVALID_HANDLE;
  switch (attribute) {
    case 0: *value = static_cast<int>(MAX_THREADS); break;  // MAX_THREADS_PER_BLOCK
    case 8: *value = function->max_dynamic_shared; break;   // MAX_DYNAMIC_SHARED_SIZE_BYTES
    case 5: case 6: *value = 90; break;                     // PTX_VERSION, BINARY_VERSION
    default:
      if (attribute < 0 || attribute > 15) return CUDA_ERROR_INVALID_VALUE;
      *value = 0;  // registers, static shared and local bytes: not known here
  }
  return CUDA_SUCCESS;
}

CUDA_API cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  SOFTCUDA_READY;
  if (d.functions.count(function) == 0) return CUDA_ERROR_INVALID_HANDLE;
  if (attribute == 9) return CUDA_SUCCESS;  // PREFERRED_SHARED_MEMORY_CARVEOUT: a hint
  if (attribute != 8 || value < 0 || value > static_cast<int>(MAX_SHARED)) return CUDA_ERROR_INVALID_VALUE;
  function->max_dynamic_shared = value;
  return CUDA_SUCCESS;
}

CUDA_API cuFuncGetParamInfo(CUfunction function, size_t index, size_t* offset, size_t* bytes) {
  SOFTCUDA_READY;
  if (d.functions.count(function) == 0) return CUDA_ERROR_INVALID_HANDLE;
  const Kernel& kernel = *function->kernel;
  if (offset == nullptr || index >= kernel.parameters) return CUDA_ERROR_INVALID_VALUE;
  size_t at = 0;
  for (size_t i = 0; i <= index; i++) {
    at = (at + kernel.aligns[i] - 1) / kernel.aligns[i] * kernel.aligns[i];
    if (i < index) at += kernel.sizes[i];
  }
  *offset = at;
  if (bytes != nullptr) *bytes = kernel.sizes[index];
  return CUDA_SUCCESS;
}

CUDA_API cuFuncSetCacheConfig(CUfunction function, int) {
  SOFTCUDA_READY;
  return d.functions.count(function) == 0 ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

CUDA_API cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void** parameters,
                        void** extra) {
  SOFTCUDA_READY;
  return launch(d, function, uint3{grid_x, grid_y, grid_z}, uint3{block_x, block_y, block_z}, shared_bytes, stream,
                parameters, extra);
}

CUDA_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int, size_t) {
  SOFTCUDA_READY;
  if (d.functions.count(function) == 0) return CUDA_ERROR_INVALID_HANDLE;
  if (blocks == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *blocks = 1;
  return CUDA_SUCCESS;
}

// ---- entry points by name ----

// Finds a name as cuda.h's macros would: NAME_v2 before NAME for a caller that asks for the plain one.
static CUresult proc_address(const char* symbol, void** function, int* status) {
  if (symbol == nullptr || function == nullptr) return CUDA_ERROR_INVALID_VALUE;
  static void* const self = [] {
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&cuModuleUnload), &info);
    return dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  }();
  *function = nullptr;
  if (strncmp(symbol, "cu", 2) == 0 && self != nullptr) {
    *function = dlsym(self, (std::string(symbol) + "_v2").c_str());
    if (*function == nullptr) *function = dlsym(self, symbol);
  }
  if (status != nullptr) *status = *function == nullptr ? 1 : 0;  // CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND
  return *function == nullptr ? CUDA_ERROR_NOT_FOUND : CUDA_SUCCESS;
}

CUDA_API cuGetProcAddress(const char* symbol, void** function, int, uint64_t) {
  return proc_address(symbol, function, nullptr);
}
CUDA_API cuGetProcAddress_v2(const char* symbol, void** function, int, uint64_t, int* status) {
  return proc_address(symbol, function, status);
}
