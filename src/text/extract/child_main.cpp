#include "text/extract/child_arguments.h"
#include "text/extract/confine.h"
#include "text/extract/result_frame.h"
#include "text/extract/sandbox.h"

#include <fmt/format.h>

#include <charconv>
#include <exception>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nexus::text::extract {
namespace {

// Every number that crosses, once.
template <class Visit>
bool each_number(Limits& limits, Visit visit) {
  return visit("max_bytes_in", limits.max_bytes_in) || visit("max_text_out", limits.max_text_out) ||
         visit("max_pages", limits.max_pages) || visit("cpu_seconds", limits.cpu_seconds) ||
         visit("wall_seconds", limits.wall_seconds) || visit("memory_bytes", limits.memory_bytes) ||
         visit("max_archive_entries", limits.max_archive_entries) ||
         visit("max_inflate_ratio", limits.max_inflate_ratio);
}

bool set_option(Request& request, std::string_view name, std::string_view value) {
  if (name == "charset") {
    request.charset = value;
    return true;
  }
  if (name == "lenient" || name == "json_text") {
    (name == "lenient" ? request.lenient : request.json_text) = value == "1";
    return value == "1" || value == "0";
  }
  return each_number(request.limits, [&](std::string_view known, auto& field) {
    if (name != known) return false;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), field);
    return error == std::errc() && end == value.data() + value.size();
  });
}

// The document, mapped from standard input when that is a file, else copied.
class Input {
 public:
  explicit Input(std::size_t max_bytes) {
    struct stat info {};
    if (fstat(0, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
      size_ = static_cast<std::size_t>(info.st_size);
      address_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, 0, 0);
      if (address_ == MAP_FAILED) throw std::bad_alloc();
      return;
    }
    std::string block(1 << 16, '\0');
    for (ssize_t n = 0; copy_.size() <= max_bytes && (n = read(0, block.data(), block.size())) > 0;)
      copy_.append(block.data(), static_cast<std::size_t>(n));
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    if (address_ != nullptr && address_ != MAP_FAILED) munmap(address_, size_);
  }
  [[nodiscard]] std::string_view bytes() const {
    return address_ != nullptr ? std::string_view(static_cast<const char*>(address_), size_) : std::string_view(copy_);
  }

 private:
  void* address_ = nullptr;
  std::size_t size_ = 0;
  std::string copy_;
};

std::string answer(const Request& request) {
  try {
    const Input input(request.limits.max_bytes_in);
    return encode_result(extract_here(input.bytes(), request));
  } catch (const ExtractionFailed& failed) {
    return encode_failure(failed.failure(), failed.reason());
  } catch (const std::bad_alloc&) {
    return encode_failure(Failure::kMemory, "Reading the file needs more memory than one document may use.");
  } catch (const std::exception& error) {
    return encode_failure(Failure::kDamaged, fmt::format("The file could not be read: {}.", error.what()));
  }
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

std::vector<std::string> child_arguments(const Request& request) {
  std::vector<std::string> out{"nexusrag",
                               std::string(kChildCommand),
                               std::string(kind_name(request.kind)),
                               fmt::format("charset={}", request.charset),
                               fmt::format("lenient={}", request.lenient ? 1 : 0),
                               fmt::format("json_text={}", request.json_text ? 1 : 0)};
  Limits limits = request.limits;
  each_number(limits, [&](std::string_view name, auto& value) {
    out.push_back(fmt::format("{}={}", name, value));
    return false;
  });
  return out;
}

std::optional<Request> parse_child_arguments(std::span<const std::string_view> arguments) {
  if (arguments.empty()) return std::nullopt;
  const auto kind = kind_from_name(arguments.front());
  if (!kind) return std::nullopt;
  Request request;
  request.kind = *kind;
  for (const std::string_view argument : arguments.subspan(1)) {
    const auto equals = argument.find('=');
    if (equals == std::string_view::npos ||
        !set_option(request, argument.substr(0, equals), argument.substr(equals + 1)))
      return std::nullopt;
  }
  return request;
}

int extract_child_main(int argc, char** argv) {
  std::vector<std::string_view> arguments;
  for (int i = 2; i < argc; ++i) arguments.emplace_back(argv[i]);
  const auto request = parse_child_arguments(arguments);
  if (!request) _exit(64);
  // Standard output carries the frame and nothing else: what a library prints goes to standard error.
  const int result_fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
  if (result_fd < 0 || dup2(2, 1) < 0) _exit(71);
  try {
    const bool pdf = request->kind == Kind::kPdf;  // handed on to the converter as an anonymous file
    confine(pdf ? Confinement::kConverter : Confinement::kParser,
            {request->limits.cpu_seconds, request->limits.memory_bytes, pdf ? request->limits.max_bytes_in : 0});
  } catch (const std::exception&) {
    _exit(71);
  }
  const std::string frame = answer(*request);
  _exit(write_all(result_fd, frame) ? 0 : 74);
}

}  // namespace nexus::text::extract
