#include "db/copy/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace nexus::db::copy {
namespace {

/// The kind of a column that one side calls `a` and the other `b`; empty when they do not fit.
std::optional<Kind> common_kind(Kind a, Kind b) {
  if (a == Kind::kOther || b == Kind::kOther) return std::nullopt;
  if (a == b) return a;
  const auto stored_as = [](Kind kind) {  // by an engine of four types
    switch (kind) {
      case Kind::kBool:
      case Kind::kTime:
        return Kind::kInt;
      case Kind::kJson:
      case Kind::kDecimal:
      case Kind::kUuid:
        return Kind::kText;
      case Kind::kVector:
        return Kind::kBlob;
      default:
        return kind;
    }
  };
  if (stored_as(a) == b) return a;
  if (stored_as(b) == a) return b;
  return std::nullopt;
}

bool fits_a_key(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kText || kind == Kind::kBool || kind == Kind::kTime || kind == Kind::kUuid;
}

/// Places of the key's columns in the plan; a problem when there is no key, or a column of it is not copied.
std::vector<std::size_t> places(const TablePlan& plan, const Table& table, std::string_view side, Plan& out) {
  std::vector<std::size_t> found;
  for (const std::string& name : table.key) {
    const auto at = std::ranges::find(plan.columns, name, &ColumnPlan::name);
    if (at == plan.columns.end() || !fits_a_key(at->kind)) {
      out.problems.push_back(fmt::format("{}: the {}'s key column {} cannot be read in order", plan.name, side, name));
      return {};
    }
    found.push_back(static_cast<std::size_t>(at - plan.columns.begin()));
  }
  if (found.empty()) out.problems.push_back(fmt::format("{}: has no primary key in the {}", plan.name, side));
  return found;
}

TablePlan pair(const std::string& name, const Table& source, const Table& target, Plan& out) {
  TablePlan plan{.name = name};
  for (const Column& from : source.columns) {
    const Column* to = target.find(from.name);
    if (to == nullptr) {
      plan.lost_columns.insert(from.name);
      continue;
    }
    if (to->generated) continue;
    if (const auto kind = common_kind(from.kind, to->kind))
      plan.columns.push_back({from.name, *kind});
    else
      out.problems.push_back(fmt::format("{}.{}: {} in the source, {} in the target", name, from.name,
                                         to_string(from.kind), to_string(to->kind)));
  }
  for (const Column& to : target.columns)
    if (source.find(to.name) == nullptr && to.not_null && !to.has_default && !to.generated)
      out.problems.push_back(fmt::format("{}.{}: the target needs it and the source does not have it", name, to.name));
  plan.source_key = places(plan, source, "source", out);
  plan.target_key = places(plan, target, "target", out);
  return plan;
}

/// Tables behind those they refer to; what refers to each other in a circle keeps the order of names.
void order(std::vector<TablePlan>& tables, const std::vector<std::pair<std::string, std::string>>& references) {
  std::vector<TablePlan> ordered;
  std::set<std::string> waiting;
  for (const TablePlan& table : tables) waiting.insert(table.name);
  const auto is_free = [&](const TablePlan& table) {
    return std::ranges::none_of(references, [&](const auto& reference) {
      return reference.first == table.name && reference.second != table.name && waiting.contains(reference.second);
    });
  };
  while (!tables.empty()) {
    auto next = std::ranges::find_if(tables, is_free);
    if (next == tables.end()) next = tables.begin();
    waiting.erase(next->name);
    ordered.push_back(std::move(*next));
    tables.erase(next);
  }
  tables = std::move(ordered);
}

}  // namespace

Plan make_plan(const Catalog& source, const Catalog& target, const Rules& rules) {
  Plan plan;
  for (const auto& [name, table] : source.tables) {
    if (rules.left_out.contains(name)) continue;
    const auto other = target.tables.find(name);
    if (other == target.tables.end())
      plan.unknown.push_back(name);
    else
      plan.tables.push_back(pair(name, table, other->second, plan));
  }
  order(plan.tables, target.references);
  return plan;
}

}  // namespace nexus::db::copy
