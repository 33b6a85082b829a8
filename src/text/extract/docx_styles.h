// What a Word document says apart from its text: which styles are headings, which lists are numbered.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace pugi {
class xml_document;
}

namespace nexus::text::extract {

struct DocxStyle {
  unsigned heading = 0;  // 1 to 6, 0 for body text
  std::string list;      // numbering id the style carries, empty without
};

// ECMA-376 part 1: styles (17.7) and numbering (17.9), reduced to what reading needs.
class DocxStyles {
 public:
  void load_styles(const pugi::xml_document& styles);
  void load_numbering(const pugi::xml_document& numbering);
  // Unknown ids are body text.
  [[nodiscard]] const DocxStyle& style(std::string_view id) const;
  [[nodiscard]] bool is_numbered(std::string_view list, std::size_t level) const;

 private:
  std::map<std::string, DocxStyle, std::less<>> styles_;
  std::map<std::string, std::string, std::less<>> lists_;  // list and level ("3/0") to its number format
};

}  // namespace nexus::text::extract
