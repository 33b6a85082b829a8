#pragma once

#include "cli/commands.h"

#include <boost/json/array.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::cli {

struct Ask {
  std::string corpus;
  std::string question;
  std::string session;
  std::optional<std::int64_t> top_k;
};

struct Answer {
  std::string text;
  boost::json::array citations;  ///< as in `message.final`; [n] in the text is the n-th
};

/// A document as ingestion sees it.
struct DocumentState {
  std::string id;
  std::string status;  ///< "queued", "processing", "succeeded", "failed"
  std::optional<std::string> failure_reason;
  std::int64_t chunks = 0;
  std::optional<std::string> sha256;

  [[nodiscard]] bool is_final() const { return status == "succeeded" || status == "failed"; }
};

struct NewFile {
  std::filesystem::path path;
  std::string corpus;
  std::string document_id;
  std::string filename;
  std::string sha256;
  std::uint64_t size = 0;
};

/// One document was refused; the others may go on.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where questions and documents go: a running server, or the services in this process. Throws Failure. One thread.
class Backend {
 public:
  virtual ~Backend() = default;
  /// For people: "http://127.0.0.1:8000", or the database file.
  [[nodiscard]] virtual std::string name() const = 0;

  /// Gives the answer piece by piece, then whole.
  virtual Answer ask(const Ask& question, const std::function<void(std::string_view)>& on_delta) = 0;

  [[nodiscard]] virtual bool has_corpus(std::string_view corpus) = 0;
  virtual void create_corpus(std::string_view corpus) = 0;
  /// Empty when there is no such document.
  [[nodiscard]] virtual std::optional<DocumentState> find(std::string_view document_id) = 0;
  /// Adds the file, or replaces the document of that id. Throws Refused.
  virtual void submit(const NewFile& file) = 0;
};

/// "there is no corpus …", with what makes one.
[[nodiscard]] std::string no_corpus(std::string_view corpus, std::string_view where);

/// The server of --url; else the one that runs on this data folder; else this process. `--local` asks for the last.
/// With `must_exist`, a database file that is not there is a Failure and not made.
[[nodiscard]] std::unique_ptr<Backend> open_backend(const Globals& globals, const TargetOptions& target,
                                                    bool must_exist);

}  // namespace nexus::cli
