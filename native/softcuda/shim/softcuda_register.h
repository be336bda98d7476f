// EXPORT_KERNEL(name): enters a kernel into its module's table, with a trampoline that unpacks
// cuLaunchKernel's `void** kernelParams` by the function's parameter types.
#pragma once

namespace softcuda {

template <auto F>
struct Trampoline;

template <class... A, void (*F)(A...)>
struct Trampoline<F> {
  static constexpr unsigned count = sizeof...(A);
  static constexpr uint32_t sizes[count + 1] = {sizeof(A)..., 0};
  static constexpr uint32_t aligns[count + 1] = {alignof(A)..., 0};

  static void run(void** parameters) { call(parameters, std::index_sequence_for<A...>{}); }

  template <size_t... I>
  static inline void call(void** parameters, std::index_sequence<I...>) {
    (void)parameters;
    F(*static_cast<std::remove_const_t<A>*>(parameters[I])...);
  }
};

struct Registration {
  Kernel kernel;
  Registration(const char* name, void (*run)(void**), unsigned count, const uint32_t* sizes,
               const uint32_t* aligns)
      : kernel{name, run, count, sizes, aligns, softcuda_kernels} {
    softcuda_kernels = &kernel;
  }
};

}  // namespace softcuda

#define EXPORT_KERNEL(function)                                                                \
  static const ::softcuda::Registration softcuda_registration_##function(                      \
      #function, ::softcuda::Trampoline<function>::run, ::softcuda::Trampoline<function>::count, \
      ::softcuda::Trampoline<function>::sizes, ::softcuda::Trampoline<function>::aligns);
