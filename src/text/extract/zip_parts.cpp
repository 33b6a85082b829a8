#include "text/extract/zip_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace nexus::text::extract {
namespace {

struct FreeArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using ArchiveReader = std::unique_ptr<archive, FreeArchive>;

constexpr std::size_t kFreeInflation = std::size_t{1} << 20;

[[noreturn]] void damaged_zip(archive* reader) {
  const char* why = archive_error_string(reader);
  throw ExtractionFailed(Failure::kDamaged, "The file is damaged: its zip container cannot be read.",
                         why != nullptr ? why : "");
}

ArchiveReader open_zip(std::string_view bytes) {
  ArchiveReader reader(archive_read_new());
  if (!reader) throw std::bad_alloc();
  // Seekable: the central directory decides what is in the file, as it does for Word.
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) damaged_zip(reader.get());
  return reader;
}

std::string inflate(archive* reader, std::size_t& budget) {
  std::string out;
  std::array<char, 65536> block{};
  while (true) {
    const auto n = archive_read_data(reader, block.data(), block.size());
    if (n == 0) return out;
    if (n < 0) damaged_zip(reader);
    const auto size = static_cast<std::size_t>(n);
    if (size > budget)
      throw ExtractionFailed(Failure::kTooLarge,
                             "The document unpacks to far more data than a document of its size should.");
    budget -= size;
    out.append(block.data(), size);
  }
}

}  // namespace

std::map<std::string, std::string> read_zip_parts(std::string_view bytes, const Limits& limits,
                                                  const std::function<bool(std::string_view)>& wanted) {
  const ArchiveReader reader = open_zip(bytes);
  std::map<std::string, std::string> parts;
  std::size_t budget = std::max(kFreeInflation, bytes.size() * limits.max_inflate_ratio);
  budget = std::min(budget, std::max(kFreeInflation, limits.memory_bytes / 4));
  std::size_t entries = 0;
  while (true) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return parts;
    if (status == ARCHIVE_FATAL || status == ARCHIVE_FAILED || status == ARCHIVE_RETRY) damaged_zip(reader.get());
    if (++entries > limits.max_archive_entries)
      throw ExtractionFailed(Failure::kTooLarge, fmt::format("The document's container holds more than {} parts.",
                                                             limits.max_archive_entries));
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr || !wanted(name) || parts.contains(name)) continue;
    if (archive_entry_is_encrypted(entry) != 0)
      throw ExtractionFailed(Failure::kEncrypted,
                             "The document is protected by a password; remove it and upload again.");
    parts.emplace(name, inflate(reader.get(), budget));
  }
}

}  // namespace nexus::text::extract
