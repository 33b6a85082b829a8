#include "text/extract/readers.h"

#include "text/extract/charset.h"
#include "text/extract/extract_test_support.h"
#include "text/extract/html_guard.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace nexus::text::extract {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of(Kind kind, std::string_view bytes, std::string charset = {}) {
  Request request = request_for(kind);
  request.charset = std::move(charset);
  return extract_here(bytes, request).text;
}

TEST(PlainReader, NormalisesNewlinesAndDropsControlCharacters) {
  EXPECT_EQ(text_of(Kind::kText,
                    "\xEF\xBB\xBF"
                    "a\r\nb\rc\fd\x01\x7F\te"),
            "a\nb\nc\nd\te");
}

TEST(PlainReader, HonoursTheDeclaredCharacterSet) {
  EXPECT_EQ(text_of(Kind::kText, "caf\xE9 \x93x\x94", "iso-8859-1"), "café “x”");
  EXPECT_EQ(text_of(Kind::kText, "\xD0\xD2\xC9", "koi8-r"), "при");
  EXPECT_EQ(text_of(Kind::kText, std::string_view("\xFF\xFE\xDC\0b\0", 6)), "Üb");
  EXPECT_EQ(text_of(Kind::kText, std::string_view("\xFE\xFF\0\xDC\0b", 6), "utf-8"), "Üb");
  EXPECT_EQ(text_of(Kind::kText, std::string_view("h\0i\0", 4), "utf-16"), "hi");
}

TEST(PlainReader, RefusesBytesThatAreNotTheDeclaredCharacterSet) {
  EXPECT_EQ(failure_here("caf\xE9", request_for(Kind::kText)), Failure::kUndecodable);
  Request request = request_for(Kind::kText);
  request.charset = "utf-7";
  EXPECT_EQ(failure_here("x", request), Failure::kUndecodable);
  request.charset = "utf-16le";
  EXPECT_EQ(failure_here(std::string_view("\x00\xD8\x41\x00", 4), request), Failure::kUndecodable);
}

TEST(PlainReader, LenientReadingGuessesTheCharacterSet) {
  Request request = request_for(Kind::kText);
  request.lenient = true;
  EXPECT_EQ(extract_here("caf\xE9", request).text, "café");
  EXPECT_EQ(extract_here("größe mühe \xFF ende", request).text, "größe mühe \xEF\xBF\xBD ende");
}

TEST(PlainReader, RefusesEmptyAndBlankFiles) {
  EXPECT_EQ(failure_here("", request_for(Kind::kText)), Failure::kEmpty);
  EXPECT_EQ(failure_here(" \n\xC2\xA0\t", request_for(Kind::kText)), Failure::kEmpty);
}

TEST(PlainReader, LongSingleLineIsKeptWhole) {
  const std::string line(5'000'000, 'x');
  EXPECT_EQ(text_of(Kind::kText, line), line);
}

TEST(MarkdownReader, MarksHeadingsOutsideFences) {
  const auto outline = outline_markdown(
      "# One #\n\n```\n# code\n```\nTwo\n===\n\nThree\n-----\n\n- item\n---\n####### seven\n    # code\n### C#\n");
  ASSERT_EQ(outline.headings.size(), 4U);
  EXPECT_EQ(outline.headings[0], (Mark{MarkKind::kHeading, 0, 1, "One"}));
  EXPECT_EQ(outline.headings[1].title, "Two");
  EXPECT_EQ(outline.headings[1].level, 1U);
  EXPECT_EQ(outline.headings[2].level, 2U);
  EXPECT_EQ(outline.headings[3].title, "C#");
  EXPECT_EQ(outline.title, "One");
}

TEST(MarkdownReader, TakesTheTitleFromTheFrontMatter) {
  EXPECT_EQ(outline_markdown("---\ntitle: \"My title\"\nx: y\n---\n# Other\n").title, "My title");
  EXPECT_EQ(outline_markdown("---\n# Not closed\n").title, "Not closed");
}

TEST(HtmlReader, KeepsVisibleTextAndStructure) {
  const Extracted out = extract_here(
      "<!doctype html><title>A &amp; B</title><style>x{}</style><script>evil()</script><h1>Top</h1><p>One\n  "
      "two&nbsp;<b>th</b>ree"
      "<br>four<p hidden>no<div style='display: NONE'>no</div><ul><li>a<ul><li>b</ul><li><p>c</ul><ol "
      "start=3><li>d<li>e</ol>"
      "<pre>  x\n  y</pre><img alt='a picture'><!-- no --><template>no</template><noscript>no</noscript>",
      request_for(Kind::kHtml));
  EXPECT_EQ(out.text, "# Top\n\nOne two three\nfour\n\n- a\n  - b\n- c\n\n3. d\n4. e\n\n  x\n  y\n\na picture");
  EXPECT_EQ(out.metadata.at("title"), "A & B");
  ASSERT_EQ(out.marks.size(), 1U);
  EXPECT_EQ(out.marks[0], (Mark{MarkKind::kHeading, 0, 1, "Top"}));
}

TEST(HtmlReader, DrawsDataTablesAndUnrollsLayoutTables) {
  EXPECT_EQ(
      text_of(Kind::kHtml, "<table><caption>C</caption><tr><th>a<th>b|c<tr><td><p>1</p><p>2</p><td></table>after"),
      "C\n\n| a | b\\|c |\n| --- | --- |\n| 1 2 | |\n\nafter");
  EXPECT_EQ(text_of(Kind::kHtml, "<table><tr><td><h2>Menu</h2><td>Body</table>"), "## Menu\n\nBody");
}

TEST(HtmlReader, FindsTheCharacterSetOfThePage) {
  EXPECT_EQ(text_of(Kind::kHtml, "<meta charset=windows-1251><p>\xEF\xF0\xE8"), "при");
  EXPECT_EQ(text_of(Kind::kHtml, "<p>caf\xE9"), "café");
  EXPECT_EQ(text_of(Kind::kHtml, "<p>\xEF\xF0\xE8", "windows-1251"), "при");
  EXPECT_EQ(declared_html_charset("<?xml version='1.0' encoding='koi8-r'?><html>"), "koi8-r");
  EXPECT_EQ(declared_html_charset("<meta http-equiv=x content='text/html; charset=ISO-8859-2'>"), "iso-8859-2");
}

TEST(HtmlReader, FlattensHundredThousandNestedElements) {
  std::string html;
  for (int i = 0; i < 100'000; ++i) html += "<div>";
  html += "deep";
  for (int i = 0; i < 100'000; ++i) html += "</div>";
  EXPECT_EQ(text_of(Kind::kHtml, html + "<p>after"), "deep\n\nafter");
}

TEST(HtmlReader, FlatteningKeepsOrdinaryPagesAsTheyAre) {
  const std::string page =
      "<html><body><p>a<p>b<table><tr><td><font>x<td><font>y</table><script>'<div><div>'</script><a href='>'>z</a>";
  EXPECT_EQ(flatten_html(page, 8), page);
  EXPECT_EQ(flatten_html("<b><i><u>x</u></i></b>", 2), "<b><i>x</i></b>");
}

TEST(HtmlReader, CharacterReferencesToNoCharacterBecomeReplacementCharacters) {
  EXPECT_EQ(text_of(Kind::kHtml, "<p>a&#55555555555555555555;b&#1;c&#0;"),
            "a\xEF\xBF\xBD"
            "bc\xEF\xBF\xBD");
  EXPECT_EQ(text_of(Kind::kDocx, make_docx(docx_paragraph("a&#xD800;b"))),
            "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
}

TEST(HtmlReader, StopsAtItsMemoryLimit) {
  Request request = request_for(Kind::kHtml);
  request.limits.memory_bytes = 4 << 20;
  std::string html;
  for (int i = 0; i < 100'000; ++i) html += "<p>x";
  EXPECT_THROW((void)extract_here(html, request), std::bad_alloc);
}

TEST(HtmlReader, StopsAtItsTextLimit) {
  Request request = request_for(Kind::kHtml);
  request.limits.max_text_out = 100;
  EXPECT_EQ(failure_here("<p>" + std::string(200, 'x'), request), Failure::kTooLarge);
}

TEST(DocxReader, KeepsHeadingsListsTablesAndNotes) {
  const std::string styles =
      "<w:styles><w:style w:styleId='H1'><w:name w:val='heading 1'/></w:style><w:style w:styleId='Mine'><w:name "
      "w:val='Mine'/>"
      "<w:basedOn w:val='H1'/></w:style><w:style w:styleId='L'><w:name w:val='List'/><w:pPr><w:numPr><w:numId "
      "w:val='2'/></w:numPr>"
      "</w:pPr></w:style><w:style w:styleId='Loop'><w:basedOn w:val='Loop'/></w:style></w:styles>";
  const std::string numbering =
      "<w:numbering><w:abstractNum w:abstractNumId='0'><w:lvl w:ilvl='0'><w:numFmt "
      "w:val='decimal'/></w:lvl></w:abstractNum>"
      "<w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num></w:numbering>";
  const std::string numbered =
      "<w:p><w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='1'/></w:numPr></w:pPr><w:r><w:t>step</w:t></w:r></w:p>";
  const std::string cell = "<w:tc>" + docx_paragraph("x") + docx_paragraph("y|z") + "</w:tc>";
  const std::string body =
      docx_paragraph("Top", "H1") +
      "<w:p><w:r><w:t>One</w:t><w:tab/><w:t xml:space='preserve"
      "'>two </w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:hyperlink><w:r><w:t>link</w:t>"
      "</w:r></w:hyperlink><w:r><w:footnoteReference w:id='2'/></w:r></w:p>" +
      docx_paragraph("Sub", "Mine") + docx_paragraph("loose", "Loop") + docx_paragraph("dash", "L") + numbered +
      numbered + "<w:tbl><w:tr>" + cell + cell + "</w:tr></w:tbl>" + docx_paragraph("end");
  const std::string notes = "<w:footnotes><w:footnote w:type='separator' w:id='0'/><w:footnote w:id='2'>" +
                            docx_paragraph("a note") + "</w:footnote></w:footnotes>";
  const Extracted out =
      extract_here(make_docx(body, {{"word/styles.xml", styles},
                                    {"word/numbering.xml", numbering},
                                    {"word/footnotes.xml", notes},
                                    {"docProps/core.xml", "<c><dc:title>T</dc:title><dc:creator>Me</dc:creator></c>"}}),
                   request_for(Kind::kDocx));
  EXPECT_EQ(out.text,
            "# Top\n\nOne two link[2]\n\n# Sub\n\nloose\n\n- dash\n1. step\n2. step\n\n| x y\\|z | x y\\|z |\n| --- | "
            "--- |\n\nend\n\n"
            "[2]\n\na note");
  EXPECT_EQ(out.metadata.at("title"), "T");
  EXPECT_EQ(out.metadata.at("author"), "Me");
  EXPECT_EQ(out.marks.size(), 2U);
}

TEST(DocxReader, ReadsTextBoxesOnce) {
  const std::string box = "<wps:txbx><w:txbxContent>" + docx_paragraph("boxed") + "</w:txbxContent></wps:txbx>";
  const std::string body = "<w:p><w:r><w:t>anchor</w:t><mc:AlternateContent><mc:Choice><w:drawing>" + box +
                           "</w:drawing></mc:Choice><mc:Fallback><w:pict>" + box +
                           "</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>";
  EXPECT_EQ(text_of(Kind::kDocx, make_docx(body)), "anchor\n\nboxed");
}

TEST(DocxReader, RefusesEntityTricks) {
  const std::string laughs =
      "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'><!ENTITY x SYSTEM "
      "'file:///etc/passwd'>]>"
      "<w:document><w:body><w:p><w:r><w:t>&b;&x;</w:t></w:r></w:p></w:body></w:document>";
  EXPECT_EQ(failure_here(make_zip({{"word/document.xml", laughs}}), request_for(Kind::kDocx)), Failure::kDamaged);
}

TEST(DocxReader, RefusesZipBombs) {
  const std::string bomb = make_docx(docx_paragraph(std::string(std::size_t{64} << 20, ' ')));
  EXPECT_LT(bomb.size(), std::size_t{200'000});
  EXPECT_EQ(failure_here(bomb, request_for(Kind::kDocx)), Failure::kTooLarge);
  std::map<std::string, std::string> many;
  for (int i = 0; i < 5000; ++i) many.emplace(fmt::format("media/{}", i), "");
  EXPECT_EQ(failure_here(make_zip(many), request_for(Kind::kDocx)), Failure::kTooLarge);
}

TEST(DocxReader, RefusesDeepNesting) {
  std::string body;
  for (int i = 0; i < 20'000; ++i) body += "<w:sdt><w:sdtContent>";
  for (int i = 0; i < 20'000; ++i) body += "</w:sdtContent></w:sdt>";
  Request request = request_for(Kind::kDocx);
  request.limits.max_inflate_ratio = 100'000;
  EXPECT_EQ(failure_here(make_docx(body), request), Failure::kDamaged);
}

TEST(DocxReader, TellsProtectedFromOldFromBroken) {
  const std::string ole = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
  std::string name;
  for (const char c : std::string_view("EncryptedPackage")) name += {c, '\0'};
  EXPECT_EQ(failure_here(ole + name, request_for(Kind::kDocx)), Failure::kEncrypted);
  EXPECT_EQ(failure_here(ole + "Word.Document.8", request_for(Kind::kDocx)), Failure::kUnsupported);
  EXPECT_EQ(failure_here("PK\x03\x04 nonsense", request_for(Kind::kDocx)), Failure::kDamaged);
  EXPECT_EQ(failure_here(make_zip({{"a.txt", "x"}}), request_for(Kind::kDocx)), Failure::kDamaged);
  EXPECT_EQ(failure_here(make_zip({{"word/document.xml", "<w:document><w:body>"}}), request_for(Kind::kDocx)),
            Failure::kDamaged);
  EXPECT_EQ(failure_here(make_docx("<w:p/>"), request_for(Kind::kDocx)), Failure::kEmpty);
}

TEST(DocxReader, TruncatedAtAnyByteNeverDoesMoreThanFail) {
  const std::string whole = make_docx(docx_paragraph("some words that stand in a document"));
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    try {
      (void)extract_here(std::string_view(whole).substr(0, size), request_for(Kind::kDocx));
    } catch (const ExtractionFailed&) {
    }
  }
}

TEST(CsvReader, WritesARowAsAParagraphOfNamedValues) {
  EXPECT_EQ(text_of(Kind::kCsv, "name,city\r\n\"Ada \"\"the first\"\"\",\"Lon\ndon, UK\"\r\nGrace,\r\n"),
            "name: Ada \"the first\"\ncity: Lon don, UK\n\nname: Grace");
}

TEST(CsvReader, SniffsTheDelimiter) {
  EXPECT_EQ(text_of(Kind::kCsv, "a;b\n1,5;2\n"), "a: 1,5\nb: 2");
  EXPECT_EQ(text_of(Kind::kCsv, "a\tb\n1\t2\n"), "a: 1\nb: 2");
  EXPECT_EQ(text_of(Kind::kCsv, "a|b\n1|2\n"), "a: 1\nb: 2");
}

TEST(CsvReader, NamesColumnsByNumberWithoutAHeader) {
  EXPECT_EQ(text_of(Kind::kCsv, "1,2\n3,4\n"), "column 1: 1\ncolumn 2: 2\n\ncolumn 1: 3\ncolumn 2: 4");
  EXPECT_EQ(text_of(Kind::kCsv, "only,this"), "column 1: only\ncolumn 2: this");
  EXPECT_EQ(text_of(Kind::kCsv, "a\nx,y\n"), "a: x\ncolumn 2: y");
}

TEST(CsvReader, SurvivesAnUnclosedQuoteAndTooManyColumns) {
  EXPECT_EQ(text_of(Kind::kCsv, "a,b\n1,\"two\nthree"), "a: 1\nb: two three");
  EXPECT_EQ(failure_here(std::string(100'000, ','), request_for(Kind::kCsv)), Failure::kTooLarge);
}

TEST(JsonReader, TakesTheTextMember) {
  const Extracted out = extract_here(R"({"text":"a\r\nb","title":"T"})", request_for(Kind::kJson));
  EXPECT_EQ(out.text, "a\nb");
  EXPECT_EQ(out.metadata.at("title"), "T");
}

TEST(JsonReader, AsksForTheTextMemberWhereTheContractDoes) {
  Request request = request_for(Kind::kJson);
  request.json_text = true;
  EXPECT_EQ(failure_here(R"({"body":"a"})", request), Failure::kMissingText);
  EXPECT_EQ(failure_here("[1]", request), Failure::kMissingText);
  EXPECT_EQ(failure_here("{", request), Failure::kDamaged);
  EXPECT_EQ(extract_here(R"({"text": 42})", request).text, "42");
}

TEST(JsonReader, RendersOtherDocumentsAsKeyPaths) {
  EXPECT_EQ(text_of(Kind::kJson, R"({"a":{"b":[1,2.5,"x"]},"list":[{"k":true},{"k":null}],"e":""})"),
            "a.b: 1, 2.5, x\n\nlist[0].k: true\n\nlist[1].k: null");
}

TEST(JsonReader, ReadsOneValueALine) {
  EXPECT_EQ(text_of(Kind::kJson, "{\"a\":1}\n\n{\"a\":2}\n"), "a: 1\n\na: 2");
}

TEST(JsonReader, RefusesBrokenAndDeepDocuments) {
  EXPECT_EQ(failure_here("{\"a\":", request_for(Kind::kJson)), Failure::kDamaged);
  EXPECT_EQ(failure_here(std::string(100'000, '['), request_for(Kind::kJson)), Failure::kDamaged);
}

TEST(PdfReader, ReadsPagesWithMarks) {
  const Extracted out = extract_here(make_pdf({"First words", "", "Third words"}), request_for(Kind::kPdf));
  EXPECT_EQ(out.text, "First words\n\nThird words");
  EXPECT_EQ(out.metadata.at("pages"), "3");
  ASSERT_EQ(out.marks.size(), 2U);
  EXPECT_EQ(out.marks[1], (Mark{MarkKind::kPage, 13, 3, ""}));
}

TEST(PdfReader, RefusesWhatItCannotRead) {
  Request request = request_for(Kind::kPdf);
  EXPECT_EQ(failure_here(make_pdf({""}), request), Failure::kEmpty);
  EXPECT_EQ(failure_here("hello", request), Failure::kDamaged);
  EXPECT_EQ(failure_here("%PDF-1.4\nrubbish", request), Failure::kDamaged);
  request.limits.max_pages = 999;
  EXPECT_EQ(failure_here(make_pdf(std::vector<std::string>(1000, "page")), request), Failure::kTooManyPages);
  request.limits.max_text_out = 10;
  EXPECT_EQ(failure_here(make_pdf({"more than ten bytes of text"}), request), Failure::kTooLarge);
}

}  // namespace
}  // namespace nexus::text::extract
