// Turns an uploaded file into clean UTF-8 text, or into a reason a person understands.
//
// Everything but plain text and Markdown is read by a child process that has nothing to lose: no network, no files,
// no environment, a few hundred megabytes and a few seconds (sandbox.h, confine.h). Whatever a hostile file does to
// its reader, the caller sees an ExtractionFailed.
#pragma once

#include "text/extract/kind.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::text::extract {

struct Limits {
  std::size_t max_bytes_in = std::size_t{64} << 20;
  std::size_t max_text_out = std::size_t{32} << 20;
  std::size_t max_pages = 5000;                       // PDF
  unsigned cpu_seconds = 30;                          // per process
  unsigned wall_seconds = 60;                         // for the whole extraction
  std::size_t memory_bytes = std::size_t{768} << 20;  // address space of a child
  std::size_t max_archive_entries = 4096;             // DOCX
  std::size_t max_inflate_ratio = 200;                // DOCX: inflated bytes per byte of the file, above 1 MiB
};

enum class MarkKind : std::uint8_t { kPage, kHeading };

// A place in the text. Pages: `level` is the page number from 1, no title. Headings: `level` 1 to 6.
struct Mark {
  MarkKind kind = MarkKind::kHeading;
  std::size_t offset = 0;  // byte offset into Extracted::text, at which the page or the heading's line begins
  unsigned level = 1;
  std::string title;
  bool operator==(const Mark&) const = default;
};

// `text` is valid UTF-8 with `\n` line ends, without NUL and other control characters, never blank.
// Blocks are separated by blank lines, headings start with `#`, tables are pipe rows.
// `metadata` may hold: title, author, pages, rows, charset.
struct Extracted {
  std::string text;
  std::vector<Mark> marks;
  std::map<std::string, std::string> metadata;
};

enum class Failure : std::uint8_t {
  kEncrypted,
  kEmpty,
  kDamaged,
  kTooLarge,
  kTooManyPages,
  kTimeout,
  kUnsupported,
  kMemory,
  kUndecodable,
  kMissingText,  // JSON without the `text` member that the upload route asks for
  kCancelled,
  kUnavailable,  // the server's fault, not the file's: no child, no converter
};

// "encrypted", "empty", "damaged", "too_large", "too_many_pages", "timeout", "unsupported", "memory", "undecodable",
// "missing_text", "cancelled", "unavailable": stable, for failure columns and metrics.
[[nodiscard]] std::string_view failure_code(Failure failure);

class ExtractionFailed : public std::runtime_error {
 public:
  // `reason` is one sentence for the person who uploaded the file; `diagnostics` is for the log and may be empty.
  ExtractionFailed(Failure failure, const std::string& reason, std::string diagnostics = {})
      : std::runtime_error(reason), failure_(failure), diagnostics_(std::move(diagnostics)) {}
  [[nodiscard]] Failure failure() const { return failure_; }
  [[nodiscard]] std::string_view code() const { return failure_code(failure_); }
  [[nodiscard]] std::string_view reason() const { return what(); }
  [[nodiscard]] const std::string& diagnostics() const { return diagnostics_; }

 private:
  Failure failure_;
  std::string diagnostics_;
};

struct Request {
  Kind kind = Kind::kText;
  std::string charset;     // declared by the sender, may be empty (Detection::charset)
  bool lenient = false;    // keep going over undecodable bytes instead of refusing
  bool json_text = false;  // JSON must be an object with `text`, and that is the text (the upload contract)
  Limits limits;
};

// Reads in the calling process, without any isolation but with all limits on sizes. This is what the child does; call
// it yourself only for bytes you trust, and in fuzzers. PDF starts the converter as a further process.
[[nodiscard]] Extracted extract_here(std::string_view bytes, const Request& request);

struct ExtractorConfig {
  std::string executable = "/proc/self/exe";  // must hand `__extract …` to extract_child_main
};

// Immutable; any number of threads may call it at once. Blocks for as long as the limits allow, so it belongs on a lane
// for long work. Throws ExtractionFailed only (std::bad_alloc aside).
class Extractor {
 public:
  explicit Extractor(ExtractorConfig config = {}) : config_(std::move(config)) {}
  // Bytes need to live until the call returns. A stop request kills the child at once and throws kCancelled.
  [[nodiscard]] Extracted extract(std::string_view bytes, const Request& request, std::stop_token stop = {}) const;
  // The same for a file on disk, which is not read into this process unless it is plain text.
  [[nodiscard]] Extracted extract_file(const std::string& path, const Request& request,
                                       std::stop_token stop = {}) const;

 private:
  [[nodiscard]] Extracted in_child(int input_fd, const Request& request, std::stop_token stop) const;
  ExtractorConfig config_;
};

inline constexpr std::string_view kChildCommand = "__extract";

// The whole life of a child: confines itself, reads the document from standard input, writes one result to standard
// output. main() calls it first thing, before threads and logs exist, when argv[1] is kChildCommand. Does not return
// in practice: it ends with _exit so that no destructor of the server runs.
int extract_child_main(int argc, char** argv);

}  // namespace nexus::text::extract
