#include "cli/cli.h"

#include "base/version.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/failure.h"
#include "cli/prunings.h"
#include "cli/terminal.h"
#include "config/nearest.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>

/// The command tree, and nothing else: each leaf fills its options and calls one function of commands.h. The only file
/// that includes CLI11, which costs seconds to compile.
namespace nexus::cli {
namespace {

constexpr const char* kAbout =
    "NexusRAG: cited answers over your documents. One program: server, worker, command line.";
constexpr const char* kFooter =
    "Settings come from .env, the environment and --set NAME=value; `nexusrag config docs` lists them.\n\n"
    "Exit codes: 0 done; 1 failed, the reason is on standard error; 2 wrong arguments or settings;\n"
    "            3 the command worked and the answer is no (pending migrations, failed documents,\n"
    "              a damaged audit chain, missing model files, a server that is not ready, databases that differ).";

constexpr const char* kLeafFooter =
    "Every command takes --json and --set NAME=value too; `nexusrag --help` lists the exit codes.";

/// Every option of every command, and the command that was chosen. Lives as long as the parser.
struct Parsed {
  Globals globals;
  ServeOptions serve;
  HealthOptions health;
  MigrateOptions migrate;
  CopyOptions copy;
  SearchIndexOptions search_index;
  AuditOptions audit;
  KeyCreateOptions key_create;
  KeyRotateOptions key_rotate;
  KeyListOptions key_list;
  std::string key_id;
  PlanOptions plan;
  AskOptions ask;
  IngestOptions ingest;
  EvalCommandOptions eval;
  ModelsOptions models;
  ConfigOptions config;
  std::string shell;
  std::function<int()> chosen;
};

CLI::App* leaf(CLI::App& parent, Parsed& parsed, const char* name, const char* about, std::function<int()> run) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->callback([&parsed, run = std::move(run)] { parsed.chosen = run; });
  command->footer(kLeafFooter);
  return command;
}

CLI::App* group(CLI::App& parent, const char* name, const char* about) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->require_subcommand(1);
  command->footer(kLeafFooter);
  return command;
}

void add_processes(CLI::App& app, Parsed& p) {
  CLI::App* serve = leaf(app, p, "serve", "Serve the HTTP API until SIGTERM or Ctrl-C",
                         [&p] { return cmd_serve(p.globals, p.serve); });
  serve
      ->add_option("--listen", p.serve.listen,
                   "Address to bind; port 0 takes any free one (default: LISTEN_HOST, LISTEN_PORT)")
      ->type_name("HOST:PORT");
  leaf(app, p, "worker", "Run background jobs (ingestion, embedding) as a process of its own",
       [&p] { return cmd_worker(p.globals); });
  CLI::App* health = leaf(app, p, "health", "Ask the server on this machine whether it is ready (exit 3: it is not)",
                          [&p] { return cmd_health(p.globals, p.health); });
  health->add_option("--url", p.health.url, "Server (default: LISTEN_HOST, LISTEN_PORT)")->type_name("URL");
  health->add_flag("--live", p.health.live, "Ask only whether the process runs");
}

void add_questions(CLI::App& app, Parsed& p) {
  const auto add_target = [](CLI::App* command, TargetOptions& target) {
    command->add_option("--corpus", target.corpus, "Corpus id")->type_name("ID")->capture_default_str();
    command->add_option("--tenant", target.tenant, "Tenant, when no key says it")
        ->type_name("ID")
        ->capture_default_str();
    command->add_option("--url", target.url, "Server (default: the one running on DATA_DIR, else this process)")
        ->type_name("URL");
    command->add_option("--key", target.key, "API key (default: NEXUSRAG_API_KEY, else DATA_DIR/run/dev-key)")
        ->type_name("KEY");
    command->add_flag("--local", target.local, "Work in this process even when a server runs");
  };
  CLI::App* ask = leaf(app, p, "ask", "Ask a question; the answer streams, with its sources below",
                       [&p] { return cmd_ask(p.globals, p.ask); });
  ask->add_option("question", p.ask.question, "The question, in quotes")->required()->type_name("QUESTION");
  add_target(ask, p.ask.target);
  ask->add_option("--session", p.ask.session, "Go on in this session (default: a new one)")->type_name("ID");
  ask->add_option("--top-k", p.ask.top_k, "Passages to retrieve (default: the corpus's)")
      ->type_name("N")
      ->check(CLI::Range(1, 20));

  CLI::App* ingest = leaf(app, p, "ingest", "Add files and folders to a corpus and wait until they are searchable",
                          [&p] { return cmd_ingest(p.globals, p.ingest); });
  ingest->add_option("paths", p.ingest.paths, "Files, and folders with everything in them")
      ->required()
      ->type_name("PATH");
  add_target(ingest, p.ingest.target);
  ingest->add_flag("--create", p.ingest.create, "Create the corpus when there is none");
  ingest->add_flag("--force", p.ingest.force, "Also files that are stored unchanged");

  CLI::App* eval = leaf(app, p, "eval", "Measure the ranking on a judged set (docs, queries, qrels as .jsonl)",
                        [&p] { return cmd_eval(p.globals, p.eval); });
  eval->add_option("folder", p.eval.folder, "Folder of the set")
      ->required()
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  eval->add_option("--model", p.eval.model, "Embedding model")
      ->type_name("NAME")
      ->check(CLI::IsMember({"local", "fake"}))
      ->capture_default_str();
}

void add_database(CLI::App& app, Parsed& p) {
  CLI::App* migrate = leaf(app, p, "migrate", "Create the database or bring it up to date",
                           [&p] { return cmd_migrate(p.globals, p.migrate); });
  CLI::Option* dry_run = migrate->add_flag("--dry-run", p.migrate.dry_run, "Try every step, then undo it");
  migrate->add_flag("--status", p.migrate.status, "Show what is applied and what is pending (exit 3)")
      ->excludes(dry_run);
  CLI::App* copy = leaf(app, p, "copy", "Move all rows of an installation to another database, or go on doing so",
                        [&p] { return cmd_copy(p.globals, p.copy); });
  for (auto& [name, url] : {std::pair{"--from", &p.copy.from}, std::pair{"--to", &p.copy.to}})
    copy->add_option(name, *url, "Database URL, or env:NAME or file:PATH that holds it")->required()->type_name("URL");
  copy->add_flag("--check", p.copy.check_only, "Only compare what both hold (exit 3: they differ)");
  copy->add_flag("--force", p.copy.force, "Even when a server or a worker seems to run on the source");
  copy->add_option("--batch", p.copy.batch, "Most rows in one transaction")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  leaf(app, p, "seed-demo", "Put the demo corpus c1 of tenant t1 into the database",
       [&p] { return cmd_seed_demo(p.globals); });

  CLI::App* audit = group(app, "audit", "The audit log and its hash chains");
  CLI::App* verify = leaf(*audit, p, "verify", "Check that no event was altered, removed or inserted (exit 3: damage)",
                          [&p] { return cmd_audit_verify(p.globals, p.audit); });
  CLI::App* dump = leaf(*audit, p, "export", "Write events with their chain links as JSON lines",
                        [&p] { return cmd_audit_export(p.globals, p.audit); });
  for (CLI::App* command : {verify, dump})
    command->add_option("--tenant", p.audit.tenant, "One tenant; \"\" is the platform (default: every chain)")
        ->type_name("ID");
  dump->add_option("--format", p.audit.format, "jsonl: events with their links; ocsf: for a SIEM (default: jsonl)")
      ->check(CLI::IsMember({"jsonl", "ocsf"}))
      ->type_name("FORMAT");
  dump->add_option("--output", p.audit.output, "File to write (default: standard output)")->type_name("FILE");

  CLI::App* index = group(app, "search-index", "The index in a search cluster (SEARCH_ENGINE=opensearch)");
  CLI::App* rebuild = leaf(*index, p, "rebuild", "Send every document again; searches go on (exit 3: incomplete)",
                           [&p] { return cmd_search_index_rebuild(p.globals, p.search_index); });
  CLI::App* compare = leaf(*index, p, "verify", "Compare counts and checksums with the rows (exit 3: they differ)",
                           [&p] { return cmd_search_index_verify(p.globals, p.search_index); });
  for (CLI::App* command : {rebuild, compare}) {
    command->add_option("--tenant", p.search_index.tenant, "Only this tenant's corpora")->type_name("ID");
    command->add_option("--corpus", p.search_index.corpus, "Only this corpus of the tenant")->type_name("ID");
  }
  rebuild->add_flag("--recreate", p.search_index.recreate,
                    "Delete the index first: nothing is found until it is filled");

  CLI::App* prune = group(app, "prune", "Remove what is older than its retention");
  for (const Pruning& what : prunings())
    leaf(*prune, p, what.name, what.about, [&p, &what] { return cmd_prune(p.globals, what); });
}

void add_keys(CLI::App& app, Parsed& p) {
  CLI::App* keys = group(app, "keys", "API keys");
  CLI::App* create = leaf(*keys, p, "create", "Create a key; its text is shown once",
                          [&p] { return cmd_keys_create(p.globals, p.key_create); });
  create->add_option("--tenant", p.key_create.tenant, "Tenant id")->required()->type_name("ID");
  create->add_option("--role", p.key_create.role, "reader, editor or admin")->required()->type_name("ROLE");
  create->add_option("--name", p.key_create.name, "What the key is for")->required()->type_name("NAME");
  create->add_option("--plan", p.key_create.plan, "Plan of a tenant that has none yet (default: free)")
      ->type_name("PLAN");
  create->add_option("--user-id", p.key_create.user_id, "Existing user, or the id of the new one")->type_name("ID");
  create->add_option("--email", p.key_create.email, "The user's e-mail address")->type_name("ADDRESS");
  create->add_option("--expires-in-days", p.key_create.expires_in_days, "Days until it expires (default: never)")
      ->type_name("N")
      ->check(CLI::Range(1, 36'500));
  CLI::App* revoke =
      leaf(*keys, p, "revoke", "Revoke a key at once", [&p] { return cmd_keys_revoke(p.globals, p.key_id); });
  revoke->add_option("key_id", p.key_id, "Key id")->required()->type_name("ID");
  CLI::App* rotate = leaf(*keys, p, "rotate", "Replace a key by a new one of the same user",
                          [&p] { return cmd_keys_rotate(p.globals, p.key_rotate); });
  rotate->add_option("old_key_id", p.key_rotate.id, "Key id")->required()->type_name("ID");
  rotate->add_option("--name", p.key_rotate.name, "Name of the new key (default: the old one's)")->type_name("NAME");
  rotate->add_flag("--keep-old-active", p.key_rotate.keep_old_active, "Do not revoke the old key");
  CLI::App* list = leaf(*keys, p, "list", "List a tenant's keys, newest first, tab-separated",
                        [&p] { return cmd_keys_list(p.globals, p.key_list); });
  list->add_option("--tenant", p.key_list.tenant, "Tenant id")->required()->type_name("ID");
  list->add_option("--inactive-days", p.key_list.inactive_days, "Days without use that count as idle")
      ->type_name("N")
      ->capture_default_str();
  list->add_flag("--inactive-only", p.key_list.inactive_only, "Only idle and expired keys");
}

void add_plans(CLI::App& app, Parsed& p) {
  CLI::App* plans = group(app, "plans", "Plans of tenants and what they allow");
  leaf(*plans, p, "list", "Show the catalogue", [&p] { return cmd_plans_list(p.globals); });
  CLI::App* show =
      leaf(*plans, p, "show", "Show what a tenant may use", [&p] { return cmd_plans_show(p.globals, p.plan); });
  CLI::App* assign =
      leaf(*plans, p, "assign", "Give a tenant another plan", [&p] { return cmd_plans_assign(p.globals, p.plan); });
  CLI::App* change = leaf(*plans, p, "override", "Change one feature for a tenant",
                          [&p] { return cmd_plans_override(p.globals, p.plan); });
  for (CLI::App* command : {show, assign, change})
    command->add_option("--tenant", p.plan.tenant, "Tenant id")->required()->type_name("ID");
  assign->add_option("--plan", p.plan.plan, "free, pro or enterprise")->required()->type_name("PLAN");
  change->add_option("--feature", p.plan.feature, "Feature, such as feature.audit_access")
      ->required()
      ->type_name("KEY");
  change->add_option("--enabled", p.plan.enabled, "on, off, or plan: as the plan says")->type_name("STATE");
  change->add_option("--config", p.plan.config, "JSON object, or plan: as the plan says")->type_name("JSON");
}

void add_tools(CLI::App& app, Parsed& p) {
  CLI::App* models = group(app, "models", "Local embedding models");
  leaf(*models, p, "list", "Show which models are installed", [&p] { return cmd_models_list(p.globals); });
  CLI::App* install = leaf(*models, p, "install", "Fetch the local model (16 MB) and check it",
                           [&p] { return cmd_models_install(p.globals, p.models); });
  install->add_flag("--force", p.models.force, "Fetch it even when it is there");
  leaf(*models, p, "verify", "Check the files against their checksums (exit 3: not right)",
       [&p] { return cmd_models_verify(p.globals); });

  CLI::App* config = group(app, "config", "Settings");
  CLI::App* show = leaf(*config, p, "print", "Print the settings in force and where they come from",
                        [&p] { return cmd_config_print(p.globals, p.config); });
  show->add_flag("--changed", p.config.changed_only, "Only those that differ from their defaults");
  leaf(*config, p, "check", "Report every problem at once (exit 2)", [&p] { return cmd_config_check(p.globals); });
  CLI::App* docs = leaf(*config, p, "docs", "Print the reference of all settings as Markdown",
                        [&p] { return cmd_config_docs(p.globals, p.config); });
  docs->add_flag("--env-example", p.config.env_example, "Print .env.example instead");

  leaf(app, p, "openapi", "Print the OpenAPI document of the API", [&p] { return cmd_openapi(p.globals); });
}

/// What completions need of a parser. Options of the program work behind every command.
CommandNode node_of(const CLI::App& app, const std::vector<OptionNode>& inherited) {
  CommandNode node{.name = app.get_name(), .about = app.get_description()};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      node.takes_files = node.takes_files || option->get_type_name() == "PATH" || option->get_type_name() == "DIR";
      continue;
    }
    node.options.push_back({.name = option->get_name(),
                            .about = option->get_description(),
                            .takes_value = option->get_items_expected_max() > 0});
  }
  const std::vector<OptionNode> own = node.options;
  if (app.get_parent() != nullptr)
    for (const OptionNode& option : inherited)
      if (option.name != "--help") node.options.push_back(option);
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
    node.commands.push_back(node_of(*child, app.get_parent() == nullptr ? own : inherited));
  return node;
}

void add_completion(CLI::App& app, Parsed& p) {
  CLI::App* completion = leaf(app, p, "completion", "Print the completion script of a shell", [&app, &p] {
    return guarded("completion", [&] {
      print(completion_script(*parse_shell(p.shell), node_of(app, {})));
      return kDone;
    });
  });
  completion->add_option("shell", p.shell, "bash, zsh or fish")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

void build(CLI::App& app, Parsed& p) {
  app.name("nexusrag");
  app.fallthrough();  // options of the program may stand behind a command; children inherit it
  app.footer(kFooter);
  app.set_help_flag("--help,-h", "Print this help");
  app.set_version_flag("--version", "nexusrag " + std::string(version()), "Print the version");
  app.add_option("--set", p.globals.overrides, "Set a setting for this command; may be repeated")
      ->type_name("NAME=value")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--json", p.globals.json, "Print JSON");
  add_processes(app, p);
  add_questions(app, p);
  add_database(app, p);
  add_keys(app, p);
  add_plans(app, p);
  add_tools(app, p);
  add_completion(app, p);
  app.require_subcommand(0, 1);
}

/// The command whose help fits: the deepest that was named.
const CLI::App& deepest(const CLI::App& app) {
  const std::vector<CLI::App*> named = app.get_subcommands();
  return named.empty() ? app : deepest(*named.front());
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::string nearest_command(const CLI::App& app, std::string_view name) {
  std::string best;
  std::size_t least = name.size() / 2 + 1;  // nothing in common is no suggestion
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
    if (const std::size_t distance = config::edit_distance(name, child->get_name()); distance < least) {
      least = distance;
      best = child->get_name();
    }
  return best;
}

int report_misuse(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App& command = deepest(app);
  std::string reason = error.what();
  if (&command == &app && argc > 1 && argv[1][0] != '-') {
    reason = fmt::format("there is no command \"{}\"", argv[1]);
    if (const std::string near = nearest_command(app, argv[1]); !near.empty())
      reason += fmt::format("; did you mean \"{}\"?", near);
  }
  print_error(fmt::format("{}: {}", full_name(command), reason));
  print_error(fmt::format("`{} --help` shows what it takes", full_name(command)));
  return kUsage;
}

}  // namespace

int run(int argc, char** argv) {
  return guarded("nexusrag", [&]() -> int {
    Parsed parsed;
    CLI::App app(kAbout);
    build(app, parsed);
    try {
      app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      const CLI::App& command = deepest(app);
      print(command.help(command.get_parent() == nullptr ? std::string{} : full_name(*command.get_parent())));
      return kDone;
    } catch (const CLI::CallForVersion& e) {
      print(std::string(e.what()) + "\n");
      return kDone;
    } catch (const CLI::ParseError& e) {
      return report_misuse(app, e, argc, argv);
    }
    if (!parsed.chosen) {
      print(app.help());
      return kUsage;
    }
    return parsed.chosen();
  });
}

}  // namespace nexus::cli
