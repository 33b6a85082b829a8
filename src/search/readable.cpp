#include "search/readable.h"

#include <mutex>
#include <stdexcept>
#include <utility>

namespace nexus::search {

DocumentSpace::DocumentSpace() {
  intern("");
}

std::uint32_t DocumentSpace::intern(std::string_view document_id) {
  const std::unique_lock lock(mutex_);
  const auto known = numbers_.find(document_id);
  if (known != numbers_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(ids_.size());
  ids_.emplace_back(document_id);
  numbers_.emplace(ids_.back(), number);
  return number;
}

std::optional<std::uint32_t> DocumentSpace::find(std::string_view document_id) const {
  const std::shared_lock lock(mutex_);
  const auto known = numbers_.find(document_id);
  if (known == numbers_.end()) return std::nullopt;
  return known->second;
}

std::string DocumentSpace::id(std::uint32_t ordinal) const {
  const std::shared_lock lock(mutex_);
  return ids_.at(ordinal);
}

std::size_t DocumentSpace::size() const {
  const std::shared_lock lock(mutex_);
  return ids_.size();
}

ReadableDocuments ReadableDocuments::only(std::shared_ptr<const DocumentSpace> space, Bitmap readable,
                                          bool with_no_document) {
  if (readable.size() == 0) readable = Bitmap(1);
  if (with_no_document) readable.set(DocumentSpace::kNoDocument);
  return {std::move(space), false, std::move(readable)};
}

}  // namespace nexus::search
