#include "search/analyzer.h"

#include "search/folding.h"
#include "search/stop_words.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace nexus::search {
namespace {

using Terms = std::vector<std::string>;

Terms to_strings(const TermList& list) {
  Terms terms;
  for (std::size_t i = 0; i < list.size(); ++i) terms.emplace_back(list[i]);
  return terms;
}
Terms document_terms(std::string_view text) {
  TermList list;
  analyze_document(text, list);
  return to_strings(list);
}
Terms query_terms(std::string_view text) {
  TermList list;
  analyze_query(text, list);
  return to_strings(list);
}

TEST(Analyzer, StemsLowerCasedEnglishWords) {
  EXPECT_EQ(document_terms("Running RUNNERS, connection connected; wi-fi 2.0"),
            (Terms{"run", "runner", "connect", "connect", "wi", "fi", "2", "0"}));
}

TEST(Analyzer, FoldsWidthCaseLigaturesAndAccents) {
  EXPECT_EQ(document_terms("\uFF26\uFF35\uFF2C\uFF2C \u00C9t\u00e9 stra\u00DFe \uFB01ne"),
            (Terms{"full", "ete", "strass", "fine"}));
  EXPECT_EQ(document_terms("na\u00efve"), document_terms("nai\u0308ve"));
}

TEST(Analyzer, DropsArabicVowelSignsAndTatweel) {
  EXPECT_EQ(document_terms("\u0643\u064E\u062A\u064E\u0628"), document_terms("\u0643\u062A\u0640\u0628"));
}

TEST(Analyzer, PairsCharactersOfScriptsWithoutBlanks) {
  EXPECT_EQ(document_terms("\u4f60\u597d\u5417\u3002\u6211"), (Terms{"\u4f60\u597d", "\u597d\u5417", "\u6211"}));
  EXPECT_EQ(document_terms("abc\u4f60\u597d"), (Terms{"abc", "\u4f60\u597d"}));
}

TEST(Analyzer, LeavesStopWordsOutOfAQueryUnlessNothingElseIsLeft) {
  EXPECT_EQ(query_terms("What is the lift of a wing"), (Terms{"lift", "wing"}));
  EXPECT_EQ(query_terms("to be or not to be"), (Terms{"to", "be", "or", "not", "to", "be"}));
  EXPECT_EQ(query_terms("wing wing"), (Terms{"wing", "wing"}));
}

TEST(Analyzer, CountsOnlyContentWordsForTheLength) {
  TermList list;
  EXPECT_EQ(analyze_document("the lift of the wing", list), 2U);
  EXPECT_EQ(list.size(), 5U);
}

TEST(Analyzer, CutsEndlessWordsAtACodePoint) {
  EXPECT_EQ(document_terms(std::string(500, 'q')).front().size(), kMaxTermBytes);
  std::string greek;
  for (int i = 0; i < 100; ++i) greek += "a\u03B1";
  const std::string term = document_terms(greek).front();
  EXPECT_LE(term.size(), kMaxTermBytes);
  EXPECT_GE(term.size(), kMaxTermBytes - 2);
}

TEST(Analyzer, BoundsTheTermsOfAQuery) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "word" + std::to_string(i) + " ";
  EXPECT_EQ(query_terms(text).size(), kMaxQueryTerms);
}

TEST(Analyzer, TakesAnyBytes) {
  EXPECT_TRUE(rc::check([](const std::string& bytes) {
    TermList list;
    const std::size_t length = analyze_document(bytes, list);
    RC_ASSERT(length <= list.size());
    for (std::size_t i = 0; i < list.size(); ++i) RC_ASSERT(!list[i].empty() && list[i].size() <= kMaxTermBytes + 4);
  }));
}

TEST(StopWords, AreTheListTheFiguresWereMeasuredWith) {
  const char* shared = std::getenv("NEXUSRAG_SHARED");
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::ifstream file((shared != nullptr ? std::filesystem::path(shared) : root.parent_path() / "shared") /
                     "embedding-reference" / "stopwords.txt");
  if (!file) GTEST_SKIP() << "no reference list";
  std::size_t count = 0;
  for (std::string word; file >> word; ++count) EXPECT_TRUE(is_stop_word(word)) << word;
  EXPECT_EQ(count, kStopWords.size());
}

}  // namespace
}  // namespace nexus::search
