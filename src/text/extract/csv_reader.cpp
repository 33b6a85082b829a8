#include "text/extract/ascii.h"
#include "text/extract/charset.h"
#include "text/extract/readers.h"
#include "text/extract/text_sink.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace nexus::text::extract {
namespace {

using Row = std::vector<std::string>;
constexpr std::size_t kMaxColumns = 2000;

// Reads records of RFC 4180 with any delimiter, forgivingly: a quote inside an unquoted field is a letter, text after
// a closing quote is kept, a quote that never closes ends with the file.
class CsvScanner {
 public:
  CsvScanner(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}

  [[nodiscard]] bool next(Row& row) {
    row.clear();
    if (at_ >= text_.size()) return false;
    while (true) {
      std::string field = at_ < text_.size() && text_[at_] == '"' ? quoted() : std::string();
      const auto end = std::min(text_.find_first_of(stops(), at_), text_.size());
      field += text_.substr(at_, end - at_);
      at_ = end;
      if (row.size() >= kMaxColumns)
        throw ExtractionFailed(Failure::kTooLarge, fmt::format("A row has more than {} columns.", kMaxColumns));
      row.push_back(std::move(field));
      if (at_ >= text_.size()) return true;
      if (text_[at_++] == '\n') return true;
    }
  }

 private:
  [[nodiscard]] std::string_view stops() const {
    return delimiter_ == ',' ? ",\n" : delimiter_ == ';' ? ";\n" : delimiter_ == '\t' ? "\t\n" : "|\n";
  }

  std::string quoted() {
    std::string field;
    ++at_;
    while (true) {
      const auto quote = std::min(text_.find('"', at_), text_.size());
      field += text_.substr(at_, quote - at_);
      at_ = std::min(quote + 1, text_.size());
      if (at_ >= text_.size() || text_[at_] != '"') return field;
      field += '"';
      ++at_;
    }
  }

  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0;
};

// The delimiter under which the first rows are widest and agree most on their width; a comma when nothing separates.
char sniff_delimiter(std::string_view text) {
  const auto sample = text.substr(0, 64 << 10);
  char best = ',';
  double best_score = 0;
  for (const char candidate : std::array{',', ';', '\t', '|'}) {
    const auto header = sample.substr(0, sample.find('\n'));
    if (header.find(candidate) == std::string_view::npos && sample.find(candidate) == std::string_view::npos) continue;
    CsvScanner scanner(sample, candidate);
    Row row;
    std::array<std::size_t, 32> widths{};
    std::size_t rows = 0;
    for (; rows < widths.size() && scanner.next(row); ++rows) widths[rows] = row.size();
    if (rows > 1 && sample.size() < text.size()) --rows;  // the last one may be cut off
    const std::size_t width = widths[0];
    if (width < 2) continue;
    const auto same = std::count(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(rows), width);
    const double score = static_cast<double>(same) / static_cast<double>(rows) +
                         static_cast<double>(std::min<std::size_t>(width, 50)) / 1000;
    if (score > best_score) {
      best_score = score;
      best = candidate;
    }
  }
  return best;
}

bool looks_numeric(std::string_view field) {
  return !field.empty() && std::all_of(field.begin(), field.end(), [](char c) {
    return is_digit(c) || std::string_view("+-.,:/% eE").find(c) != std::string_view::npos;
  });
}

// A first row names the columns when every field of it is a distinct word or phrase rather than a number or a blank.
bool is_header(const Row& row) {
  Row seen;
  for (const auto& field : row) {
    const auto name = trim(field);
    if (name.empty() || name.size() > 200 || looks_numeric(name)) return false;
    seen.emplace_back(name);
  }
  std::sort(seen.begin(), seen.end());
  return std::adjacent_find(seen.begin(), seen.end()) == seen.end();
}

void write_row(TextSink& sink, const Row& names, const Row& row) {
  sink.block_break();
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto value = trim(row[i]);
    if (value.empty()) continue;
    sink.line_break();
    sink.words(i < names.size() ? names[i] : fmt::format("column {}", i + 1));
    sink.verbatim(": ");
    sink.words(value);
  }
}

}  // namespace

Extracted read_csv(std::string_view bytes, const Request& request) {
  Decoded decoded = decode_bytes(bytes, request.charset, request.lenient);
  const std::string text = normalise_newlines(decoded.text);
  CsvScanner scanner(text, sniff_delimiter(text));
  TextSink sink(request.limits.max_text_out);
  Row names;
  Row row;
  std::size_t rows = 0;
  const bool any = scanner.next(row);
  const bool header = any && is_header(row);
  if (header) names = row;
  bool have = any && !header;
  while (have || scanner.next(row)) {
    have = false;
    write_row(sink, names, row);
    ++rows;
  }
  if (rows == 0 && header) write_row(sink, {}, names);  // nothing but one row: it is data after all
  Extracted out = sink.take();
  out.metadata["rows"] = fmt::format("{}", rows == 0 && header ? 1 : rows);
  out.metadata["charset"] = std::move(decoded.charset);
  return out;
}

}  // namespace nexus::text::extract
