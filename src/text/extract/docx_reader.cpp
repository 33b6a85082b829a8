#include "text/extract/ascii.h"
#include "text/extract/charset.h"
#include "text/extract/docx_styles.h"
#include "text/extract/readers.h"
#include "text/extract/text_sink.h"
#include "text/extract/zip_parts.h"
#include "text/utf8.h"

#include <fmt/format.h>
#include <pugixml.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace nexus::text::extract {
namespace {

using Parts = std::map<std::string, std::string>;
using Node = pugi::xml_node;

constexpr int kMaxNesting = 200;

bool wanted_part(std::string_view path) {
  constexpr std::array<std::string_view, 6> kPaths{"word/document.xml",  "word/styles.xml",   "word/numbering.xml",
                                                   "word/footnotes.xml", "word/endnotes.xml", "docProps/core.xml"};
  return std::find(kPaths.begin(), kPaths.end(), path) != kPaths.end();
}

// False when the part is absent. Office never writes a document type declaration, and one is only good for entity
// tricks (pugixml would not expand them anyway), so such a file is refused.
bool load_xml(const Parts& parts, const std::string& path, pugi::xml_document& out) {
  const auto part = parts.find(path);
  if (part == parts.end()) return false;
  if (part->second.find("<!DOCTYPE") != std::string::npos)
    throw ExtractionFailed(Failure::kDamaged,
                           "The document contains XML entity declarations, which Word never writes.");
  const auto result = out.load_buffer(part->second.data(), part->second.size(),
                                      pugi::parse_default | pugi::parse_ws_pcdata, pugi::encoding_auto);
  if (!result)
    throw ExtractionFailed(Failure::kDamaged, fmt::format("The document is damaged: {} is not well-formed XML.", path),
                           fmt::format("{} at byte {}", result.description(), result.offset));
  return true;
}

// Walks the body (ECMA-376 part 1, 17.2 to 17.4) and writes what a reader of the page would see.
class BodyWriter {
 public:
  BodyWriter(TextSink& sink, const DocxStyles& styles) : sink_(sink), styles_(styles) {}

  void blocks(const Node& parent) {
    const Nesting guard(*this);
    for (const Node& node : parent.children()) {
      const std::string_view name = node.name();
      if (name == "w:p") {
        paragraph(node);
      } else if (name == "w:tbl") {
        table(node);
      } else if (name == "w:sdt") {
        blocks(node.child("w:sdtContent"));
      } else if (name == "mc:AlternateContent") {
        blocks(node.child("mc:Choice"));
      } else if (name == "w:ins" || name == "w:moveTo" || name == "w:customXml" || name == "w:smartTag") {
        blocks(node);
      }
    }
  }

 private:
  class Nesting {
   public:
    explicit Nesting(BodyWriter& writer) : writer_(writer) {
      if (++writer_.nesting_ > kMaxNesting)
        throw ExtractionFailed(Failure::kDamaged, "The document is nested too deeply to be a real one.");
    }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --writer_.nesting_; }

   private:
    BodyWriter& writer_;
  };

  void paragraph(const Node& node) {
    const Node properties = node.child("w:pPr");
    const DocxStyle& style = styles_.style(properties.child("w:pStyle").attribute("w:val").value());
    const auto outline = properties.child("w:outlineLvl").attribute("w:val");
    const unsigned heading = outline && outline.as_uint(9) < 9 ? std::min(outline.as_uint() + 1, 6U) : style.heading;
    std::string_view list = properties.child("w:numPr").child("w:numId").attribute("w:val").value();
    if (list.empty()) list = style.list;
    const bool item = heading == 0 && !list.empty() && list != "0" && has_text(node);
    if (heading > 0) {
      sink_.begin_heading(heading);
    } else if (item) {
      start_item(list, properties.child("w:numPr").child("w:ilvl").attribute("w:val").as_uint());
    } else {
      sink_.block_break();
    }
    runs(node);
    if (heading > 0) sink_.end_heading();
    if (item) {
      sink_.line_break();
    } else {
      sink_.block_break();
    }
    in_list_ = item;
    flush_boxes();
  }

  void start_item(std::string_view list, std::size_t level) {
    level = std::min<std::size_t>(level, 8);
    if (!in_list_) sink_.block_break();
    if (list != current_list_) {
      current_list_ = list;
      counters_.fill(0);
    }
    std::fill(counters_.begin() + static_cast<std::ptrdiff_t>(level) + 1, counters_.end(), 0U);
    ++counters_[level];
    sink_.list_item(styles_.is_numbered(list, level) ? fmt::format("{}. ", counters_[level]) : "- ", level);
  }

  // An empty item would leave a lonely bullet. Looks a few levels deep only; that is where text is.
  static bool has_text(const Node& paragraph) {
    for (const Node& child : paragraph.children()) {
      if (child.child("w:t") || child.child("w:r")) return true;
      if (std::string_view(child.name()) == "w:sdt" || std::string_view(child.name()) == "m:oMath") return true;
    }
    return false;
  }

  void runs(const Node& parent) {
    const Nesting guard(*this);
    for (const Node& node : parent.children()) inline_node(node);
  }

  void inline_node(const Node& node) {
    const std::string_view name = node.name();
    if (name == "w:t" || name == "m:t") {
      sink_.words(node.child_value());
    } else if (name == "w:tab" || name == "w:ptab") {
      sink_.words(" ");
    } else if (name == "w:br" || name == "w:cr") {
      sink_.line_break();
    } else if (name == "w:noBreakHyphen") {
      sink_.words("-");
    } else if (name == "w:footnoteReference" || name == "w:endnoteReference") {
      sink_.words(fmt::format("[{}{}]", name == "w:footnoteReference" ? "" : "e", node.attribute("w:id").value()));
    } else if (name == "mc:AlternateContent") {
      runs(node.child("mc:Choice"));
    } else if (name == "w:txbxContent") {
      boxes_.push_back(node);  // a text box is a small page of its own: it follows the paragraph it is anchored in
    } else if (!skipped(name)) {
      runs(node);
    }
  }

  // Properties, deleted and moved-away text, field codes, and the legacy twins of drawings.
  static bool skipped(std::string_view name) {
    constexpr std::array<std::string_view, 9> kSkipped{"w:pPr",     "w:rPr",   "w:del",    "w:moveFrom", "w:instrText",
                                                       "w:delText", "w:sdtPr", "w:rubyPr", "wp:docPr"};
    return std::find(kSkipped.begin(), kSkipped.end(), name) != kSkipped.end();
  }

  void flush_boxes() {
    while (!boxes_.empty()) {
      const std::vector<Node> boxes = std::exchange(boxes_, {});
      for (const Node& box : boxes) blocks(box);
    }
  }

  void table(const Node& node) {
    sink_.begin_table();
    for (const Node& row : node.children("w:tr")) {
      sink_.begin_row();
      for (const Node& cell : row.children()) {
        const bool wrapped = std::string_view(cell.name()) == "w:sdt";
        if (!wrapped && std::string_view(cell.name()) != "w:tc") continue;
        sink_.begin_cell();
        blocks(wrapped ? cell.child("w:sdtContent").child("w:tc") : cell);
        sink_.end_cell();
      }
      sink_.end_row();
    }
    sink_.end_table();
    in_list_ = false;
  }

  TextSink& sink_;
  const DocxStyles& styles_;
  std::vector<Node> boxes_;
  std::string current_list_;
  std::array<unsigned, 9> counters_{};
  bool in_list_ = false;
  int nesting_ = 0;
};

void write_notes(const Parts& parts, const std::string& path, const char* element, std::string_view prefix,
                 const DocxStyles& styles, TextSink& sink) {
  pugi::xml_document notes;
  if (!load_xml(parts, path, notes)) return;
  for (const Node& note : notes.document_element().children(element)) {
    if (note.attribute("w:type")) continue;  // separators
    sink.block_break();
    sink.words(fmt::format("[{}{}] ", prefix, note.attribute("w:id").value()));
    BodyWriter(sink, styles).blocks(note);
  }
}

[[noreturn]] void refuse_ole(std::string_view bytes) {
  constexpr std::string_view kName("E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0", 32);
  if (bytes.find(kName) != std::string_view::npos)
    throw ExtractionFailed(Failure::kEncrypted, "The document is protected by a password; remove it and upload again.");
  throw ExtractionFailed(Failure::kUnsupported,
                         "This is an old Word file (.doc); save it as .docx or PDF and upload that.");
}

void add_core_metadata(const Parts& parts, Extracted& out) {
  pugi::xml_document core;
  if (!load_xml(parts, "docProps/core.xml", core)) return;
  const auto put = [&](const char* element, const char* key) {
    const auto value = trim(core.document_element().child(element).child_value());
    if (!value.empty()) out.metadata[key] = clip(normalise_newlines(replace_invalid(value)), 500);
  };
  put("dc:title", "title");
  put("dc:creator", "author");
}

}  // namespace

Extracted read_docx(std::string_view bytes, const Request& request) {
  if (bytes.starts_with("\xD0\xCF\x11\xE0")) refuse_ole(bytes);
  return read_docx_parts(read_zip_parts(bytes, request.limits, wanted_part), request);
}

Extracted read_docx_parts(std::map<std::string, std::string> parts, const Request& request) {
  for (auto& [path, xml] : parts)
    if (xml.find('\0') == std::string::npos && !is_valid_utf8(xml)) xml = replace_invalid(xml);
  pugi::xml_document document;
  if (!load_xml(parts, "word/document.xml", document))
    throw ExtractionFailed(Failure::kDamaged, "The file is not a Word document: it has no document part.");
  DocxStyles styles;
  pugi::xml_document part;
  if (load_xml(parts, "word/styles.xml", part)) styles.load_styles(part);
  if (load_xml(parts, "word/numbering.xml", part)) styles.load_numbering(part);
  TextSink sink(request.limits.max_text_out);
  BodyWriter(sink, styles).blocks(document.child("w:document").child("w:body"));
  write_notes(parts, "word/footnotes.xml", "w:footnote", "", styles, sink);
  write_notes(parts, "word/endnotes.xml", "w:endnote", "e", styles, sink);
  Extracted out = sink.take();
  add_core_metadata(parts, out);
  return out;
}

}  // namespace nexus::text::extract
