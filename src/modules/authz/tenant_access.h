#pragma once

#include "modules/authz/ports.h"

namespace nexus::authz {

/// The key to search::ReadableDocuments' factories.
class ReadableDocumentsFactory {
 public:
  [[nodiscard]] static search::ReadableDocuments everything(std::shared_ptr<const search::DocumentSpace> space) {
    return search::ReadableDocuments::everything(std::move(space));
  }
};

/// Every member of a tenant reads every document of its corpora: the rule until document permissions arrive.
class TenantAccess final : public DocumentAccess {
 public:
  [[nodiscard]] search::ReadableDocuments readable(db::Snapshot& /*db*/, const TenantScope& /*tenant*/,
                                                   const Principal& /*principal*/, std::string_view /*corpus_id*/,
                                                   std::shared_ptr<const search::DocumentSpace> space) const override {
    return ReadableDocumentsFactory::everything(std::move(space));
  }
};

}  // namespace nexus::authz
