#pragma once

#include "opensearch/error.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Reading what the cluster says. An answer of an unexpected shape is Error{kBadAnswer}, never a guess.
namespace nexus::opensearch {

[[nodiscard]] boost::json::value parse_answer(std::string_view body);

[[nodiscard]] const boost::json::object& as_object(const boost::json::value& value);
[[nodiscard]] const boost::json::object& object_at(const boost::json::value& value, std::string_view key);
[[nodiscard]] const boost::json::object& object_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] const boost::json::array& array_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] std::string text_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] std::string text_or(const boost::json::object& object, std::string_view key, std::string_view otherwise);
/// A number, rounded: sums come as `7.0`.
[[nodiscard]] std::int64_t integer_at(const boost::json::object& object, std::string_view key);
[[nodiscard]] bool flag_or(const boost::json::object& object, std::string_view key, bool otherwise);

/// `error.type` of a refusal when it looks like a name of the server's ("index_not_found_exception"), else "error".
[[nodiscard]] std::string fault_name(const boost::json::object& answer);

/// What became of one action of a _bulk request.
struct BulkItem {
  enum class Fate : std::uint8_t {
    kDone,       ///< written
    kNewer,      ///< the index has this version or a later one (409)
    kLater,      ///< 429 and 5xx: the same action may succeed later
    kImpossible  ///< any other status: it never will
  };
  Fate fate = Fate::kDone;
  std::string fault;  ///< the server's name of it; empty for kDone and kNewer
};
/// In the order of the actions; throws Error{kBadAnswer} unless there are exactly `actions` of them.
[[nodiscard]] std::vector<BulkItem> parse_bulk(std::string_view body, std::size_t actions);

/// The bodies of the searches of one _msearch, checked: each is complete and in time. Throws Error: kTimeout for a
/// search that ran out of time, kPartial for shards that failed, kMissing, kBusy, kRefused for a search that was
/// refused. `answer` is borrowed by what is returned.
[[nodiscard]] std::vector<const boost::json::object*> complete_searches(const boost::json::value& answer,
                                                                        std::size_t searches);
/// The same for the body of one search.
void check_complete(const boost::json::object& answer);

/// The Error kind of an HTTP status that is no success.
[[nodiscard]] ErrorKind kind_of_status(int status) noexcept;

}  // namespace nexus::opensearch
