#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::cli {

/// Writes a text to standard output as it is. Throws Failure when it cannot be written (a full disk, say).
void print(std::string_view text);
/// Writes a line to standard error.
void print_error(std::string_view line);

[[nodiscard]] bool output_is_terminal();
[[nodiscard]] bool errors_are_terminal();

/// Escape sequences, or nothing when the output is no terminal or NO_COLOR is set.
struct Style {
  std::string_view bold;
  std::string_view dim;
  std::string_view reset;
};
[[nodiscard]] Style output_style();

enum class Align : std::uint8_t { kLeft, kRight };

/// Rows as aligned columns, two blanks apart, each line ending with a newline. The first row is the heading. Columns
/// without an entry in `align` are left-aligned. Widths count code points.
[[nodiscard]] std::string render_table(const std::vector<std::vector<std::string>>& rows,
                                       const std::vector<Align>& align = {});

/// "Ingesting  [########............]  12/30  3 failed" in at most `width` columns.
[[nodiscard]] std::string render_progress(std::string_view label, std::size_t done, std::size_t total,
                                          std::string_view note, std::size_t width);

/// Control characters of foreign text, line breaks included, as blanks: a file must not steer the terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// A progress bar on standard error that redraws itself; silent when that is no terminal. One thread.
class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Draws at most twenty times a second, and always when it is complete.
  void show(std::size_t done, std::size_t total, std::string_view note = {});
  /// Wipes the bar away; the next show() draws it again.
  void clear();

 private:
  std::string label_;
  bool active_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace nexus::cli
