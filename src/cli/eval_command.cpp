#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/terminal.h"
#include "config/derived.h"
#include "json/json.h"
#include "modules/retrieval/embedders.h"
#include "search/eval.h"

#include <fmt/format.h>

#include <memory>
#include <string>

namespace nexus::cli {
namespace {

std::string figure(double value) {
  std::string out = fmt::format("{:.3f}", value);
  return out.starts_with("0.") ? out.substr(1) : out;
}

void append_scores(json::Writer& w, std::string_view mode, const search::EvalScores& scores) {
  w.key(mode).begin_object().field("ndcg_at_10", scores.ndcg_at_10);
  w.field("recall_at_100", scores.recall_at_100).end_object();
}

std::string result_json(const search::EvalResult& result, std::string_view model) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("documents", static_cast<std::int64_t>(result.documents));
  w.field("queries", static_cast<std::int64_t>(result.queries)).key("embedding_model");
  model.empty() ? w.null() : w.value(model);
  append_scores(w, "lexical", result.lexical);
  if (!model.empty()) {
    append_scores(w, "dense", result.dense);
    append_scores(w, "hybrid", result.hybrid);
  }
  w.end_object();
  return out + "\n";
}

std::string result_text(const search::EvalResult& result, std::string_view model) {
  std::vector<std::vector<std::string>> rows{{"mode", "nDCG@10", "recall@100"}};
  const auto add = [&](std::string_view mode, const search::EvalScores& scores) {
    rows.push_back({std::string(mode), figure(scores.ndcg_at_10), figure(scores.recall_at_100)});
  };
  add("lexical", result.lexical);
  if (!model.empty()) {
    add("dense", result.dense);
    add("hybrid", result.hybrid);
  }
  return fmt::format("{} documents, {} queries, {}\n\n{}", result.documents, result.queries,
                     model.empty() ? "no embedding model" : fmt::format("model {}", model),
                     render_table(rows, {Align::kLeft, Align::kRight, Align::kRight}));
}

int evaluate(const Globals& globals, const EvalCommandOptions& options) {
  const config::Loaded loaded = load_settings(globals, Secrets::kNotNeeded);
  quiet_log(loaded);
  const retrieval::Embedders embedders(options.model, config::models_dir(loaded.settings));
  std::shared_ptr<const embed::Embedder> model = embedders.current();
  const std::string name = model ? std::string(model->model_id()) : std::string{};
  if (!model) {
    print_error("note: no local embedding model is installed (`nexusrag models install`); only the words are measured");
    model = embedders.find("fake");  // gives vectors that nothing is read from
  }
  const search::JudgedCollection collection(options.folder, *model);
  const search::EvalResult result = collection.evaluate();
  print(globals.json ? result_json(result, name) : result_text(result, name));
  return kDone;
}

}  // namespace

int cmd_eval(const Globals& globals, const EvalCommandOptions& options) {
  return guarded("eval", [&] { return evaluate(globals, options); });
}

}  // namespace nexus::cli
