#pragma once

#include "opensearch/cluster.h"
#include "opensearch/outbox_repository.h"

#include <cstdint>
#include <span>
#include <stop_token>

namespace nexus::opensearch {

/// Deletes the chunks of each subject (a document, or a whole corpus) whose number is smaller than the claim's, after
/// making everything that was sent searchable: deleting by query finds only that. Deleted is deleted for searches when
/// this returns. Throws Error, also when something was left.
void delete_older(Cluster& cluster, std::span<const Claim> claims, std::int64_t timeout_ms, std::stop_token stop = {});

/// Makes what was sent searchable.
void refresh(Cluster& cluster, std::int64_t timeout_ms, std::stop_token stop = {});

}  // namespace nexus::opensearch
