#include "app/core.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/operator.h"
#include "cli/terminal.h"
#include "json/json.h"
#include "modules/plans/plans_service.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace nexus::cli {
namespace {

std::string_view on_off(bool enabled) {
  return enabled ? "on" : "off";
}

void append_feature(json::Writer& w, std::string_view key, bool enabled,
                    const std::optional<boost::json::object>& config) {
  w.begin_object().field("feature_key", key).field("enabled", enabled).key("config_json");
  config ? w.raw(json::write(*config)) : w.null();
  w.end_object();
}

int list_plans(const Globals& globals) {
  Session session(globals);
  const std::vector<plans::Plan> catalogue = session.core().entitled->plans.catalogue();
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object().key("plans").begin_array();
    for (const plans::Plan& plan : catalogue) {
      w.begin_object().field("id", plan.id).field("name", plan.name).field("is_active", plan.is_active);
      w.key("features").begin_array();
      for (const plans::PlanFeature& feature : plan.features)
        append_feature(w, feature.feature_key, feature.enabled, feature.config);
      w.end_array().end_object();
    }
    w.end_array().end_object();
    print(out + "\n");
    return kDone;
  }
  std::vector<std::vector<std::string>> rows{{"feature"}};
  for (const std::string_view key : plans::kFeatureKeys) rows.push_back({std::string(key)});
  for (const plans::Plan& plan : catalogue) {
    rows.front().push_back(plan.is_active ? plan.id : plan.id + " (inactive)");
    for (auto row = rows.begin() + 1; row != rows.end(); ++row) row->emplace_back("off");
    for (const plans::PlanFeature& feature : plan.features)
      if (const auto index = plans::feature_index(feature.feature_key))
        rows[*index + 1].back() = on_off(feature.enabled);
  }
  print(render_table(rows));
  return kDone;
}

int print_tenant(const Globals& globals, const std::string& tenant, const plans::TenantEntitlements& found) {
  std::string out;
  if (globals.json) {
    json::Writer w(out);
    w.begin_object().field("tenant_id", tenant).field("plan_id", found.plan_id);
    for (const auto& [name, time] :
         {std::pair{"effective_from", found.effective_from}, std::pair{"effective_to", found.effective_to}}) {
      w.key(name);
      time ? w.value(iso(*time)) : w.null();
    }
    w.key("entitlements").begin_array();
    for (const plans::Entitlement& feature : found.features)
      append_feature(w, feature.feature_key, feature.enabled, feature.config);
    w.end_array().end_object();
    print(out + "\n");
    return kDone;
  }
  out = fmt::format("{}: plan {}", printable(tenant), found.plan_id);
  if (found.effective_from) out += " since " + iso_z(*found.effective_from);
  if (found.effective_to) out += " until " + iso_z(*found.effective_to);
  out += '\n';
  std::vector<std::vector<std::string>> rows{{"feature", "", "configuration"}};
  for (const plans::Entitlement& feature : found.features)
    rows.push_back({std::string(feature.feature_key), std::string(on_off(feature.enabled)),
                    feature.config ? printable(json::write(*feature.config)) : ""});
  print(out + render_table(rows));
  return kDone;
}

schema::Patch<bool> parse_switch(const std::optional<std::string>& text) {
  if (!text) return {};
  if (*text == "on") return true;
  if (*text == "off") return false;
  if (*text == "plan") return nullptr;
  throw UsageError("--enabled takes on, off or plan");
}

schema::Patch<boost::json::object> parse_config(const std::optional<std::string>& text) {
  if (!text) return {};
  if (*text == "plan") return nullptr;
  try {
    const boost::json::value value = json::parse(*text);
    if (value.is_object()) return value.get_object();
  } catch (const json::ParseError& e) {
    throw UsageError(fmt::format("--config: {}", e.what()));
  }
  throw UsageError("--config takes a JSON object, or plan");
}

int show_plan(const Globals& globals, const PlanOptions& options) {
  Session session(globals);
  return print_tenant(globals, options.tenant, session.core().entitled->plans.current(Operator::scope(options.tenant)));
}

int assign_plan(const Globals& globals, const PlanOptions& options) {
  Session session(globals);
  return print_tenant(globals, options.tenant,
                      session.core().entitled->plans.assign(Operator::scope(options.tenant), options.plan,
                                                            plans::Actor::tool("assign_plan")));
}

int override_feature(const Globals& globals, const PlanOptions& options) {
  const plans::OverrideChange change{
      .feature_key = options.feature, .enabled = parse_switch(options.enabled), .config = parse_config(options.config)};
  if (change.enabled.is_absent() && change.config.is_absent()) throw UsageError("give --enabled, --config or both");
  Session session(globals);
  return print_tenant(globals, options.tenant,
                      session.core().entitled->plans.override_feature(Operator::scope(options.tenant), change,
                                                                      plans::Actor::tool("override_feature")));
}

}  // namespace

int cmd_plans_list(const Globals& globals) {
  return guarded("plans list", [&] { return list_plans(globals); });
}
int cmd_plans_show(const Globals& globals, const PlanOptions& options) {
  return guarded("plans show", [&] { return show_plan(globals, options); });
}
int cmd_plans_assign(const Globals& globals, const PlanOptions& options) {
  return guarded("plans assign", [&] { return assign_plan(globals, options); });
}
int cmd_plans_override(const Globals& globals, const PlanOptions& options) {
  return guarded("plans override", [&] { return override_feature(globals, options); });
}

}  // namespace nexus::cli
