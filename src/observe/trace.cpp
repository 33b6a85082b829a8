#include "observe/trace.h"

#include "base/encoding.h"
#include "base/ids.h"

#include <algorithm>
#include <bit>
#include <span>
#include <vector>

namespace nexus::observe {
namespace {

constexpr std::size_t kTraceparent = 55;  // 00-<32>-<16>-<2>
constexpr std::size_t kLongMember = 128;
constexpr std::size_t kMostOfKey = 256;
constexpr std::size_t kMostOfValue = 256;
constexpr unsigned kSampled = 1;
constexpr unsigned kRandom = 2;

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

unsigned hex_digit(char c) {
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
}

unsigned hex_byte(std::string_view two) {
  return hex_digit(two[0]) << 4 | hex_digit(two[1]);
}

/// `text` has passed is_lower_hex.
void read_hex(std::string_view text, std::span<std::byte> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::byte(hex_byte(text.substr(2 * i, 2)));
}

/// §3.3.1.3.1: lower case letters, digits and `_ - * /`, begun by a letter or digit, with at most one `@` that sets off
/// a vendor from its tenant.
bool is_state_key(std::string_view key) {
  const auto is_start = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (key.empty() || key.size() > kMostOfKey || !is_start(key.front())) return false;
  const auto is_inside = [&](char c) {
    return is_start(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
  };
  return std::all_of(key.begin(), key.end(), is_inside) && std::count(key.begin(), key.end(), '@') <= 1 &&
         key.back() != '@';
}

bool is_state_value(std::string_view value) {
  return !value.empty() && value.size() <= kMostOfValue && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

bool is_state_member(std::string_view member) {
  const std::size_t equals = member.find('=');
  return equals != std::string_view::npos && is_state_key(member.substr(0, equals)) &&
         is_state_value(member.substr(equals + 1));
}

std::string_view trim_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::size_t joined_size(const std::vector<std::string_view>& members) {
  std::size_t size = members.empty() ? 0 : members.size() - 1;
  for (const std::string_view member : members) size += member.size();
  return size;
}

/// xoshiro256** (Blackman and Vigna, https://prng.di.unimi.it/).
class Generator {
 public:
  Generator() { random_bytes(std::as_writable_bytes(std::span(state_))); }
  std::uint64_t next() {
    const std::uint64_t out = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return out;
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

template <class Id>
Id new_id() {
  thread_local Generator generator;
  Id id{};
  while (id == Id{}) {
    for (std::size_t at = 0; at < id.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = generator.next();
      const auto bytes = std::as_bytes(std::span(&word, 1));
      std::copy(bytes.begin(), bytes.end(), id.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return id;
}

const TraceContext kNowhere;
thread_local const TraceContext* t_current = &kNowhere;

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view value) {
  if (value.size() < kTraceparent || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const std::string_view version = value.substr(0, 2);
  const std::string_view trace = value.substr(3, 32);
  const std::string_view span = value.substr(36, 16);
  const std::string_view flags = value.substr(53, 2);
  if (!is_lower_hex(version) || !is_lower_hex(trace) || !is_lower_hex(span) || !is_lower_hex(flags))
    return std::nullopt;
  if (version == "ff") return std::nullopt;
  if (value.size() > kTraceparent && (version == "00" || value[kTraceparent] != '-')) return std::nullopt;
  TraceContext context;
  read_hex(trace, context.trace_id);
  read_hex(span, context.span_id);
  const unsigned bits = hex_byte(flags);
  context.sampled = (bits & kSampled) != 0;
  context.random = (bits & kRandom) != 0;
  if (!context.valid()) return std::nullopt;
  return context;
}

std::string traceparent(const TraceContext& context) {
  std::string out;
  out.reserve(kTraceparent);
  out.append("00-").append(hex_encode(context.trace_id)).append("-").append(hex_encode(context.span_id)).append("-0");
  out.push_back(static_cast<char>('0' + (context.sampled ? kSampled : 0) + (context.random ? kRandom : 0)));
  return out;
}

std::string bounded_tracestate(std::string_view value) {
  std::vector<std::string_view> members;
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view member = trim_blanks(value.substr(0, comma));
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
    if (member.empty()) continue;
    if (!is_state_member(member) || members.size() == kMaxTraceStateMembers) return {};
    members.push_back(member);
  }
  if (joined_size(members) > kMaxTraceState)
    std::erase_if(members, [](std::string_view member) { return member.size() > kLongMember; });
  while (joined_size(members) > kMaxTraceState) members.pop_back();
  std::string out;
  for (const std::string_view member : members) {
    if (!out.empty()) out.push_back(',');
    out.append(member);
  }
  return out;
}

TraceId new_trace_id() {
  return new_id<TraceId>();
}
SpanId new_span_id() {
  return new_id<SpanId>();
}

const TraceContext& current_trace() noexcept {
  return *t_current;
}

TraceScope::TraceScope(const TraceContext& context) noexcept : before_(t_current) {
  t_current = &context;
}

TraceScope::~TraceScope() {
  t_current = before_;
}

}  // namespace nexus::observe
