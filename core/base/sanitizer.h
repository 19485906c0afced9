// Whether this build has a sanitizer, which needs memory and system calls of its own.

#ifndef OCTAVO_CORE_BASE_SANITIZER_H_
#define OCTAVO_CORE_BASE_SANITIZER_H_

namespace octavo {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kHasSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kHasSanitizer = true;
#else
inline constexpr bool kHasSanitizer = false;
#endif
#else
inline constexpr bool kHasSanitizer = false;
#endif

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_SANITIZER_H_
