#include "config/setting.h"

namespace nexus::config {

std::string_view to_string(Area area) {
  switch (area) {
    case Area::kGeneral:
      return "General";
    case Area::kServer:
      return "HTTP server";
    case Area::kLanes:
      return "Threads and queues";
    case Area::kStorage:
      return "Storage";
    case Area::kJobs:
      return "Jobs and workers";
    case Area::kAuthentication:
      return "Authentication";
    case Area::kAuthorization:
      return "Authorization";
    case Area::kIdentity:
      return "Single sign-on and provisioning";
    case Area::kRateLimiting:
      return "Rate limits";
    case Area::kAudit:
      return "Audit";
    case Area::kKeys:
      return "Keys and encryption";
    case Area::kResilience:
      return "Streams and resilience";
    case Area::kDocuments:
      return "Documents";
    case Area::kSearch:
      return "Search and answers";
    case Area::kModels:
      return "Models";
    case Area::kSpeech:
      return "Speech";
    case Area::kRetention:
      return "Retention, idempotency, lists";
    case Area::kBilling:
      return "Billing webhook";
    case Area::kCosts:
      return "Costs";
    case Area::kServiceLevels:
      return "Service levels and autoscaling";
    case Area::kOperability:
      return "Alerts, incidents, notifications";
    case Area::kBackup:
      return "Backup and restore";
    case Area::kGovernance:
      return "Governance and compliance";
    case Area::kRegions:
      return "Regions and failover";
    case Area::kPerformance:
      return "Performance runs";
    case Area::kReceiver:
      return "Reference webhook receiver";
  }
  return "General";
}

std::string_view to_string(Type type) {
  switch (type) {
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kReal:
      return "float";
    case Type::kText:
      return "text";
    case Type::kSecret:
      return "secret";
  }
  return "text";
}

}  // namespace nexus::config
