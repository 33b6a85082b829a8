#pragma once

#include "llm/chat.h"
#include "outbound/client.h"

#include <boost/json/object.hpp>

#include <string_view>

/// The one table from what providers say goes wrong to Failure. Their texts are never repeated; their error codes are
/// named when they stand in a fixed list.
namespace nexus::llm {

/// What a provider reported.
struct Fault {
  Failure failure = Failure::kBroken;
  std::string_view code;  ///< from the fixed list, static; empty: it gave none that we know
};

/// A status that is no 2xx, by itself.
[[nodiscard]] Failure failure_of_status(int status) noexcept;
/// A code of the fixed list (any case; AWS appends ":" and a URL, which is cut off). Unknown: kBroken without a code.
[[nodiscard]] Fault fault_of_code(std::string_view code) noexcept;
/// An error object inside a stream: {"code", "status", "type"}, each of them text or, for `code`, an HTTP status.
[[nodiscard]] Fault fault_of_object(const boost::json::object& error);
/// An answer that is no 2xx: the status decides; a 400, which says little, lets the code decide, and so does a refusal
/// of the question.
[[nodiscard]] Fault fault_of_response(const outbound::Response& response);

}  // namespace nexus::llm
