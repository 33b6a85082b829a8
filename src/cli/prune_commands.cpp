#include "app/core.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/prunings.h"
#include "cli/terminal.h"
#include "modules/maintenance/maintenance.h"

#include <optional>
#include <string>

namespace nexus::cli {
namespace {

int prune(const Globals& globals, const Pruning& what) {
  Session session(globals, {.migrate = false});
  const maintenance::FinishedRun done = session.core().maintenance->run(
      what.task, std::nullopt, {.actor_type = "system", .actor_id = std::string(what.tool)});
  print(globals.json ? pruned_json(what, done.removed) : pruned_text(what, done.removed));
  return kDone;
}

}  // namespace

int cmd_prune(const Globals& globals, const Pruning& what) {
  return guarded(what.tool, [&] { return prune(globals, what); });
}

}  // namespace nexus::cli
