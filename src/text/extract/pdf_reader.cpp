#include "text/extract/ascii.h"
#include "text/extract/charset.h"
#include "text/extract/pdf_text.h"
#include "text/extract/readers.h"
#include "text/extract/sandbox.h"

#include <fmt/format.h>

#include <csignal>
#include <system_error>

namespace nexus::text::extract {
namespace {

constexpr const char* kPdfInfo = "/usr/bin/pdfinfo";
constexpr const char* kPdfToText = "/usr/bin/pdftotext";
// Both take a path; this one leads to the anonymous file on their standard input, which unlike a pipe they can seek in.
constexpr const char* kInput = "/proc/self/fd/0";

[[noreturn]] void refuse(const ChildResult& result) {
  const std::string_view said = result.diagnostics;
  if (contains(said, "Incorrect password") || contains(said, "unknown encryption") ||
      contains(said, "encryption handler"))
    throw ExtractionFailed(Failure::kEncrypted, "The PDF is protected by a password; remove it and upload again.");
  if (result.end == ChildEnd::kExited && result.code == 3)
    throw ExtractionFailed(Failure::kEncrypted, "The PDF forbids copying its text.");
  if (result.end == ChildEnd::kTimedOut ||
      (result.end == ChildEnd::kSignalled && (result.code == SIGXCPU || result.code == SIGKILL)))
    throw ExtractionFailed(Failure::kTimeout, "Reading the PDF took too long.", result.diagnostics);
  if (contains(said, "Out of memory") || contains(said, "bad_alloc"))
    throw ExtractionFailed(Failure::kMemory, "Reading the PDF needs more memory than one document may use.",
                           result.diagnostics);
  throw ExtractionFailed(Failure::kDamaged, "The file is damaged or not a PDF.", result.diagnostics);
}

ChildResult run_tool(const char* tool, std::vector<std::string> arguments, int input, std::size_t max_output,
                     const Limits& limits) {
  ChildCommand command;
  command.executable = tool;
  command.arguments = std::move(arguments);
  command.arguments.insert(command.arguments.begin(), tool);
  command.input_fd = input;
  command.max_output = max_output;
  command.wall = std::chrono::seconds(limits.wall_seconds);
  command.own_group = false;  // so that whoever kills our group kills the tool too
  try {
    return run_child(command);
  } catch (const std::system_error& error) {
    throw ExtractionFailed(Failure::kUnavailable,
                           "PDF files cannot be read here: the converter is not installed (poppler-utils).",
                           error.what());
  }
}

}  // namespace

Extracted read_pdf(std::string_view bytes, const Request& request) {
  const Limits& limits = request.limits;
  if (!contains(bytes.substr(0, 1024), "%PDF-"))
    throw ExtractionFailed(Failure::kDamaged, "The file is not a PDF: it does not begin like one.");
  const Descriptor input = memory_file(bytes.data(), bytes.size());
  Extracted out;
  const ChildResult info = run_tool(kPdfInfo, {"-enc", "UTF-8", kInput}, input.get(), 64 << 10, limits);
  if (info.end != ChildEnd::kExited || info.code != 0) refuse(info);
  read_pdf_info(info.output, limits, out);

  // The information could lie about the number of pages, so one page more than allowed is asked for and counted.
  const ChildResult text = run_tool(
      kPdfToText, {"-enc", "UTF-8", "-eol", "unix", "-l", fmt::format("{}", limits.max_pages + 1), kInput, "-"},
      input.get(), limits.max_text_out, limits);
  if (text.end == ChildEnd::kTooMuchOutput)
    throw ExtractionFailed(Failure::kTooLarge, fmt::format("The PDF holds more than {} KiB of text; split it.",
                                                           limits.max_text_out / 1024));
  if (text.end != ChildEnd::kExited || text.code != 0) refuse(text);
  add_pdf_pages(text.output, limits, out);
  if (is_blank(out.text))
    throw ExtractionFailed(Failure::kEmpty, "The PDF contains no extractable text (scanned?); run OCR on it first.");
  return out;
}

}  // namespace nexus::text::extract
