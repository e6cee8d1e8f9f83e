// Kills a program at a chosen system call, so that every moment between two changes of its files can be tried.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

namespace sec {

// Whether the call renames or removes a file.
inline bool renames_or_removes(const __ptrace_syscall_info& info) {
  const auto number = static_cast<long>(info.entry.nr);
#ifdef SYS_rename
  if (number == SYS_rename || number == SYS_unlink) {
    return true;
  }
#endif
  return number == SYS_renameat || number == SYS_renameat2 || number == SYS_unlinkat;
}

// Whether the call changes a file or a folder in any way.
inline bool changes_files(const __ptrace_syscall_info& info) {
  const auto number = static_cast<long>(info.entry.nr);
  const auto creates = [&](int argument) { return (info.entry.args[argument] & O_CREAT) != 0; };
#ifdef SYS_rename
  if (number == SYS_mkdir || (number == SYS_open && creates(1))) {
    return true;
  }
#endif
  const bool writes = number == SYS_write || number == SYS_writev || number == SYS_pwrite64;
  return renames_or_removes(info) || number == SYS_mkdirat || number == SYS_fsync ||
         number == SYS_ftruncate || (writes && info.entry.args[0] > STDERR_FILENO) ||
         (number == SYS_openat && creates(2));
}

struct CallOutcome {
  bool killed;
  int status;  // as waitpid() reports it
  int calls;   // that counted
};

// Runs a program and kills it when its first thread is about to make the n-th call that counts, n from 1 on.
// Returns std::nullopt if programs cannot be traced here.
inline std::optional<CallOutcome> kill_at_call(const std::vector<std::string>& arguments, int n,
                                               bool (*counts)(const __ptrace_syscall_info&)) {
  std::vector<char*> words;
  for (const std::string& argument : arguments) {
    words.push_back(const_cast<char*>(argument.c_str()));
  }
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
      ::_exit(121);
    }
    ::execv(words[0], words.data());
    ::_exit(122);
  }
  CallOutcome outcome{false, 0, 0};
  ::waitpid(child, &outcome.status, 0);  // stops before the program's first instruction
  if (!WIFSTOPPED(outcome.status)) {
    return std::nullopt;
  }
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (int signal = 0;;) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, signal);
    ::waitpid(child, &outcome.status, 0);
    if (!WIFSTOPPED(outcome.status)) {
      return outcome;
    }
    signal = WSTOPSIG(outcome.status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(outcome.status);
    __ptrace_syscall_info info{};
    if (signal != 0 || ::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY || !counts(info)) {
      continue;
    }
    if (++outcome.calls == n) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &outcome.status, 0);
      outcome.killed = true;
      return outcome;
    }
  }
}

}  // namespace sec
