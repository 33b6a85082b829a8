#include "http/router.h"

#include "base/encoding.h"

#include <array>
#include <stdexcept>
#include <unordered_map>

namespace nexus::http {
namespace {

constexpr std::size_t kVerbs = static_cast<std::size_t>(Verb::kOther) + 1;
constexpr std::size_t kMaxSegments = 32;  // deeper paths match nothing; bounds the search

struct SegmentHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

/// Rows of one path and one surface (versioned or not), by verb.
struct Leaf {
  std::array<const Endpoint*, kVerbs> by_verb{};
  bool versioned = true;

  [[nodiscard]] bool empty() const {
    return std::all_of(by_verb.begin(), by_verb.end(), [](const Endpoint* row) { return row == nullptr; });
  }
};

struct Node {
  /// A parameter between fixed texts of one segment: "{audio_id}.mp3".
  struct Parameter {
    std::string prefix;
    std::string suffix;
    std::unique_ptr<Node> next;
  };

  std::unordered_map<std::string, std::unique_ptr<Node>, SegmentHash, std::equal_to<>> fixed;
  std::vector<Parameter> parameters;  // most fixed text first
  Leaf leaf;
};

struct Segment {
  std::string prefix;
  std::string name;  // empty: the whole segment is fixed and stands in prefix
  std::string suffix;
};

[[noreturn]] void bad_row(const RouteSpec& spec, std::string_view why) {
  throw std::logic_error("route " + std::string(to_string(spec.verb)) + " " + std::string(spec.path) + ": " +
                         std::string(why));
}

Segment parse_segment(const RouteSpec& spec, std::string_view text) {
  const auto open = text.find('{');
  if (open == std::string_view::npos) {
    if (text.find('}') != std::string_view::npos) bad_row(spec, "brace closed but not opened");
    return {std::string(text), {}, {}};
  }
  const auto close = text.find('}', open);
  if (close == std::string_view::npos || close == open + 1) bad_row(spec, "parameter without end or name");
  if (text.find_first_of("{}", close + 1) != std::string_view::npos) bad_row(spec, "two parameters in one segment");
  return {std::string(text.substr(0, open)), std::string(text.substr(open + 1, close - open - 1)),
          std::string(text.substr(close + 1))};
}

/// Splits "/a/b" into its segments; a root path has none.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.empty() || path == "/") return segments;
  path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

struct Search {
  Verb verb;
  std::vector<std::string> segments;  // decoded
  std::vector<std::string> values;    // of parameters on the way down
  std::vector<const Leaf*> others;    // leaves of this path without the verb
  const Endpoint* found = nullptr;
  bool versioned = true;
};

// Depth is bounded by kMaxSegments, width by the parameters that share a segment.
bool descend(const Node& node, Search& search, std::size_t depth) {
  if (depth == search.segments.size()) {
    if (node.leaf.empty()) return false;
    search.found = node.leaf.by_verb[static_cast<std::size_t>(search.verb)];
    search.versioned = node.leaf.versioned;
    if (search.found == nullptr) search.others.push_back(&node.leaf);
    return search.found != nullptr;
  }
  const std::string& text = search.segments[depth];
  if (const auto next = node.fixed.find(text); next != node.fixed.end() && descend(*next->second, search, depth + 1))
    return true;
  for (const auto& parameter : node.parameters) {
    const std::size_t around = parameter.prefix.size() + parameter.suffix.size();
    if (text.size() <= around || !text.starts_with(parameter.prefix) || !text.ends_with(parameter.suffix)) continue;
    search.values.push_back(text.substr(parameter.prefix.size(), text.size() - around));
    if (descend(*parameter.next, search, depth + 1)) return true;
    search.values.pop_back();
  }
  return false;
}

}  // namespace

struct Router::Tables {
  Node root;
  std::unordered_map<std::string, const Leaf*, SegmentHash, std::equal_to<>> exact;  // paths without parameters
  std::unordered_map<const Endpoint*, std::vector<std::string>> names;               // of parameters, in order

  void add(const Endpoint& row, const std::string& path, bool versioned);
  void index_exact(const Node& node, const std::string& path);
};

void Router::Tables::add(const Endpoint& row, const std::string& path, bool versioned) {
  Node* node = &root;
  std::vector<std::string> parameter_names;
  const auto segments = split(path);
  if (segments.size() > kMaxSegments) bad_row(row.spec, "too many segments");
  for (const auto text : segments) {
    if (text.empty()) bad_row(row.spec, "empty segment");
    const Segment segment = parse_segment(row.spec, text);
    std::unique_ptr<Node>* next = nullptr;
    if (segment.name.empty()) {
      next = &node->fixed[segment.prefix];
    } else {
      if (std::find(parameter_names.begin(), parameter_names.end(), segment.name) != parameter_names.end())
        bad_row(row.spec, "parameter named twice");
      parameter_names.push_back(segment.name);
      auto same = std::find_if(node->parameters.begin(), node->parameters.end(), [&](const Node::Parameter& p) {
        return p.prefix == segment.prefix && p.suffix == segment.suffix;
      });
      if (same == node->parameters.end()) {
        const auto fixed_text = segment.prefix.size() + segment.suffix.size();
        const auto at = std::find_if(node->parameters.begin(), node->parameters.end(), [&](const Node::Parameter& p) {
          return p.prefix.size() + p.suffix.size() < fixed_text;
        });
        same = node->parameters.insert(at, Node::Parameter{segment.prefix, segment.suffix, nullptr});
      }
      next = &same->next;
    }
    if (!*next) *next = std::make_unique<Node>();
    node = next->get();
  }
  const Endpoint*& place = node->leaf.by_verb[static_cast<std::size_t>(row.spec.verb)];
  if (place != nullptr) bad_row(row.spec, "another row has this verb and path");
  place = &row;
  node->leaf.versioned = versioned;
  names[&row] = std::move(parameter_names);
}

void Router::Tables::index_exact(const Node& node, const std::string& path) {
  if (!node.leaf.empty()) exact.emplace(path.empty() ? "/" : path, &node.leaf);
  for (const auto& [text, next] : node.fixed) index_exact(*next, path + "/" + text);
}

Router::Router(std::vector<Endpoint> endpoints)
    : endpoints_(std::move(endpoints)), tables_(std::make_unique<Tables>()) {
  for (const auto& row : endpoints_) {
    const std::string path(row.spec.path);
    if (path.empty() || path.front() != '/') bad_row(row.spec, "the path does not start with a slash");
    if (path.size() > 1 && path.back() == '/') bad_row(row.spec, "the path ends with a slash");
    if (path == "/v1" || path.starts_with("/v1/")) bad_row(row.spec, "the path names the version");
    if (row.spec.verb == Verb::kOther) bad_row(row.spec, "no verb");
    const bool has_code = std::visit([](const auto& handler) { return static_cast<bool>(handler); }, row.run);
    if (!has_code) bad_row(row.spec, "no handler");
    if (row.spec.versioned) tables_->add(row, path == "/" ? "/v1" : "/v1" + path, true);
    if (row.spec.legacy_alias || !row.spec.versioned) tables_->add(row, path, false);
  }
  tables_->index_exact(tables_->root, "");
}

Router::~Router() = default;

namespace {

std::string allow_of(const std::vector<const Leaf*>& leaves) {
  std::string allow;
  for (std::size_t verb = 0; verb < kVerbs; ++verb) {
    const bool present =
        std::any_of(leaves.begin(), leaves.end(), [&](const Leaf* leaf) { return leaf->by_verb[verb] != nullptr; });
    if (!present) continue;
    if (!allow.empty()) allow += ", ";
    allow += to_string(static_cast<Verb>(verb));
  }
  return allow;
}

}  // namespace

Match Router::match(Verb verb, std::string_view path) const {
  Match match;
  if (path.empty() || path.front() != '/') return match;
  if (const auto exact = tables_->exact.find(path); exact != tables_->exact.end()) {
    match.versioned = exact->second->versioned;
    match.endpoint = exact->second->by_verb[static_cast<std::size_t>(verb)];
    if (match.endpoint != nullptr) {
      match.kind = Match::Kind::kFound;
      return match;
    }
  }

  match.versioned = path.starts_with("/v1");
  if (path.size() > 1 && path.back() == '/') {
    const auto bare = path.substr(0, path.find_last_not_of('/') + 1);
    if (bare.empty()) return match;
    const Match target = this->match(verb, bare);
    if (target.kind != Match::Kind::kNotFound) {
      match.kind = Match::Kind::kRedirect;
      match.location = std::string(bare);
    }
    return match;
  }

  Search search{verb, {}, {}, {}, nullptr, true};
  const auto segments = split(path);
  if (segments.size() > kMaxSegments) return match;
  search.segments.reserve(segments.size());
  for (const auto segment : segments) search.segments.push_back(percent_decode(segment, false));
  if (descend(tables_->root, search, 0)) {
    match.kind = Match::Kind::kFound;
    match.endpoint = search.found;
    match.versioned = search.versioned;
    const auto& names = tables_->names.at(search.found);
    for (std::size_t i = 0; i < names.size(); ++i)
      match.path_params.emplace_back(names[i], std::move(search.values[i]));
  } else if (!search.others.empty()) {
    match.kind = Match::Kind::kMethodNotAllowed;
    match.versioned = search.others.front()->versioned;
    match.allow = allow_of(search.others);
  }
  return match;
}

}  // namespace nexus::http
