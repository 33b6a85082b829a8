#include "base/encoding.h"
#include "base/ids.h"
#include "cli/backend.h"
#include "cli/citations_text.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/terminal.h"
#include "json/json.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <string>

namespace nexus::cli {
namespace {

/// Model output for a terminal: line breaks and tabs stay, other control characters go.
std::string shown(std::string_view delta) {
  std::string out;
  for (std::size_t at = 0; at < delta.size();) {
    const std::size_t next = std::min(delta.find_first_of("\n\t", at), delta.size());
    const std::string_view part = delta.substr(at, next - at);
    if (!part.empty()) out += printable(part);
    if (next < delta.size()) out.push_back(delta[next]);
    at = next + 1;
  }
  return out;
}

void print_answer_json(const Ask& question, const Answer& answer) {
  std::string out;
  json::Writer(out)
      .begin_object()
      .field("question", question.question)
      .field("corpus_id", question.corpus)
      .field("session_id", question.session)
      .field("answer", answer.text)
      .field("citations", boost::json::value(answer.citations))
      .end_object();
  print(out + "\n");
}

int ask(const Globals& globals, const AskOptions& options) {
  if (ascii_trim(options.question).empty()) throw UsageError("the question is empty");
  const std::unique_ptr<Backend> backend = open_backend(globals, options.target, true);
  const Ask question{.corpus = options.target.corpus,
                     .question = options.question,
                     .session = options.session.value_or("cli-" + uuid4()),
                     .top_k = options.top_k};
  // What goes to a file or a pipe stays as the model wrote it.
  const bool terminal = output_is_terminal();
  const Answer answer = backend->ask(question, [&](std::string_view delta) {
    if (!globals.json) print(terminal ? shown(delta) : std::string(delta));
  });
  if (globals.json) {
    print_answer_json(question, answer);
    return kDone;
  }
  const Style style = output_style();
  print("\n");
  if (const std::string sources = render_citations(answer.text, answer.citations, style); !sources.empty())
    print(fmt::format("\n{}Sources{}\n{}", style.bold, style.reset, sources));
  return kDone;
}

}  // namespace

int cmd_ask(const Globals& globals, const AskOptions& options) {
  return guarded("ask", [&] { return ask(globals, options); });
}

}  // namespace nexus::cli
