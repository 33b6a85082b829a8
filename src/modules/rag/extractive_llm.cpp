#include "modules/rag/extractive_llm.h"

#include "search/analyzer.h"
#include "text/sentences.h"
#include "text/utf8.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

namespace nexus::rag {
namespace {

constexpr double kLeastShare = 0.4;       // of the best sentence's score
constexpr double kClose = 0.35;           // cosine at which a passage without a common word still answers
constexpr double kPassageWeight = 0.35;   // of the passage's score beside the words
constexpr std::size_t kMostPassages = 8;  // looked at: the best ones
constexpr std::size_t kMostSentenceBytes = 600;

struct Candidate {
  ChosenSentence sentence;
  std::set<std::string> matched;
};

std::set<std::string> terms_of(std::string_view text, bool query) {
  search::TermList list;
  if (query) {
    search::analyze_query(text, list);
  } else {
    search::analyze_document(text, list);
  }
  std::set<std::string> out;
  for (std::size_t i = 0; i < list.size(); ++i) out.emplace(list[i]);
  return out;
}

std::vector<Candidate> candidates_of(const std::set<std::string>& question,
                                     std::span<const retrieval::Passage> context) {
  std::vector<Candidate> out;
  std::set<std::string_view> seen;
  for (std::size_t p = 0; p < std::min(context.size(), kMostPassages); ++p) {
    const std::string_view text = context[p].text;
    for (const text::Sentence& sentence : text::split_sentences(text)) {
      const std::string_view body = text.substr(sentence.begin, sentence.end - sentence.begin);
      if (!seen.insert(body).second) continue;  // overlapping chunks repeat sentences
      Candidate next{.sentence = {.passage = p, .begin = sentence.begin, .end = sentence.end}, .matched = {}};
      for (const std::string& term : terms_of(body, false))
        if (question.contains(term)) next.matched.insert(term);
      out.push_back(std::move(next));
    }
  }
  return out;
}

/// A word that few sentences hold says more about them.
std::map<std::string, double> weights_of(const std::vector<Candidate>& candidates) {
  std::map<std::string, double> frequency;
  for (const Candidate& candidate : candidates)
    for (const std::string& term : candidate.matched) frequency[term] += 1;
  std::map<std::string, double> weights;
  for (const auto& [term, count] : frequency)
    weights[term] = std::log(1 + static_cast<double>(candidates.size()) / count);
  return weights;
}

std::vector<ChosenSentence> lead_of_close_passage(std::span<const retrieval::Passage> context) {
  if (context.empty() || context.front().dense < kClose) return {};
  const std::vector<text::Sentence> sentences = text::split_sentences(context.front().text);
  if (sentences.empty()) return {};
  return {{.passage = 0, .begin = sentences.front().begin, .end = sentences.front().end, .score = 1}};
}

/// Sources in the order of their best sentence, sentences in the order of reading.
void group_by_source(std::vector<ChosenSentence>& chosen, std::span<const retrieval::Passage> context) {
  std::map<std::string_view, double> best;
  for (const ChosenSentence& sentence : chosen) {
    double& score = best[context[sentence.passage].source];
    score = std::max(score, sentence.score);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](const ChosenSentence& a, const ChosenSentence& b) {
    const std::string_view source_a = context[a.passage].source;
    const std::string_view source_b = context[b.passage].source;
    if (source_a != source_b) {
      if (best[source_a] != best[source_b]) return best[source_a] > best[source_b];
      return source_a < source_b;
    }
    if (a.passage != b.passage) return a.passage < b.passage;
    return a.begin < b.begin;
  });
}

std::string rendered(const ChosenSentence& sentence, std::span<const retrieval::Passage> context) {
  std::string_view body = std::string_view(context[sentence.passage].text)
                              .substr(sentence.begin, std::min(sentence.end - sentence.begin, kMostSentenceBytes));
  std::string out = text::drop_invalid(body);  // the cut may have split a character
  std::replace(out.begin(), out.end(), '\n', ' ');
  if (sentence.end - sentence.begin > kMostSentenceBytes) out.append("…");
  return out.append(" [").append(std::to_string(sentence.passage + 1)).append("]");
}

}  // namespace

std::vector<ChosenSentence> choose_sentences(std::string_view question, std::span<const retrieval::Passage> context,
                                             std::size_t most) {
  std::vector<Candidate> candidates = candidates_of(terms_of(question, true), context);
  const std::map<std::string, double> weights = weights_of(candidates);
  double best = 0;
  for (Candidate& candidate : candidates) {
    if (candidate.matched.empty()) continue;
    double words = 0;
    for (const std::string& term : candidate.matched) words += weights.at(term);
    candidate.sentence.score = words * (1 + kPassageWeight * context[candidate.sentence.passage].score);
    best = std::max(best, candidate.sentence.score);
  }
  if (best == 0) return lead_of_close_passage(context);

  std::vector<ChosenSentence> chosen;
  for (const Candidate& candidate : candidates)
    if (candidate.sentence.score >= best * kLeastShare) chosen.push_back(candidate.sentence);
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const ChosenSentence& a, const ChosenSentence& b) { return a.score > b.score; });
  if (chosen.size() > most) chosen.resize(most);
  group_by_source(chosen, context);
  return chosen;
}

llm::Completion ExtractiveLlm::generate(const Prompt& prompt, const DeltaSink& sink,
                                        const std::stop_token& stop) const {
  constexpr llm::Completion kStopped{.usage = {}, .finish = llm::Finish::kStopped};
  const std::vector<ChosenSentence> chosen = choose_sentences(prompt.question, prompt.context, kMostSentences);
  if (chosen.empty()) {
    (void)sink("I found nothing in this corpus that answers the question.");
    return {};
  }
  std::string_view source;
  for (const ChosenSentence& sentence : chosen) {
    if (stop.stop_requested()) return kStopped;
    const std::string_view next = prompt.context[sentence.passage].source;
    std::string delta;
    if (!source.empty()) delta = next == source ? " " : "\n\n";
    source = next;
    if (!sink(delta.append(rendered(sentence, prompt.context)))) return kStopped;
  }
  return {};
}

}  // namespace nexus::rag
