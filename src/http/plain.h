#pragma once

#include "http/call.h"
#include "http/endpoint.h"
#include "http/message.h"
#include "json/schema.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

/// Binds member functions to their rows. Input and output types are deduced; only this seam is a template.
///
///     http::plain<&CostsApi::patch_budget>(*this, {.verb = Verb::kPatch, .path = "/admin/costs/budget"})
///
/// A handler is a const member function `Out f(http::Call&, const In&)` or `Out f(http::Call&)`. In is a struct with a
/// field table. Out is void (204), http::Reply (sent as it is) or anything schema::write() takes: it becomes the
/// payload of the envelope with the row's success status.
namespace nexus::http {

namespace detail {

template <class F>
struct HandlerTraits;
template <class A, class O, class I>
struct HandlerTraits<O (A::*)(Call&, const I&) const> {
  using Api = A;
  using In = I;
  using Out = O;
};
template <class A, class O>
struct HandlerTraits<O (A::*)(Call&) const> {
  using Api = A;
  using In = void;
  using Out = O;
};

/// Reads parameters, headers and body into `out`, a default-made struct of that table. Everything that is wrong is
/// reported at once: ApiError 422 REQUEST_VALIDATION_ERROR. Bytes that are not UTF-8 or nest too deeply are 400
/// BAD_REQUEST.
void decode(const schema::detail::FieldTable& table, const Call& call, void* out);
/// What every row checks, also one without input: the length of Idempotency-Key.
void decode_nothing(const Call& call);
/// A row that promises no body but declares body fields, or names a path parameter its path lacks, is a mistake in the
/// program: throws std::logic_error, so that a bad table does not start.
void check_row(const RouteSpec& spec, const schema::detail::FieldTable& table);
[[nodiscard]] Reply encode(const Call& call, const schema::detail::Type& type, const void* value);

template <class In>
void describe_input(Endpoint& row) {
  if constexpr (!std::is_void_v<In>) {
    check_row(row.spec, schema::fields_of<In>());
    row.request_schema = [] { return schema::openapi<In>(); };
    row.parameters_schema = [] { return boost::json::value(schema::parameters<In>()); };
  }
}

template <class Out>
void describe_output(Endpoint& row) {
  if constexpr (!std::is_void_v<Out> && !std::is_same_v<Out, Reply>)
    row.response_schema = [] { return schema::openapi<Out>(); };
}

/// True when a member of the type, however deep inside, is declared `sensitive()`. The bound ends tables that contain
/// themselves.
inline bool holds_secret(const schema::detail::Type& type, int depth = 0) {
  constexpr int kDeepest = 8;
  if (depth > kDeepest) return false;
  if (type.inner != nullptr) return holds_secret(*type.inner, depth + 1);
  if (type.kind != schema::detail::Kind::kStruct) return false;
  for (const schema::detail::FieldRow& row : type.table().rows())
    if (row.constraints.sensitive || (row.type != nullptr && holds_secret(*row.type, depth + 1))) return true;
  return false;
}

template <class Out>
bool answer_holds_secret() {
  if constexpr (std::is_void_v<Out> || std::is_same_v<Out, Reply>) {
    return false;
  } else {
    return holds_secret(schema::detail::TypeOf<Out>::kType);
  }
}

/// Decodes, asks the pipeline's remaining gates, then hands the input to `run`. The stored answer of the gates, when
/// there is one, is returned instead.
template <auto Handler, class Result, class Api, class Run>
Result decoded(const Api& api, Call& call, const AfterDecode& after_decode, const Run& run) {
  using In = typename HandlerTraits<decltype(Handler)>::In;
  if constexpr (std::is_void_v<In>) {
    decode_nothing(call);
    if (after_decode) {
      if (std::optional<Reply> stored = after_decode(call, Decoded{})) return Result(std::move(*stored));
    }
    return run([&]() -> decltype(auto) { return (api.*Handler)(call); });
  } else {
    In in{};
    const schema::detail::FieldTable& table = schema::fields_of<In>();
    decode(table, call, &in);
    if (after_decode) {
      if (std::optional<Reply> stored = after_decode(call, {&table, &in})) return Result(std::move(*stored));
    }
    return run([&]() -> decltype(auto) { return (api.*Handler)(call, std::as_const(in)); });
  }
}

}  // namespace detail

/// A row whose handler answers at once. `api` must outlive the row. What follows from the rest of the row is filled in:
/// `idempotency`, and `secret_answer` when Out has a member marked `sensitive()`. A handler that returns a
/// Reply with a secret in it must set `secret_answer` itself.
template <auto Handler>
[[nodiscard]] Endpoint plain(const typename detail::HandlerTraits<decltype(Handler)>::Api& api, RouteSpec spec) {
  using Traits = detail::HandlerTraits<decltype(Handler)>;
  using Out = typename Traits::Out;
  spec.idempotency = settled_idempotency(spec);
  spec.secret_answer = spec.secret_answer || detail::answer_holds_secret<Out>();
  Endpoint row{.spec = spec};
  detail::describe_input<typename Traits::In>(row);
  detail::describe_output<Out>(row);
  row.run = PlainHandler([&api](Call& call, const AfterDecode& after_decode) -> Reply {
    return detail::decoded<Handler, Reply>(api, call, after_decode, [&](auto&& handle) -> Reply {
      if constexpr (std::is_void_v<Out>) {
        handle();
        return Reply::no_content();
      } else if constexpr (std::is_same_v<Out, Reply>) {
        return handle();
      } else {
        const Out out = handle();
        return detail::encode(call, schema::detail::TypeOf<Out>::kType, &out);
      }
    });
  });
  return row;
}

/// A row whose handler answers with a stream, or with a plain reply instead:
/// `std::variant<Reply, std::unique_ptr<EventStream>> f(Call&, const In&) const`. The file that makes such rows
/// includes http/stream.h, because a stream must be complete where it may be destroyed; this header stays free of Asio.
/// Streams cannot be replayed: a row that names an idempotency is a mistake (std::logic_error).
template <auto Handler>
[[nodiscard]] Endpoint stream(const typename detail::HandlerTraits<decltype(Handler)>::Api& api, RouteSpec spec) {
  using Traits = detail::HandlerTraits<decltype(Handler)>;
  using Answer = std::variant<Reply, std::unique_ptr<EventStream>>;
  static_assert(std::is_same_v<typename Traits::Out, Answer>, "a stream handler returns a reply or a stream");
  if (spec.idempotency != Idempotency::kUnsupported)
    throw std::logic_error(std::string(spec.path) + ": a stream takes no Idempotency-Key");
  Endpoint row{.spec = spec};
  detail::describe_input<typename Traits::In>(row);
  row.run = StreamHandler([&api](Call& call, const AfterDecode& after_decode) -> Answer {
    return detail::decoded<Handler, Answer>(api, call, after_decode, [](auto&& handle) -> Answer { return handle(); });
  });
  return row;
}

}  // namespace nexus::http
