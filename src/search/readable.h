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
#include <utility>
#include <vector>

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

// Proof that someone decided what may be read in one corpus. Only authz makes it; there is no default and no
// conversion. Three forms, so that every index can use the short one: all, a list of what may be read, a list of what
// may not. Chunks that belong to no document are said apart. Cheap to copy; immutable.
class ReadableDocuments {
 public:
  enum class Kind : std::uint8_t { kEverything, kOnly, kExcept };
  using Ids = std::vector<std::string>;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  // Without any filter: every document, also later ones, and the chunks of none.
  [[nodiscard]] bool all() const noexcept { return kind_ == Kind::kEverything; }
  // Sorted, each once, never ""; null for kEverything. Copies share it, so its address tells whether two are the same.
  [[nodiscard]] const std::shared_ptr<const Ids>& ids() const noexcept { return ids_; }
  [[nodiscard]] bool with_no_document() const noexcept { return with_no_document_; }
  // "" asks for the chunks without a document.
  [[nodiscard]] bool contains(std::string_view document_id) const;

 private:
  friend class authz::ReadableDocumentsFactory;
  friend struct ReadableDocumentsTestPeer;

  [[nodiscard]] static ReadableDocuments everything() { return {Kind::kEverything, {}, true}; }
  [[nodiscard]] static ReadableDocuments only(Ids ids, bool with_no_document = true) {
    return {Kind::kOnly, std::move(ids), with_no_document};
  }
  [[nodiscard]] static ReadableDocuments except(Ids ids, bool with_no_document = true) {
    return {Kind::kExcept, std::move(ids), with_no_document};
  }
  ReadableDocuments(Kind kind, Ids ids, bool with_no_document);

  Kind kind_;
  std::shared_ptr<const Ids> ids_;
  bool with_no_document_;
};

// The same for the numbers of one loaded index. It belongs to one DocumentSpace, so it can neither be used on another
// corpus nor outlive a reload unnoticed. Unless everything may be read, documents that appeared after it was made are
// not readable through it.
class ReadableOrdinals {
 public:
  // Looks every listed id up: O(ids).
  ReadableOrdinals(const ReadableDocuments& readable, std::shared_ptr<const DocumentSpace> space);

  [[nodiscard]] bool all() const noexcept { return all_; }
  [[nodiscard]] bool contains(std::uint32_t ordinal) const noexcept { return all_ || readable_.test(ordinal); }
  [[nodiscard]] const std::shared_ptr<const DocumentSpace>& space() const noexcept { return space_; }
  // Number of documents that were known when this was made.
  [[nodiscard]] std::size_t size() const noexcept { return readable_.size(); }

 private:
  friend struct ReadableDocumentsTestPeer;
  friend class JudgedCollection;  // eval.h: an index of its own, filled from public test sets

  [[nodiscard]] static ReadableOrdinals everything(std::shared_ptr<const DocumentSpace> space) {
    return {std::move(space), true, {}};
  }
  // Exactly the set bits. Bit kNoDocument stands for the chunks without a document; `with_no_document` sets it.
  [[nodiscard]] static ReadableOrdinals only(std::shared_ptr<const DocumentSpace> space, Bitmap readable,
                                             bool with_no_document = true);

  ReadableOrdinals(std::shared_ptr<const DocumentSpace> space, bool all, Bitmap readable)
      : space_(std::move(space)), all_(all), readable_(std::move(readable)) {}

  std::shared_ptr<const DocumentSpace> space_;
  bool all_;
  Bitmap readable_;
};

}  // namespace nexus::search
