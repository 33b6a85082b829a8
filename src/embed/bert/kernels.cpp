#include "embed/bert/kernels.h"

#include <stdexcept>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nexus::embed::bert {
namespace {

#if defined(__x86_64__)

// g++ 12 has no name for this bit: leaf 7, subleaf 1, EAX bit 4 (Intel SDM, CPUID).
[[nodiscard]] bool has_avx_vnni() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4U & 1U) != 0;
}

// __builtin_cpu_supports() also asks whether the system saves the wide registers (XGETBV).
void add_wide_kernels(std::vector<const Kernels*>& kernels) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0)
    kernels.push_back(&kAvx512VnniKernels);
  if (__builtin_cpu_supports("avx2") == 0) return;
  if (has_avx_vnni()) kernels.push_back(&kAvxVnniKernels);
  kernels.push_back(&kAvx2Kernels);
}

#endif

[[nodiscard]] std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> kernels;
#if defined(__x86_64__)
  add_wide_kernels(kernels);
#endif
  kernels.push_back(&kScalarKernels);
  return kernels;
}

}  // namespace

std::span<const Kernels* const> supported_kernels() noexcept {
  static const std::vector<const Kernels*> kernels = detect();
  return kernels;
}

const Kernels& kernels_named(std::string_view name) {
  const std::span<const Kernels* const> kernels = supported_kernels();
  if (name.empty() || name == "auto") return *kernels.front();
  std::string names;
  for (const Kernels* each : kernels) {
    if (each->name == name) return *each;
    names += " " + std::string(each->name);
  }
  throw std::invalid_argument("no kernels named \"" + std::string(name) + "\" on this processor; it has:" + names);
}

}  // namespace nexus::embed::bert
