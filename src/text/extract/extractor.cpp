#include "text/extract/charset.h"
#include "text/extract/child_arguments.h"
#include "text/extract/extract.h"
#include "text/extract/readers.h"
#include "text/extract/result_frame.h"
#include "text/extract/sandbox.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace nexus::text::extract {
namespace {

void check_size(std::size_t size, const Limits& limits) {
  if (size == 0) throw ExtractionFailed(Failure::kEmpty, "The file is empty.");
  if (size > limits.max_bytes_in)
    throw ExtractionFailed(Failure::kTooLarge,
                           fmt::format("The file is larger than {} KiB.", limits.max_bytes_in / 1024));
}

Extracted read_kind(std::string_view bytes, const Request& request) {
  switch (request.kind) {
    case Kind::kMarkdown:
      return read_markdown(bytes, request);
    case Kind::kHtml:
      return read_html(bytes, request);
    case Kind::kPdf:
      return read_pdf(bytes, request);
    case Kind::kDocx:
      return read_docx(bytes, request);
    case Kind::kCsv:
      return read_csv(bytes, request);
    case Kind::kJson:
      return read_json(bytes, request);
    case Kind::kText:
      break;
  }
  return read_text(bytes, request);
}

bool needs_child(Kind kind) {
  return kind != Kind::kText && kind != Kind::kMarkdown;
}

[[noreturn]] void raise_end(const ChildResult& result, const Limits& limits) {
  switch (result.end) {
    case ChildEnd::kCancelled:
      throw ExtractionFailed(Failure::kCancelled, "Reading the file was cancelled.");
    case ChildEnd::kTooMuchOutput:
      throw ExtractionFailed(Failure::kTooLarge, "The document holds too much text; split it.");
    case ChildEnd::kTimedOut:
      throw ExtractionFailed(Failure::kTimeout,
                             fmt::format("Reading the file took longer than {} s.", limits.wall_seconds),
                             result.diagnostics);
    case ChildEnd::kSignalled:
      if (result.code == SIGXCPU)
        throw ExtractionFailed(Failure::kTimeout,
                               fmt::format("Reading the file took more than {} s of computing.", limits.cpu_seconds),
                               result.diagnostics);
      if (result.code == SIGKILL)  // not by us: the kernel, for want of memory
        throw ExtractionFailed(Failure::kMemory, "Reading the file needs more memory than one document may use.",
                               result.diagnostics);
      break;
    case ChildEnd::kExited:
      break;
  }
  throw ExtractionFailed(Failure::kDamaged, "The file could not be read: its reader failed on it.",
                         fmt::format("{} {}: {}", result.end == ChildEnd::kSignalled ? "signal" : "exit status",
                                     result.code, result.diagnostics));
}

std::string slurp(const std::string& path, std::size_t max_bytes) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw std::system_error(errno, std::generic_category(), "open");
  std::string bytes;
  std::string block(1 << 16, '\0');
  while (bytes.size() <= max_bytes) {
    const ssize_t n = ::read(file.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::generic_category(), "read");
    if (n == 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(n));
  }
  return bytes;
}

ExtractionFailed unavailable(const std::system_error& error) {
  return {Failure::kUnavailable, "The server cannot read files at the moment; try again.", error.what()};
}

}  // namespace

std::string_view failure_code(Failure failure) {
  switch (failure) {
    case Failure::kEncrypted:
      return "encrypted";
    case Failure::kEmpty:
      return "empty";
    case Failure::kDamaged:
      return "damaged";
    case Failure::kTooLarge:
      return "too_large";
    case Failure::kTooManyPages:
      return "too_many_pages";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kUnsupported:
      return "unsupported";
    case Failure::kMemory:
      return "memory";
    case Failure::kUndecodable:
      return "undecodable";
    case Failure::kMissingText:
      return "missing_text";
    case Failure::kCancelled:
      return "cancelled";
    case Failure::kUnavailable:
      break;
  }
  return "unavailable";
}

Extracted extract_here(std::string_view bytes, const Request& request) {
  check_size(bytes.size(), request.limits);
  Extracted out = read_kind(bytes, request);
  if (is_blank(out.text)) throw ExtractionFailed(Failure::kEmpty, "The file contains no text.");
  if (out.text.size() > request.limits.max_text_out)
    throw ExtractionFailed(Failure::kTooLarge, fmt::format("The document holds more than {} KiB of text; split it.",
                                                           request.limits.max_text_out / 1024));
  return out;
}

Extracted Extractor::in_child(int input_fd, const Request& request, std::stop_token stop) const {
  ChildCommand command;
  command.executable = config_.executable;
  command.arguments = child_arguments(request);
  command.input_fd = input_fd;
  command.max_output = max_frame_bytes(request.limits);
  command.wall = std::chrono::seconds(request.limits.wall_seconds);
  const ChildResult result = run_child(command, std::move(stop));
  if (result.end != ChildEnd::kExited || result.code != 0) raise_end(result, request.limits);
  return decode_result(result.output, request.limits);
}

Extracted Extractor::extract(std::string_view bytes, const Request& request, std::stop_token stop) const {
  check_size(bytes.size(), request.limits);
  if (!needs_child(request.kind)) return extract_here(bytes, request);
  try {
    const Descriptor input = memory_file(bytes.data(), bytes.size());
    return in_child(input.get(), request, std::move(stop));
  } catch (const std::system_error& error) {
    throw unavailable(error);
  }
}

Extracted Extractor::extract_file(const std::string& path, const Request& request, std::stop_token stop) const {
  try {
    if (!needs_child(request.kind)) return extract_here(slurp(path, request.limits.max_bytes_in), request);
    const Descriptor input = memory_file_of(path, request.limits.max_bytes_in);
    const off_t size = lseek(input.get(), 0, SEEK_END);
    check_size(static_cast<std::size_t>(size), request.limits);
    lseek(input.get(), 0, SEEK_SET);
    return in_child(input.get(), request, std::move(stop));
  } catch (const std::system_error& error) {
    throw unavailable(error);
  }
}

}  // namespace nexus::text::extract
