#include "modules/demo/demo_texts.h"

namespace nexus::demo {
namespace {

constexpr DemoSection kTesting[] = {
    {"Overview",
     "The testing strategy for Agent 2.0 puts integration tests first, because the seams between services break more "
     "often than single functions."},
    {"Unit tests",
     "Unit tests of Agent 2.0 show that embeddings are deterministic and that retrieval returns chunks in the order of "
     "their scores."},
    {"Release gates",
     "The release gates for Agent 2.0 are one validation checklist that runs in containers and has to pass in full."},
};

constexpr DemoSection kArchitecture[] = {
    {"Streaming",
     "Answers travel token by token as server-sent events (SSE), so people read while text is still being written."},
    {"Session state", "Each session keeps its own graph state, and a later turn continues where an earlier one ended."},
    {"Storage",
     "Postgres stores corpora, documents, chunks with their embeddings, sessions, messages and checkpoints."},
};

constexpr DemoSection kOperations[] = {
    {"First steps", "Seed demo data before calling run, since an empty corpus leaves nothing to cite."},
    {"Credentials",
     "Missing Vertex credentials show up as an error event that names missing variables, never as an invented answer."},
    {"Ranking", "Local retrieval orders chunks by cosine similarity between question and chunk embeddings."},
    {"Citations", "Every citation carries its source, a score, and metadata such as title and section."},
};

constexpr DemoDocument kDocuments[] = {
    {"demo://doc/1", "Agent 2.0 testing strategy", kTesting},
    {"demo://doc/2", "Architecture notes", kArchitecture},
    {"demo://doc/3", "Operations playbook", kOperations},
};

}  // namespace

std::span<const DemoDocument> demo_documents() {
  return kDocuments;
}

}  // namespace nexus::demo
