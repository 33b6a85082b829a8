// What the PDF tools print, made into a result. They worked on a hostile file, so their output is foreign bytes too.
#pragma once

#include "text/extract/extract.h"

#include <string_view>

namespace nexus::text::extract {

// The output of pdfinfo: sets title and author, throws kTooManyPages.
void read_pdf_info(std::string_view info, const Limits& limits, Extracted& out);

// The output of pdftotext, in which a form feed ends every page: appends text, page marks and the number of pages;
// throws kTooManyPages. Ligatures are spelled out, soft hyphens dropped, runs of blank lines shortened to one.
void add_pdf_pages(std::string_view text, const Limits& limits, Extracted& out);

}  // namespace nexus::text::extract
