// Which documents of a corpus a search may touch.
#pragma once

#include "search/bitmap.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace nexus::authz {
class ReadableDocumentsFactory;
}

namespace nexus::search {

// Numbers for the documents of one loaded index: dense, in order of first appearance, never given twice. They live as
// long as the loaded index; a reloaded index has a new space with other numbers. Thread-safe.
class DocumentSpace {
 public:
  // The number of all chunks that belong to no document (id "").
  static constexpr std::uint32_t kNoDocument = 0;

  DocumentSpace();

  // Existing or new number.
  std::uint32_t intern(std::string_view document_id);
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view document_id) const;
  [[nodiscard]] std::string id(std::uint32_t ordinal) const;  // throws std::out_of_range
  // One more than the largest number.
  [[nodiscard]] std::size_t size() const;

 private:
  mutable std::shared_mutex mutex_;
  std::deque<std::string> ids_;  // addresses are stable: the map's keys are views of them
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

// Proof that someone decided what may be read. Only authz makes it; there is no default and no conversion. It belongs
// to one DocumentSpace, so it can neither be used on another corpus nor outlive a reload unnoticed. Documents that
// appeared after it was made are not readable through it.
class ReadableDocuments {
 public:
  [[nodiscard]] bool all() const noexcept { return all_; }
  [[nodiscard]] bool contains(std::uint32_t ordinal) const noexcept { return all_ || readable_.test(ordinal); }
  [[nodiscard]] const std::shared_ptr<const DocumentSpace>& space() const noexcept { return space_; }

 private:
  friend class authz::ReadableDocumentsFactory;
  friend struct ReadableDocumentsTestPeer;
  friend class JudgedCollection;  // eval.h: an index of its own, filled from public test sets

  // Everything, also what is added later.
  [[nodiscard]] static ReadableDocuments everything(std::shared_ptr<const DocumentSpace> space) {
    return {std::move(space), true, {}};
  }
  // Exactly the set bits. Bit kNoDocument stands for the chunks without a document; `with_no_document` sets it.
  [[nodiscard]] static ReadableDocuments only(std::shared_ptr<const DocumentSpace> space, Bitmap readable,
                                              bool with_no_document = true);

  ReadableDocuments(std::shared_ptr<const DocumentSpace> space, bool all, Bitmap readable)
      : space_(std::move(space)), all_(all), readable_(std::move(readable)) {}

  std::shared_ptr<const DocumentSpace> space_;
  bool all_;
  Bitmap readable_;
};

}  // namespace nexus::search
