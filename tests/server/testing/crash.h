// Code that is killed in the middle, as by `kill -9`.

#ifndef OCTAVO_TESTS_SERVER_TESTING_CRASH_H_
#define OCTAVO_TESTS_SERVER_TESTING_CRASH_H_

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <functional>
#include <vector>

#include "gtest/gtest.h"

namespace octavo {

// What a child said before it ended, and whether it was killed.
struct CrashedRun {
  std::vector<int64_t> said;
  bool was_killed = false;
};

// Runs `body` in a child of one thread. What it says with `say` is what it has acknowledged: the
// test holds it to it. `body` may end itself by raise(SIGKILL); with `kill_after` >= 0 it is killed
// after so many words.
inline CrashedRun RunAndCrash(
    const std::function<void(const std::function<void(int64_t)>& say)>& body, int kill_after = -1) {
  int fds[2];
  EXPECT_EQ(::pipe(fds), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(fds[0]);
    body([&](int64_t word) {
      if (::write(fds[1], &word, sizeof word) != sizeof word) ::_exit(1);
    });
    ::_exit(0);
  }
  ::close(fds[1]);
  CrashedRun run;
  int64_t word = 0;
  while (::read(fds[0], &word, sizeof word) == sizeof word) {
    run.said.push_back(word);
    if (static_cast<int>(run.said.size()) == kill_after) ::kill(child, SIGKILL);
  }
  ::close(fds[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  run.was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT_TRUE(run.was_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
  return run;
}

}  // namespace octavo

#endif  // OCTAVO_TESTS_SERVER_TESTING_CRASH_H_
