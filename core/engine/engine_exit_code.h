// The exit codes by which the engine says what it can no longer write.

#ifndef OCTAVO_CORE_ENGINE_ENGINE_EXIT_CODE_H_
#define OCTAVO_CORE_ENGINE_ENGINE_EXIT_CODE_H_

namespace octavo {

// An allocation failed: the limit on its data segment is reached.
inline constexpr int kOutOfMemoryExitCode = 86;
// Its parent is gone: the control pipe is at its end.
inline constexpr int kOrphanedExitCode = 87;

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_ENGINE_EXIT_CODE_H_
