#include "cli/citations_text.h"

#include "cli/json_access.h"
#include "modules/rag/citations.h"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace nexus::cli {
namespace {

constexpr std::size_t kQuoteChars = 160;

/// What a person calls the source: file name or title, and the section inside it.
std::string title_of(const boost::json::object& citation) {
  std::string source = text_member(citation, "source");
  const boost::json::value* metadata = citation.if_contains("metadata");
  if (metadata == nullptr || !metadata->is_object()) return source;
  const boost::json::object& fields = metadata->get_object();
  std::string out = text_member(fields, "filename");
  if (out.empty()) {
    out = text_member(fields, "title");
    out = out.empty() ? source : source + ": " + out;
  }
  for (const std::string_view name : {"section", "heading_path"})
    if (const std::string part = text_member(fields, name); !part.empty()) out += ", " + part;
  return out;
}

std::string score_of(const boost::json::object& citation) {
  const boost::json::value* score = citation.if_contains("score");
  return score != nullptr && score->is_number() ? fmt::format("{:.2f}", score->to_number<double>()) : std::string{};
}

bool is_cited(std::string_view answer, std::size_t number) {
  return answer.find(fmt::format("[{}]", number)) != std::string_view::npos;
}

}  // namespace

std::string render_citations(std::string_view answer, const boost::json::array& citations, const Style& style) {
  bool any = false;
  for (std::size_t i = 0; i < citations.size(); ++i) any = any || is_cited(answer, i + 1);
  std::string out;
  for (std::size_t i = 0; i < citations.size(); ++i) {
    if (!citations[i].is_object() || (any && !is_cited(answer, i + 1))) continue;
    const boost::json::object& citation = citations[i].get_object();
    const std::string number = fmt::format("[{}]", i + 1);
    out += fmt::format("  {}{}{} {}", style.bold, number, style.reset, printable(title_of(citation)));
    if (const std::string score = score_of(citation); !score.empty())
      out += fmt::format("  {}score {}{}", style.dim, score, style.reset);
    out += '\n';
    const std::string quote = printable(rag::excerpt(text_member(citation, "quote"), kQuoteChars));
    if (!quote.empty())
      out += fmt::format("{}{}\"{}\"{}\n", std::string(number.size() + 3, ' '), style.dim, quote, style.reset);
  }
  return out;
}

}  // namespace nexus::cli
