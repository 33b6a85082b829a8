#include "text/extract/docx_styles.h"

#include "text/extract/ascii.h"

#include <fmt/format.h>
#include <pugixml.hpp>

#include <algorithm>
#include <utility>

namespace nexus::text::extract {
namespace {

struct RawStyle {
  DocxStyle style;
  std::string based_on;
};

unsigned heading_level(const pugi::xml_node& style) {
  const std::string name = lower(std::string_view(style.child("w:name").attribute("w:val").value()));
  if (name == "title") return 1;
  if (name == "subtitle") return 2;
  if (name.starts_with("heading ") && name.size() == 9 && is_digit(name.back()))
    return std::clamp(static_cast<unsigned>(name.back() - '0'), 1U, 6U);
  const auto outline = style.child("w:pPr").child("w:outlineLvl").attribute("w:val");
  const unsigned level = outline.as_uint(9);
  return outline && level < 9 ? std::min(level + 1, 6U) : 0;
}

}  // namespace

void DocxStyles::load_styles(const pugi::xml_document& document) {
  std::map<std::string, RawStyle, std::less<>> raw;
  for (const auto& node : document.child("w:styles").children("w:style")) {
    RawStyle entry;
    entry.style.heading = heading_level(node);
    entry.style.list = node.child("w:pPr").child("w:numPr").child("w:numId").attribute("w:val").value();
    entry.based_on = node.child("w:basedOn").attribute("w:val").value();
    raw.emplace(node.attribute("w:styleId").value(), std::move(entry));
  }
  for (const auto& [id, entry] : raw) {
    DocxStyle style = entry.style;
    std::string_view base = entry.based_on;
    for (int steps = 0; steps < 16 && !base.empty(); ++steps) {  // a cycle of styles ends here too
      const auto parent = raw.find(base);
      if (parent == raw.end()) break;
      if (style.heading == 0) style.heading = parent->second.style.heading;
      if (style.list.empty()) style.list = parent->second.style.list;
      base = parent->second.based_on;
    }
    styles_.emplace(id, std::move(style));
  }
}

void DocxStyles::load_numbering(const pugi::xml_document& document) {
  const auto root = document.child("w:numbering");
  std::map<std::string, std::map<std::string, std::string>> abstract;
  for (const auto& list : root.children("w:abstractNum")) {
    auto& levels = abstract[list.attribute("w:abstractNumId").value()];
    for (const auto& level : list.children("w:lvl"))
      levels.emplace(level.attribute("w:ilvl").value(), level.child("w:numFmt").attribute("w:val").value());
  }
  for (const auto& list : root.children("w:num")) {
    const auto levels = abstract.find(list.child("w:abstractNumId").attribute("w:val").value());
    if (levels == abstract.end()) continue;
    for (const auto& [level, format] : levels->second)
      lists_.emplace(fmt::format("{}/{}", list.attribute("w:numId").value(), level), format);
  }
}

const DocxStyle& DocxStyles::style(std::string_view id) const {
  static const DocxStyle kBody;
  const auto found = styles_.find(id);
  return found == styles_.end() ? kBody : found->second;
}

bool DocxStyles::is_numbered(std::string_view list, std::size_t level) const {
  const auto found = lists_.find(fmt::format("{}/{}", list, level));
  return found != lists_.end() && found->second != "bullet" && found->second != "none";
}

}  // namespace nexus::text::extract
