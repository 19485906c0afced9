// What this machine's processor is, as far as results depend on it.

#ifndef OCTAVO_CORE_ENGINE_CPU_IDENTITY_H_
#define OCTAVO_CORE_ENGINE_CPU_IDENTITY_H_

#include <string>

namespace octavo {

// The instruction set by which kernels are chosen: "avx512vnni", "avx512", "avx2", "neon-dotprod"
// ... Calibrated results of one class are the same; between classes they may part in the last bits.
std::string CpuClass();

// As /proc/cpuinfo calls it; empty where that is not to be read.
std::string CpuModel();

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_CPU_IDENTITY_H_
