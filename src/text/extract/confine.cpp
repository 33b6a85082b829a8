#include "text/extract/confine.h"

#include "text/extract/sanitized.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace nexus::text::extract {
namespace {

void limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard) {
  const rlimit value{soft, hard};
  if (setrlimit(resource, &value) != 0) throw std::system_error(errno, std::generic_category(), "setrlimit");
}

void apply_rlimits(const ResourceLimits& limits) {
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes);
  limit(RLIMIT_NOFILE, 64, 64);
  limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1);  // SIGXCPU first: it tells the parent why
  if (!kSanitized) limit(RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
}

// --- Landlock: glibc 2.36 has no wrappers.

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kAll =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | kRead | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

// Absent paths are no loss. Only directory rights may be given to directories, so files get the rest.
void allow_path(int ruleset, const char* path, std::uint64_t access) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = fd;
  syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  close(fd);
}

// The attributes as of ABI 6; Debian 12's header knows the first field only. Older kernels take a shorter structure.
struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

int create_ruleset() {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return -1;
  RulesetAttributes attributes{kAll, 0, 0};
  if (abi >= 3) attributes.handled_access_fs |= std::uint64_t{1} << 14;  // truncate
  if (abi >= 4) attributes.handled_access_net = 3;                       // TCP bind and connect
  if (abi >= 6) attributes.scoped = 3;  // abstract sockets of, and signals to, processes outside
  const std::size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  return static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
}

bool apply_landlock(Confinement level) {
  const int ruleset = create_ruleset();
  if (ruleset < 0) return false;
  if (level == Confinement::kConverter) {
    for (const char* path : {"/usr", "/lib", "/lib64"}) allow_path(ruleset, path, kRead | LANDLOCK_ACCESS_FS_EXECUTE);
    allow_path(ruleset, "/etc/fonts", kRead);
    allow_path(ruleset, "/etc/ld.so.cache", LANDLOCK_ACCESS_FS_READ_FILE);
    allow_path(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
  }
  const bool applied = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return applied;
}

// --- seccomp-bpf. Refused calls fail with EPERM instead of killing: a library that merely tries is allowed to go on.

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

sock_filter statement(int code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}
sock_filter jump(int code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
  return {static_cast<std::uint16_t>(code), yes, no, k};
}

const std::vector<long>& parser_calls() {
  static const std::vector<long> kCalls{
      SYS_read,           SYS_write,     SYS_readv,         SYS_writev,         SYS_close,        SYS_fstat,
      SYS_newfstatat,     SYS_lseek,     SYS_mmap,          SYS_mprotect,       SYS_munmap,       SYS_mremap,
      SYS_madvise,        SYS_brk,       SYS_rt_sigaction,  SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack,
      SYS_futex,          SYS_getrandom, SYS_clock_gettime, SYS_gettimeofday,   SYS_exit,         SYS_exit_group,
      SYS_getpid,         SYS_gettid,    SYS_tgkill,        SYS_sched_yield,    SYS_sysinfo,      SYS_clock_nanosleep,
      SYS_restart_syscall};
  return kCalls;
}

const std::vector<long>& converter_refusals() {
  static const std::vector<long> kCalls{SYS_socket,
                                        SYS_socketpair,
                                        SYS_connect,
                                        SYS_bind,
                                        SYS_ptrace,
                                        SYS_process_vm_readv,
                                        SYS_process_vm_writev,
                                        SYS_mount,
                                        SYS_umount2,
                                        SYS_pivot_root,
                                        SYS_chroot,
                                        SYS_unshare,
                                        SYS_setns,
                                        SYS_bpf,
                                        SYS_perf_event_open,
                                        SYS_keyctl,
                                        SYS_add_key,
                                        SYS_request_key,
                                        SYS_kexec_load,
                                        SYS_init_module,
                                        SYS_finit_module,
                                        SYS_delete_module,
                                        SYS_reboot,
                                        SYS_swapon,
                                        SYS_userfaultfd,
                                        SYS_io_uring_setup,
                                        SYS_io_uring_enter,
                                        SYS_io_uring_register,
                                        SYS_setsid,
                                        SYS_setpgid,
                                        SYS_open_by_handle_at,
                                        SYS_name_to_handle_at,
                                        SYS_quotactl,
                                        SYS_acct,
                                        SYS_personality,
                                        SYS_fanotify_init,
                                        SYS_prlimit64,
                                        SYS_move_pages,
                                        SYS_kcmp,
                                        SYS_pidfd_getfd};
  return kCalls;
}

bool apply_seccomp(Confinement level) {
  if (kArchitecture == 0) return false;
  const std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
  const bool parser = level == Confinement::kParser;
  const std::uint32_t listed = parser ? SECCOMP_RET_ALLOW : refuse;
  const std::uint32_t others = parser ? refuse : SECCOMP_RET_ALLOW;
  std::vector<sock_filter> program {
    statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        jump(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0), statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
#if defined(__x86_64__)
        // The x32 calls are the same kernel entry under other numbers.
        jump(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), statement(BPF_RET | BPF_K, refuse),
#endif
  };
  for (const long call : parser ? parser_calls() : converter_refusals()) {
    program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    program.push_back(statement(BPF_RET | BPF_K, listed));
  }
  program.push_back(statement(BPF_RET | BPF_K, others));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

ConfinementReport confine(Confinement level, const ResourceLimits& limits) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    throw std::system_error(errno, std::generic_category(), "prctl");
  apply_rlimits(limits);
  ConfinementReport report;
  // A sanitizer reads /proc and starts its symboliser when it has something to say, so it gets the wider filter and no
  // Landlock.
  if (!kSanitized) report.landlock = apply_landlock(level);
  report.seccomp = apply_seccomp(kSanitized ? Confinement::kConverter : level);
  return report;
}

}  // namespace nexus::text::extract
