// Who makes the results: this program, on this processor.

#ifndef OCTAVO_CORE_ENGINE_ENGINE_IDENTITY_H_
#define OCTAVO_CORE_ENGINE_ENGINE_IDENTITY_H_

#include <string>

namespace octavo {

struct EngineIdentity {
  std::string version;  // "0.1.0"
  // 16 hexadecimal digits: a digest of the build ids of this program and of every library that it
  // has loaded. Another build of either is another engine: its results may differ.
  std::string build;
  std::string cpu_class;
  std::string cpu_model;
};

// Reads /proc/cpuinfo: before the sandbox.
EngineIdentity IdentifyEngine();

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_ENGINE_IDENTITY_H_
