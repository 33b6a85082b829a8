#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// The commands as plain functions: cli.cpp fills the options and calls one. Each returns an exit code (failure.h),
/// prints its result to standard output and everything else to standard error, and does not throw.
namespace nexus::cli {

/// Options that every command takes.
struct Globals {
  std::vector<std::string> overrides;  ///< "NAME=value" of --set
  bool json = false;
};

// --- processes

struct ServeOptions {
  std::optional<std::string> listen;  ///< HOST:PORT
};
/// Serves until SIGTERM or SIGINT.
int cmd_serve(const Globals& globals, const ServeOptions& options);
/// Runs jobs until SIGTERM or SIGINT.
int cmd_worker(const Globals& globals);

struct HealthOptions {
  std::optional<std::string> url;  ///< empty: LISTEN_HOST and LISTEN_PORT of this machine
  bool live = false;               ///< ask whether the process runs, not whether it is ready
};
/// Asks a running server how it is: kNo when it answers anything but 200. For checks of containers and service
/// managers.
int cmd_health(const Globals& globals, const HealthOptions& options);

// --- the database

struct MigrateOptions {
  bool dry_run = false;
  bool status = false;
};
int cmd_migrate(const Globals& globals, const MigrateOptions& options);
int cmd_seed_demo(const Globals& globals);

struct CopyOptions {
  std::string from;  ///< database URL, or "env:NAME" or "file:PATH" that hold it
  std::string to;
  bool check_only = false;   ///< compare what both hold, copy nothing
  bool force = false;        ///< also when a server or worker seems to run on the source
  std::int64_t batch = 500;  ///< rows in one transaction, at most
};
/// Moves all rows of an installation to another, migrated and empty database; goes on where an earlier run stopped.
int cmd_copy(const Globals& globals, const CopyOptions& options);

struct AuditOptions {
  std::optional<std::string> tenant;            ///< empty: every chain
  std::optional<std::filesystem::path> output;  ///< of export; empty: standard output
  std::string format = "jsonl";                 ///< of export: "jsonl" or "ocsf"
};
int cmd_audit_verify(const Globals& globals, const AuditOptions& options);
int cmd_audit_export(const Globals& globals, const AuditOptions& options);
/// Removes what is past its retention, of every tenant (prunings.h).
struct Pruning;
int cmd_prune(const Globals& globals, const Pruning& what);

// --- keys (contract 01 §15)

struct KeyCreateOptions {
  std::string tenant;
  std::string role;
  std::string name;
  std::optional<std::string> user_id;
  std::optional<std::string> email;
  std::optional<std::int64_t> expires_in_days;
  std::string plan;  ///< empty: none is given
};
struct KeyRotateOptions {
  std::string id;
  std::optional<std::string> name;
  bool keep_old_active = false;
};
struct KeyListOptions {
  std::string tenant;
  std::int64_t inactive_days = 90;
  bool inactive_only = false;
};
int cmd_keys_create(const Globals& globals, const KeyCreateOptions& options);
int cmd_keys_revoke(const Globals& globals, const std::string& id);
int cmd_keys_rotate(const Globals& globals, const KeyRotateOptions& options);
int cmd_keys_list(const Globals& globals, const KeyListOptions& options);

// --- plans

struct PlanOptions {
  std::string tenant;
  std::string plan;
  std::string feature;
  std::optional<std::string> enabled;  ///< "on", "off", or "plan" for what the plan says
  std::optional<std::string> config;   ///< a JSON object, or "plan"
};
int cmd_plans_list(const Globals& globals);
int cmd_plans_show(const Globals& globals, const PlanOptions& options);
int cmd_plans_assign(const Globals& globals, const PlanOptions& options);
int cmd_plans_override(const Globals& globals, const PlanOptions& options);

// --- questions and documents

/// Which corpus, and who does the work.
struct TargetOptions {
  std::string corpus = "c1";
  std::string tenant = "t1";
  std::optional<std::string> url;
  std::optional<std::string> key;
  bool local = false;  ///< in this process even when a server runs
};
struct AskOptions {
  TargetOptions target;
  std::string question;
  std::optional<std::string> session;
  std::optional<std::int64_t> top_k;
};
struct IngestOptions {
  TargetOptions target;
  std::vector<std::filesystem::path> paths;
  bool create = false;  ///< the corpus, when there is none
  bool force = false;   ///< also files that are stored unchanged
};
int cmd_ask(const Globals& globals, const AskOptions& options);
int cmd_ingest(const Globals& globals, const IngestOptions& options);

struct EvalCommandOptions {
  std::filesystem::path folder;
  std::string model = "local";
};
int cmd_eval(const Globals& globals, const EvalCommandOptions& options);

struct SearchIndexOptions {
  std::optional<std::string> tenant;
  std::optional<std::string> corpus;
  bool recreate = false;  ///< of rebuild: deletes the index first
};
int cmd_search_index_rebuild(const Globals& globals, const SearchIndexOptions& options);
int cmd_search_index_verify(const Globals& globals, const SearchIndexOptions& options);

// --- models, settings, description

struct ModelsOptions {
  bool force = false;  ///< install again what is there
};
int cmd_models_list(const Globals& globals);
int cmd_models_install(const Globals& globals, const ModelsOptions& options);
int cmd_models_verify(const Globals& globals);

struct ConfigOptions {
  bool changed_only = false;
  bool env_example = false;
};
int cmd_config_print(const Globals& globals, const ConfigOptions& options);
int cmd_config_check(const Globals& globals);
int cmd_config_docs(const Globals& globals, const ConfigOptions& options);
int cmd_openapi(const Globals& globals);

}  // namespace nexus::cli
