#include "cli/terminal.h"

#include "cli/failure.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace nexus::cli {
namespace {

constexpr std::size_t kDefaultWidth = 80;

std::size_t columns_of(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return size.ws_col;
}

void pad(std::string& out, std::string_view cell, std::size_t width, Align align) {
  const std::size_t length = text::count_code_points(cell);
  const std::string blanks(width > length ? width - length : 0, ' ');
  if (align == Align::kRight) out.append(blanks);
  out.append(cell);
  if (align == Align::kLeft) out.append(blanks);
}

}  // namespace

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) throw Failure("the output could not be written");
}

void print_error(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  std::fwrite(whole.data(), 1, whole.size(), stderr);
  std::fflush(stderr);
}

bool output_is_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}
bool errors_are_terminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

Style output_style() {
  const char* no_color = std::getenv("NO_COLOR");
  if (!output_is_terminal() || (no_color != nullptr && *no_color != '\0')) return {};
  return {.bold = "\x1b[1m", .dim = "\x1b[2m", .reset = "\x1b[0m"};
}

std::string render_table(const std::vector<std::vector<std::string>>& rows, const std::vector<Align>& align) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size());
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], text::count_code_points(row[c]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line.append("  ");
      pad(line, row[c], widths[c], c < align.size() ? align[c] : Align::kLeft);
    }
    while (line.ends_with(' ')) line.pop_back();
    out.append(line).push_back('\n');
  }
  return out;
}

std::string render_progress(std::string_view label, std::size_t done, std::size_t total, std::string_view note,
                            std::size_t width) {
  constexpr std::size_t kLongestBar = 40;
  const std::string count = fmt::format("{}/{}", done, total);
  const std::size_t fixed =
      text::count_code_points(label) + count.size() + 6 + (note.empty() ? 0 : text::count_code_points(note) + 2);
  const std::size_t bar = width > fixed ? std::min(width - fixed, kLongestBar) : 0;
  const std::size_t full = total == 0 ? bar : bar * std::min(done, total) / total;
  std::string out(label);
  if (bar >= 4) out.append("  [").append(full, '#').append(bar - full, '.').append("]");
  out.append("  ").append(count);
  if (!note.empty()) out.append("  ").append(note);
  return out.substr(0, text::byte_offset(out, width));
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool blank = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // C0, DEL, and the C1 controls, which UTF-8 writes as C2 80 … C2 9F.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    if (c1 || byte <= 0x20 || byte == 0x7F) {
      if (!blank) out.push_back(' ');
      blank = true;
    } else {
      out.push_back(text[i]);
      blank = false;
    }
  }
  return out;
}

Progress::Progress(std::string label) : label_(std::move(label)), active_(errors_are_terminal()) {}

Progress::~Progress() {
  clear();
}

void Progress::show(std::size_t done, std::size_t total, std::string_view note) {
  if (!active_) return;
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && now < next_ && done < total) return;
  next_ = now + std::chrono::milliseconds(50);
  drawn_ = true;
  const std::string line = "\r" + render_progress(label_, done, total, note, columns_of(STDERR_FILENO) - 1) + "\x1b[K";
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

void Progress::clear() {
  if (!active_ || !drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace nexus::cli
