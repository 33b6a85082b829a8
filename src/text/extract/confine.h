// What a process gives up before it looks at foreign bytes. Irreversible, inherited by everything it starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nexus::text::extract {

enum class Confinement : std::uint8_t {
  kParser,     // computes on what it has: no files, no processes, a short list of system calls
  kConverter,  // may also start system programs and read their libraries under /usr; still no network, no writing
};

struct ResourceLimits {
  unsigned cpu_seconds = 30;
  std::size_t memory_bytes = std::size_t{768}
                             << 20;  // address space; not applied in sanitizer builds, which reserve terabytes
  std::size_t file_bytes = 0;        // per file written, anonymous ones in memory included; pipes are not files
};

// Which of the layers that depend on the kernel took hold. The rlimits, no_new_privs and death with the parent always
// do.
struct ConfinementReport {
  bool landlock = false;  // file system (Linux 5.13)
  bool seccomp = false;   // system calls (x86-64 and aarch64)
};

// Call with one thread running. Sets RLIMIT_CPU, RLIMIT_AS, RLIMIT_NOFILE, RLIMIT_FSIZE,
// RLIMIT_CORE = 0, no_new_privs, PDEATHSIG, then Landlock and seccomp as far as the kernel has them. Throws
// std::system_error when one of the unconditional ones fails.
ConfinementReport confine(Confinement level, const ResourceLimits& limits);

}  // namespace nexus::text::extract
