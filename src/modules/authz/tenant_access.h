#pragma once

#include "modules/authz/ports.h"

#include <utility>

namespace nexus::authz {

/// The key to search::ReadableDocuments' factories.
class ReadableDocumentsFactory {
 public:
  [[nodiscard]] static search::ReadableDocuments everything() { return search::ReadableDocuments::everything(); }
  [[nodiscard]] static search::ReadableDocuments only(search::ReadableDocuments::Ids ids, bool with_no_document) {
    return search::ReadableDocuments::only(std::move(ids), with_no_document);
  }
  [[nodiscard]] static search::ReadableDocuments except(search::ReadableDocuments::Ids ids, bool with_no_document) {
    return search::ReadableDocuments::except(std::move(ids), with_no_document);
  }
};

/// Every member of a tenant reads every document of its corpora: the rule until document permissions arrive.
class TenantAccess final : public DocumentAccess {
 public:
  [[nodiscard]] search::ReadableDocuments readable(db::Snapshot& /*db*/, const TenantScope& /*tenant*/,
                                                   const Principal& /*principal*/,
                                                   std::string_view /*corpus_id*/) const override {
    return ReadableDocumentsFactory::everything();
  }
};

}  // namespace nexus::authz
