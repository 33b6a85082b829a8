#include "http/upload.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "base/ids.h"
#include "crypto/hash.h"
#include "http/multipart.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <system_error>
#include <unistd.h>

namespace nexus::http {
namespace {

[[noreturn]] void throw_storage_error(int error, std::string_view action) {
  const auto cause = std::string(action) + ": " + std::generic_category().message(error);
  const bool full = error == ENOSPC || error == EDQUOT;
  throw ApiError(full ? errors::kInsufficientStorage : errors::kInternalError).with_cause(cause);
}

/// A new file that this process writes once; closed when the object goes.
class SpoolFile {
 public:
  explicit SpoolFile(const std::filesystem::path& path)
      : descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0) throw_storage_error(errno, "create spool file");
  }
  ~SpoolFile() { ::close(descriptor_); }
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_storage_error(errno, "write spool file");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

 private:
  int descriptor_;
};

}  // namespace

class UploadSpool::Parts final : public PartSink {
 public:
  Parts(std::filesystem::path directory, const std::string& boundary, const Limits& limits)
      : directory_(std::move(directory)),
        limits_(limits),
        parser(boundary, *this, {.max_fields = limits.max_fields, .max_files = limits.max_files}) {}

  void begin_part(PartHead head) override {
    head_ = std::move(head);
    if (!head_.is_file) {
      form.emplace_back(head_.name, std::string());
      return;
    }
    UploadedFile file;
    file.field = head_.name;
    file.filename = head_.filename;
    file.content_type = head_.content_type;
    file.path = directory_ / (uuid4() + ".part");
    files.push_back(std::move(file));
    digest_ = crypto::Sha256();
    output_.emplace(files.back().path);
  }

  void part_data(std::string_view bytes) override {
    if (head_.is_file) {
      output_->write(bytes);
      digest_.update(bytes);
      files.back().size += bytes.size();
      return;
    }
    std::string& value = form.back().second;
    fields_bytes_ += bytes.size();
    if (value.size() + bytes.size() > limits_.max_field_bytes || fields_bytes_ > limits_.max_fields_bytes)
      throw MultipartError("A field of the multipart body is too large");
    value += bytes;
  }

  void end_part() override {
    if (!head_.is_file) return;
    files.back().sha256 = hex_encode(digest_.finish());
    output_.reset();
  }

 private:
  std::filesystem::path directory_;
  Limits limits_;
  PartHead head_;
  crypto::Sha256 digest_;
  std::optional<SpoolFile> output_;
  std::uint64_t fields_bytes_ = 0;

 public:
  Pairs form;
  std::vector<UploadedFile> files;
  MultipartParser parser;
};

UploadSpool::UploadSpool(std::filesystem::path directory, std::string_view content_type, const Limits& limits) {
  const auto boundary = multipart_boundary(content_type);
  if (!boundary) throw ApiError(errors::kBadRequest, "Missing boundary in multipart.");
  parts_ = std::make_unique<Parts>(std::move(directory), *boundary, limits);
}

UploadSpool::~UploadSpool() {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : parts_->files) paths.push_back(file.path);
  remove_untaken(paths);
}

void UploadSpool::consume(std::string_view block) {
  try {
    parts_->parser.feed(block);
  } catch (const MultipartError& error) {
    throw ApiError(errors::kBadRequest, error.what());
  }
}

void UploadSpool::finish() {
  try {
    parts_->parser.finish();
  } catch (const MultipartError& error) {
    throw ApiError(errors::kBadRequest, error.what());
  }
}

void UploadSpool::release(Request& request) {
  request.form = std::move(parts_->form);
  request.files = std::move(parts_->files);
  parts_->files.clear();
}

void remove_untaken(const std::vector<std::filesystem::path>& paths) noexcept {
  for (const auto& path : paths) ::unlink(path.c_str());  // gone already: somebody took it
}

}  // namespace nexus::http
