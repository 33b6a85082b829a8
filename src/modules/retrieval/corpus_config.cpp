#include "modules/retrieval/corpus_config.h"

#include "json/json.h"

#include <initializer_list>
#include <limits>

namespace nexus::retrieval {
namespace {

const boost::json::value* present(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

/// Python's idea of a value that is there: not null, false, zero or empty.
bool truthy(const boost::json::value* value) {
  if (value == nullptr) return false;
  switch (value->kind()) {
    case boost::json::kind::null:
      return false;
    case boost::json::kind::bool_:
      return value->get_bool();
    case boost::json::kind::int64:
      return value->get_int64() != 0;
    case boost::json::kind::uint64:
      return value->get_uint64() != 0;
    case boost::json::kind::double_:
      return value->get_double() != 0;
    case boost::json::kind::string:
      return !value->get_string().empty();
    case boost::json::kind::array:
      return !value->get_array().empty();
    case boost::json::kind::object:
      return !value->get_object().empty();
  }
  return false;
}

void require(const boost::json::object& retrieval, std::initializer_list<std::string_view> keys, const char* text) {
  for (const std::string_view key : keys)
    if (!truthy(retrieval.if_contains(key))) throw InvalidCorpusConfig(text);
}

void check_own_keys(const boost::json::object& config, const boost::json::object& retrieval) {
  if (const boost::json::value* mode = present(retrieval, "mode")) {
    if (!mode->is_string()) throw InvalidCorpusConfig("retrieval.mode must be hybrid, dense or lexical");
    (void)parse_mode(mode->get_string());
  }
  if (const boost::json::value* alpha = present(retrieval, "alpha")) {
    const double value = alpha->is_number() ? alpha->to_number<double>() : -1;
    if (value < 0 || value > 1) throw InvalidCorpusConfig("retrieval.alpha must be a number from 0 to 1");
  }
  if (const boost::json::value* chunking = present(config, "chunking")) {
    const boost::json::value* mode = chunking->is_object() ? present(chunking->get_object(), "mode") : nullptr;
    const bool known = mode != nullptr && mode->is_string() &&
                       (mode->get_string() == "paragraph" || mode->get_string() == "structured");
    if (!known) throw InvalidCorpusConfig("chunking.mode must be paragraph or structured");
  }
}

}  // namespace

search::Mode parse_mode(std::string_view name) {
  if (name == "hybrid") return search::Mode::kHybrid;
  if (name == "dense") return search::Mode::kDense;
  if (name == "lexical") return search::Mode::kLexical;
  throw InvalidCorpusConfig("retrieval.mode must be hybrid, dense or lexical");
}

std::string_view mode_name(search::Mode mode) {
  switch (mode) {
    case search::Mode::kHybrid:
      return "hybrid";
    case search::Mode::kDense:
      return "dense";
    case search::Mode::kLexical:
      return "lexical";
  }
  return "hybrid";
}

boost::json::object normalise_config(const boost::json::value& config) {
  if (config.is_object() && config.get_object().empty())
    return {{"retrieval", {{"provider", "local_pgvector"}, {"top_k_default", 5}}}};
  if (config.is_null()) throw InvalidCorpusConfig("retrieval config missing");
  if (!config.is_object()) throw InvalidCorpusConfig("retrieval config must be an object");
  boost::json::object out = config.get_object();
  boost::json::value* found = out.if_contains("retrieval");
  if (found == nullptr || found->is_null()) throw InvalidCorpusConfig("retrieval config missing");
  if (!found->is_object()) throw InvalidCorpusConfig("retrieval config must be an object");
  boost::json::object& retrieval = found->get_object();

  const boost::json::value* provider = retrieval.if_contains("provider");
  const std::string name = provider != nullptr && provider->is_string() ? std::string(provider->get_string()) : "";
  if (name != "local_pgvector" && name != "aws_bedrock_kb" && name != "gcp_vertex")
    throw InvalidCorpusConfig("unsupported retrieval provider");
  const boost::json::value* top_k = present(retrieval, "top_k_default");
  if (top_k != nullptr && !top_k->is_int64() && !top_k->is_uint64())
    throw InvalidCorpusConfig("top_k_default must be an integer");
  if (name == "aws_bedrock_kb")
    require(retrieval, {"knowledge_base_id", "region"}, "knowledge_base_id and region are required");
  if (name == "gcp_vertex")
    require(retrieval, {"project", "location", "resource_id"}, "project, location, and resource_id are required");
  check_own_keys(out, retrieval);
  if (top_k == nullptr) retrieval["top_k_default"] = 5;
  return out;
}

CorpusConfig parse_config(std::string_view stored) {
  const boost::json::object config = normalise_config(json::parse(stored));
  const boost::json::object& retrieval = config.at("retrieval").get_object();
  CorpusConfig out;
  out.provider = retrieval.at("provider").get_string();
  const boost::json::value& top_k = retrieval.at("top_k_default");  // any size is stored; using it clamps
  out.top_k_default = top_k.is_uint64() ? std::numeric_limits<std::int64_t>::max() : top_k.to_number<std::int64_t>();
  if (const boost::json::value* mode = present(retrieval, "mode")) out.mode = parse_mode(mode->get_string());
  if (const boost::json::value* alpha = present(retrieval, "alpha")) out.alpha = alpha->to_number<double>();
  if (const boost::json::value* chunking = present(config, "chunking"))
    out.structured_chunking = chunking->get_object().at("mode").get_string() == "structured";
  return out;
}

}  // namespace nexus::retrieval
