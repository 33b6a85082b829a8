#include "cli/prunings.h"

#include "modules/maintenance/maintenance_types.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace nexus::cli {
namespace {

TEST(Prunings, PrintTheDocumentedCounters) {
  std::string all;
  for (const Pruning& what : prunings()) all += pruned_text(what, 3);
  EXPECT_EQ(all, "pruned_audit_events=3\npruned_idempotency_records=3\npruned_usage_counters=3\n");
  EXPECT_EQ(pruned_json(prunings()[0], 0), "{\"pruned_audit_events\":0}\n");
}

TEST(Prunings, AreTasksThatCoverAllTenants) {
  for (const Pruning& what : prunings()) EXPECT_NE(maintenance::find_task(what.task), nullptr) << what.task;
}

TEST(Prunings, HaveTheirDocumentedNamesAmongTheScripts) {
  const std::filesystem::path scripts = std::filesystem::path(NEXUS_SOURCE_DIR) / "scripts";
  for (const Pruning& what : prunings()) {
    const std::string tool(what.tool);
    std::ifstream in(scripts / tool);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    EXPECT_NE(text.find("prune " + std::string(what.name) + " \"$@\""), std::string::npos) << tool;
    EXPECT_TRUE(std::filesystem::exists(scripts / (tool + ".py"))) << tool;
  }
}

}  // namespace
}  // namespace nexus::cli
