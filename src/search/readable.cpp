#include "search/readable.h"

#include <algorithm>
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

ReadableDocuments::ReadableDocuments(Kind kind, Ids ids, bool with_no_document)
    : kind_(kind), with_no_document_(with_no_document) {
  if (kind == Kind::kEverything) return;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (!ids.empty() && ids.front().empty()) ids.erase(ids.begin());
  ids_ = std::make_shared<const Ids>(std::move(ids));
}

bool ReadableDocuments::contains(std::string_view document_id) const {
  if (all()) return true;
  if (document_id.empty()) return with_no_document_;
  const bool listed = std::binary_search(ids_->begin(), ids_->end(), document_id);
  return listed == (kind_ == Kind::kOnly);
}

ReadableOrdinals::ReadableOrdinals(const ReadableDocuments& readable, std::shared_ptr<const DocumentSpace> space)
    : space_(std::move(space)), all_(readable.all()) {
  if (all_) return;
  const bool denied = readable.kind() == ReadableDocuments::Kind::kExcept;
  readable_ = Bitmap(space_->size(), denied);
  for (const std::string& id : *readable.ids()) {
    const std::optional<std::uint32_t> ordinal = space_->find(id);
    if (!ordinal || *ordinal >= readable_.size()) continue;  // appeared since
    if (denied) {
      readable_.reset(*ordinal);
    } else {
      readable_.set(*ordinal);
    }
  }
  if (readable.with_no_document()) {
    readable_.set(DocumentSpace::kNoDocument);
  } else {
    readable_.reset(DocumentSpace::kNoDocument);
  }
}

ReadableOrdinals ReadableOrdinals::only(std::shared_ptr<const DocumentSpace> space, Bitmap readable,
                                        bool with_no_document) {
  if (readable.size() == 0) readable = Bitmap(1);
  if (with_no_document) readable.set(DocumentSpace::kNoDocument);
  return {std::move(space), false, std::move(readable)};
}

}  // namespace nexus::search
