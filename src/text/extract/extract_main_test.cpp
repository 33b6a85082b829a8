// The test program's main: it is also its own child, as the server is.
#include "text/extract/confine.h"
#include "text/extract/extract_test_support.h"
#include "text/extract/sandbox.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nexus::text::extract {
namespace {

void say(std::string_view text) {
  if (write(1, text.data(), text.size()) < 0) _exit(3);
}

void allocate_for_ever() {
  while (true) {
    void* block = std::malloc(1U << 20);
    if (block == nullptr) _exit(42);
    static_cast<volatile char*>(block)[0] = 1;
  }
}

// Tries what a taken-over reader would try, and prints what worked.
void probe(Confinement level) {
  const ConfinementReport report = confine(level, {5, std::size_t{1} << 30});
  std::string worked = fmt::format("landlock={} seccomp={}", report.landlock, report.seccomp);
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0) worked += " socket";
  if (open("/etc/passwd", O_RDONLY) >= 0) worked += " read";
  if (open("/tmp/nexusrag_probe", O_CREAT | O_WRONLY, 0600) >= 0) worked += " write";
  if (level == Confinement::kParser && fork() >= 0) worked += " fork";
  if (kill(getppid(), 0) == 0) worked += " signal";
  say(worked);
}

// Starts a grandchild that keeps the FIFO open, then waits for its end, which only a kill of the whole group brings.
void linger(const char* fifo) {
  const Descriptor held(open(fifo, O_WRONLY));
  if (fork() == 0) {
    while (true) pause();
  }
  say("ready");
  while (true) pause();
}

int misbehave(std::string_view how, const char* argument) {
  if (how == "environment") {
    say(environ[0] == nullptr ? "none" : "some");
  } else if (how == "descriptors") {
    for (int fd = 3; fd < 256; ++fd)
      if (fcntl(fd, F_GETFD) >= 0) say("open");
    say("done");
  } else if (how == "loop") {
    confine(Confinement::kParser, {1, std::size_t{1} << 30});
    for (std::atomic<unsigned> turns = 0;; ++turns) {
    }
  } else if (how == "allocate") {
    confine(Confinement::kParser, {20, std::size_t{256} << 20});
    allocate_for_ever();
  } else if (how == "hang") {
    while (true) pause();
  } else if (how == "close_and_hang") {
    close(1);
    close(2);
    while (true) pause();
  } else if (how == "linger") {
    linger(argument);
  } else if (how == "flood") {
    while (true) say("0123456789abcdef");
  } else if (how == "parser" || how == "converter") {
    probe(how == "parser" ? Confinement::kParser : Confinement::kConverter);
  } else if (how == "abort") {
    std::abort();
  }
  return 0;
}

}  // namespace

std::string make_pdf(const std::vector<std::string>& pages) {
  std::vector<std::string> objects{"<< /Type /Catalog /Pages 2 0 R >>",
                                   {},
                                   "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"};
  std::string kids;
  for (const std::string& page : pages) {
    const std::size_t number = objects.size() + 1;
    kids += fmt::format("{} 0 R ", number);
    objects.push_back(
        fmt::format("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
                    "/Contents {} 0 R >>",
                    number + 1));
    const std::string stream = page.empty() ? "" : fmt::format("BT /F1 12 Tf 72 770 Td ({}) Tj ET", page);
    objects.push_back(fmt::format("<< /Length {} >>\nstream\n{}\nendstream", stream.size(), stream));
  }
  objects[1] = fmt::format("<< /Type /Pages /Kids [{}] /Count {} >>", kids, pages.size());
  std::string out = "%PDF-1.4\n";
  std::string table = fmt::format("xref\n0 {}\n0000000000 65535 f \n", objects.size() + 1);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    table += fmt::format("{:010} 00000 n \n", out.size());
    out += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects[i]);
  }
  const std::size_t start = out.size();
  return out + table +
         fmt::format("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{}\n%%EOF\n", objects.size() + 1, start);
}

std::string make_zip(const std::map<std::string, std::string>& parts) {
  std::size_t size = 1 << 16;
  for (const auto& [name, bytes] : parts) size += bytes.size() + 4096;
  std::string out(size, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const auto& [name, bytes] : parts) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(writer, entry);
    archive_write_data(writer, bytes.data(), bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

std::string make_docx(std::string_view body, std::map<std::string, std::string> parts) {
  parts.emplace("[Content_Types].xml", "<Types/>");
  parts.emplace("word/document.xml",
                fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document><w:body>{}</w:body>"
                            "</w:document>",
                            body));
  return make_zip(parts);
}

std::string docx_paragraph(std::string_view text, std::string_view style) {
  return fmt::format(
      "<w:p><w:pPr><w:pStyle w:val=\"{}\"/></w:pPr><w:r><w:t xml:space=\"preserve\">{}</w:t></w:r></w:p>", style, text);
}

Request request_for(Kind kind) {
  Request request;
  request.kind = kind;
  return request;
}

Failure failure_here(std::string_view bytes, const Request& request) {
  try {
    const Extracted out = extract_here(bytes, request);
    ADD_FAILURE() << "was read: " << out.text.substr(0, 200);
  } catch (const ExtractionFailed& failed) {
    EXPECT_FALSE(failed.reason().empty());
    return failed.failure();
  }
  return Failure::kUnavailable;
}

Failure failure_in_child(std::string_view bytes, const Request& request) {
  try {
    const Extracted out = Extractor().extract(bytes, request);
    ADD_FAILURE() << "was read: " << out.text.substr(0, 200);
  } catch (const ExtractionFailed& failed) {
    EXPECT_FALSE(failed.reason().empty());
    return failed.failure();
  }
  return Failure::kUnavailable;
}

std::string sample(std::string_view name) {
  // The compiler may have been given this file's path relative to the build tree, which the program stands in.
  const std::filesystem::path here(__FILE__);
  auto base = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(base / here) && base.has_relative_path()) base = base.parent_path();
  const auto folder = (base / here).parent_path() / "../../../tests/data/documents";
  std::ifstream file(folder / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace nexus::text::extract

int main(int argc, char** argv) {
  using namespace nexus::text::extract;
  if (argc > 1 && argv[1] == kChildCommand) return extract_child_main(argc, argv);
  if (argc > 2 && argv[1] == kMisbehaveCommand) return misbehave(argv[2], argc > 3 ? argv[3] : "");
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
