// Tells the thread sanitizer of Abseil's locks. Linked into every test program of its build.
//
// The distribution's Abseil is not instrumented: without this, whatever an absl::Mutex guards looks
// raced for. The program's definitions come before the library's, and call them.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"

namespace {

// The library's own function of a mangled name.
template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// What the library does in between, other threads' conditions included, is not looked at.
template <typename Lock>
auto Locking(void* mutex, unsigned flags, const Lock& lock) {
  __tsan_mutex_pre_lock(mutex, flags);
  const auto result = lock();
  const bool has_failed = (flags & __tsan_mutex_try_lock) != 0 && !result;
  __tsan_mutex_post_lock(mutex, flags | (has_failed ? __tsan_mutex_try_lock_failed : 0), 0);
  return result;
}

template <typename Unlock>
void Unlocking(void* mutex, unsigned flags, const Unlock& unlock) {
  __tsan_mutex_pre_unlock(mutex, flags);
  unlock();
  __tsan_mutex_post_unlock(mutex, flags);
}

constexpr unsigned kWrite = __tsan_mutex_linker_init;
constexpr unsigned kRead = __tsan_mutex_linker_init | __tsan_mutex_read_lock;

}  // namespace

namespace absl {

using Void = void (*)(Mutex*);
using Bool = bool (*)(Mutex*);
using synchronization_internal::KernelTimeout;

void Mutex::Lock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<Void>("_ZN4absl7debian75Mutex4LockEv");
  Locking(this, kWrite, [&] { return real(this), true; });
}

void Mutex::Unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<Void>("_ZN4absl7debian75Mutex6UnlockEv");
  Unlocking(this, kWrite, [&] { real(this); });
}

bool Mutex::TryLock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<Bool>("_ZN4absl7debian75Mutex7TryLockEv");
  return Locking(this, kWrite | __tsan_mutex_try_lock, [&] { return real(this); });
}

void Mutex::ReaderLock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<Void>("_ZN4absl7debian75Mutex10ReaderLockEv");
  Locking(this, kRead, [&] { return real(this), true; });
}

void Mutex::ReaderUnlock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<Void>("_ZN4absl7debian75Mutex12ReaderUnlockEv");
  Unlocking(this, kRead, [&] { real(this); });
}

bool Mutex::LockWhenCommon(const Condition& condition, KernelTimeout timeout,
                           bool write) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<bool (*)(Mutex*, const Condition&, KernelTimeout, bool)>(
      "_ZN4absl7debian75Mutex14LockWhenCommonERKNS0_9ConditionENS0_24synchronization_internal13"
      "KernelTimeoutEb");
  return Locking(this, write ? kWrite : kRead,
                 [&] { return real(this, condition, timeout, write); });
}

// Only while the lock is held for writing, as everywhere in Octavo.
bool Mutex::AwaitCommon(const Condition& condition,
                        KernelTimeout timeout) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<bool (*)(Mutex*, const Condition&, KernelTimeout)>(
      "_ZN4absl7debian75Mutex11AwaitCommonERKNS0_9ConditionENS0_24synchronization_internal13"
      "KernelTimeoutE");
  Unlocking(this, kWrite, [] {});
  return Locking(this, kWrite, [&] { return real(this, condition, timeout); });
}

bool CondVar::WaitCommon(Mutex* mutex, KernelTimeout timeout) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  static const auto real = Real<bool (*)(CondVar*, Mutex*, KernelTimeout)>(
      "_ZN4absl7debian77CondVar10WaitCommonEPNS0_5MutexENS0_24synchronization_internal13"
      "KernelTimeoutE");
  Unlocking(mutex, kWrite, [] {});
  return Locking(mutex, kWrite, [&] { return real(this, mutex, timeout); });
}

}  // namespace absl
