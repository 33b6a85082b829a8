#include "modules/rag/redis_run_log.h"

#include "base/encoding.h"
#include "base/ids.h"
#include "crypto/evp.h"
#include "crypto/hash.h"
#include "crypto/secretbox.h"
#include "modules/rag/run_batches.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "redis/client.h"

#include <algorithm>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <stdexcept>
#include <utility>

namespace nexus::rag {
namespace {

constexpr std::string_view kClock = R"(
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
)";

// ARGV: token and proof, time to live in ms.
constexpr std::string_view kOpen = R"(
redis.call('UNLINK', KEYS[1])
redis.call('RPUSH', KEYS[1], ARGV[1] .. ' R ' .. string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
)";

// ARGV: token, elements that are there, state, perhaps a batch. Answers 0 when the run was replaced or has expired.
constexpr std::string_view kAppend = R"(
local head = redis.call('LINDEX', KEYS[1], 0)
if not head or string.sub(head, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[4] then redis.call('RPUSH', KEYS[1], ARGV[4]) end
local named = string.match(head, '^%S+ %S+ ')
redis.call('LSET', KEYS[1], 0, named .. ARGV[3] .. ' ' .. string.format('%.0f', now))
return 1
)";

// ARGV: token.
constexpr std::string_view kWithdraw = R"(
local head = redis.call('LINDEX', KEYS[1], 0)
if head and string.sub(head, 1, #ARGV[1]) == ARGV[1] then redis.call('UNLINK', KEYS[1]) end
return 1
)";

// ARGV: first and last element wanted. Answers the head, the milliseconds since the last change, then the elements; an
// empty array when there is no run.
constexpr std::string_view kReadOn = R"(
local head = redis.call('LINDEX', KEYS[1], 0)
if not head then return {} end
local changed = tonumber(string.match(head, '%d+$')) or 0
return {head, now - changed, unpack(redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2]))}
)";

constexpr std::int64_t kElementsAtOnce = 32;  // with max_batch_bytes within RespLimits::max_bytes
constexpr int kMostFaults = 5;                // in a row, until a reader gives up
constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kProofBytes = 64;

std::string script(std::string_view body) {
  return std::string(kClock).append(body);
}

/// Unambiguous: lengths before parts, whatever bytes the parts hold.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out.append(std::to_string(part.size())).append(1, ':').append(part);
  return out;
}

std::string key_bytes(const crypto::AesKey& key) {
  return std::string(as_text(key));
}

/// The first element of a list and how long ago it changed.
struct Head {
  std::string token;
  std::string proof;
  char state = 'X';
  std::int64_t silent_ms = 0;
};

std::optional<Head> head_of(const redis::Value& answer) {
  if (!answer.is_array() || answer.items.size() < 2) return std::nullopt;
  const std::string& text = answer.items[0].text;
  constexpr std::size_t kState = kTokenBytes + 1 + kProofBytes + 1;
  if (!answer.items[1].is_integer() || text.size() < kState + 2) return std::nullopt;
  return Head{.token = text.substr(0, kTokenBytes),
              .proof = text.substr(kTokenBytes + 1, kProofBytes),
              .state = text[kState],
              .silent_ms = answer.items[1].integer};
}

}  // namespace

/// What outlives the store in the hands of writers and readers.
class RedisRunLog::Shared {
 public:
  Shared(redis::Client& client, RedisRunLogOptions given, observe::Metrics& metrics)
      : options(std::move(given)),
        lost_total(metrics.counter("nexusrag_run_sharing_lost_total")),
        client_(&client),
        names_(key_bytes(crypto::derive_key(options.secret.reveal(), "nexusrag shared runs: names"))) {
    if (options.secret.empty()) throw std::invalid_argument("shared runs need a secret");
  }

  [[nodiscard]] std::string key_of(const RunIdentity& run) const {
    const std::string name = hex_encode(names_.sign(joined({"session", run.tenant, run.subject, run.session})));
    return options.prefix + ":{" + percent_encode(run.tenant) + "}:" + name;
  }
  [[nodiscard]] std::string proof_of(const RunIdentity& run) const {
    return hex_encode(names_.sign(joined({"run", run.tenant, run.subject, run.session, run.question})));
  }
  /// A key of the run's own: no key ever seals more than one run's batches.
  [[nodiscard]] crypto::SecretBox box_of(std::string_view token) const {
    return {"run", crypto::derive_key(options.secret.reveal(), std::string("nexusrag shared run ").append(token))};
  }
  [[nodiscard]] static std::string place_of(std::string_view key, std::int64_t element) {
    return std::string(key).append(1, '#').append(std::to_string(element));
  }

  /// A callback that runs at once, because the command is refused, runs under the lock: it must not send.
  void send(redis::Command command, redis::Client::Callback done, std::int64_t timeout_us) {
    {
      const std::shared_lock lock(mutex_);
      if (client_ != nullptr) return client_->send(std::move(command), std::move(done), timeout_us);
    }
    done({.fault = redis::Fault::kClosed, .value = {}});
  }
  [[nodiscard]] redis::Reply call(const redis::Command& command) {
    const std::shared_lock lock(mutex_);
    if (client_ == nullptr) return {.fault = redis::Fault::kClosed, .value = {}};
    return client_->call(command);
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    client_ = nullptr;
  }

  [[nodiscard]] redis::Command read(std::string_view key, std::int64_t from, std::int64_t to) const {
    redis::Command command(read_, {key});
    command.arg(from).arg(to);
    return command;
  }

  const RedisRunLogOptions options;
  observe::Counter& lost_total;
  const redis::Script open{script(kOpen)};
  const redis::Script append{script(kAppend)};
  const redis::Script withdraw{std::string(kWithdraw)};

 private:
  std::shared_mutex mutex_;
  redis::Client* client_;
  const crypto::HmacKey names_;
  const redis::Script read_{script(kReadOn)};
};

class RedisRunLog::Writer final : public SharedRunWriter, public std::enable_shared_from_this<Writer> {
 public:
  Writer(std::shared_ptr<Shared> shared, std::string key)
      : shared_(std::move(shared)), key_(std::move(key)), token_(hex32()), box_(shared_->box_of(token_)) {}

  void begin(const std::string& proof) {
    redis::Command command(shared_->open, {key_});
    command.arg(token_ + " " + proof).arg(std::max<std::int64_t>(shared_->options.ttl_us / 1000, 1));
    post(std::move(command));
  }

  void append(std::string_view frame) override {
    const RedisRunLogOptions& options = shared_->options;
    const std::size_t size = framed_size(frame);
    bool too_much = false;
    {
      const std::lock_guard lock(mutex_);
      if (ended_ || finished_) return;
      taken_ += size;
      too_much = size > options.max_batch_bytes || taken_ > options.max_run_bytes ||
                 waiting_.size() + size > options.max_waiting_bytes;
      if (!too_much) {
        append_frame(waiting_, frame);
        if (under_way_) return;
        under_way_ = true;
      }
    }
    if (!too_much) return flush();
    give_up("too large");
    withdraw();
  }

  void finish(bool complete) override {
    bool retract = false;
    {
      const std::lock_guard lock(mutex_);
      if (finished_) return;
      finished_ = true;
      end_state_ = complete ? 'C' : 'X';
      retract = lost_;
      if (!retract) {
        if (ended_ || under_way_) return;
        under_way_ = true;
      }
    }
    // What of a lost run did arrive would keep readers waiting for the rest.
    if (retract) return withdraw();
    flush();
  }

  void withdraw() override {
    (void)end(false);
    redis::Command command(shared_->withdraw, {key_});
    command.arg(token_);
    // The callback keeps the script until the answer.
    shared_->send(
        std::move(command), [shared = shared_](const redis::Reply&) {}, shared_->options.write_timeout_us);
  }

  [[nodiscard]] std::string_view token() const override { return token_; }
  [[nodiscard]] bool lost() const override {
    const std::lock_guard lock(mutex_);
    return lost_;
  }

 private:
  /// Sends what waits. Only who has set under_way_ calls it, so batches leave one after the other.
  void flush() {
    try {
      redis::Command command(shared_->append, {key_});
      std::string batch;
      char state = 'R';
      {
        const std::lock_guard lock(mutex_);
        batch = take_batch(waiting_, shared_->options.max_batch_bytes);
        if (finished_ && waiting_.empty()) {
          state = end_state_;
          end_sent_ = true;
        }
      }
      command.arg(token_).arg(elements_).arg(std::string_view(&state, 1));
      if (!batch.empty()) {
        command.arg(as_text(box_.seal(batch, Shared::place_of(key_, elements_))));
        ++elements_;
      }
      post(std::move(command));
    } catch (const crypto::CryptoError& e) {
      give_up(e.what());
    }
  }

  void post(redis::Command command) {
    shared_->send(
        std::move(command), [self = shared_from_this()](const redis::Reply& reply) { self->on_reply(reply); },
        shared_->options.write_timeout_us);
  }

  void on_reply(const redis::Reply& reply) {
    if (!reply.ok())
      return give_up(reply.fault == redis::Fault::kNone ? reply.value.error_code() : redis::to_string(reply.fault));
    if (reply.value.integer != 1) {  // replaced or expired: nobody asks for it any more
      (void)end(false);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      if (waiting_.empty() && (!finished_ || end_sent_)) {
        under_way_ = false;
        return;
      }
    }
    flush();
  }

  void give_up(std::string_view reason) {
    if (!end(true)) return;
    shared_->lost_total.add();
    observe::log_debug("a run is not shared any more", {{"reason", std::string(reason)}});
  }

  /// False when it had ended before.
  [[nodiscard]] bool end(bool lost) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return false;
    lost_ = lost;
    waiting_ = {};
    return true;
  }

  const std::shared_ptr<Shared> shared_;
  const std::string key_;
  const std::string token_;
  const crypto::SecretBox box_;
  std::int64_t elements_ = 1;  // in the list once all that was sent has arrived; of whoever set under_way_
  mutable std::mutex mutex_;
  std::string waiting_;  // frames, each behind its length
  std::size_t taken_ = 0;
  bool under_way_ = true;  // a command is; the first one opens the list
  bool finished_ = false;
  bool end_sent_ = false;
  bool ended_ = false;  // nothing is sent any more
  bool lost_ = false;
  char end_state_ = 'X';
};

class RedisRunLog::Reader final : public SharedRun, public std::enable_shared_from_this<Reader> {
 public:
  Reader(std::shared_ptr<Shared> shared, std::string key, std::string token)
      : shared_(std::move(shared)), key_(std::move(key)), token_(std::move(token)), box_(shared_->box_of(token_)) {}

  void next(std::function<void(Part)> done) override {
    shared_->send(
        shared_->read(key_, next_, next_ + kElementsAtOnce - 1),
        [self = shared_from_this(), done = std::move(done)](const redis::Reply& reply) { done(self->part_of(reply)); },
        0);
  }

 private:
  [[nodiscard]] Part part_of(const redis::Reply& reply) {
    if (!reply.ok()) return {.frames = {}, .state = ++faults_ < kMostFaults ? State::kRunning : State::kCut};
    faults_ = 0;
    const std::optional<Head> head = head_of(reply.value);
    if (!head || head->token != token_) return {.frames = {}, .state = State::kCut};
    Part part;
    const std::span<const redis::Value> elements = std::span(reply.value.items).subspan(2);
    for (const redis::Value& element : elements)
      if (!unpack(element.text, part.frames)) {
        observe::log_warn("a shared run cannot be read", {{"reason", "an element is not what a replica wrote"}});
        part.state = State::kCut;
        return part;
      }
    part.more = std::cmp_equal(elements.size(), kElementsAtOnce);
    if (part.more) return part;
    if (head->state == 'C') part.state = State::kComplete;
    if (head->state == 'X') part.state = State::kCut;
    if (head->state == 'R' && head->silent_ms > shared_->options.silence_us / 1000) part.state = State::kCut;
    return part;
  }

  [[nodiscard]] bool unpack(const std::string& sealed, std::vector<std::string>& frames) {
    try {
      const std::optional<std::string> batch = box_.open(as_bytes(sealed), Shared::place_of(key_, next_));
      if (!batch || !split_frames(*batch, frames)) return false;
      ++next_;
      return true;
    } catch (const crypto::CryptoError& e) {
      observe::log_error("a shared run cannot be opened", {{"reason", e.what()}});
      return false;
    }
  }

  const std::shared_ptr<Shared> shared_;
  const std::string key_;
  const std::string token_;
  const crypto::SecretBox box_;
  std::int64_t next_ = 1;  // element
  int faults_ = 0;
};

RedisRunLog::RedisRunLog(redis::Client& client, RedisRunLogOptions options, observe::Metrics& metrics)
    : shared_(std::make_shared<Shared>(client, std::move(options), metrics)) {}

RedisRunLog::~RedisRunLog() {
  shared_->leave();
}

std::shared_ptr<SharedRunWriter> RedisRunLog::open(const RunIdentity& run) {
  try {
    auto writer = std::make_shared<Writer>(shared_, shared_->key_of(run));
    writer->begin(shared_->proof_of(run));
    return writer;
  } catch (const crypto::CryptoError& e) {
    observe::log_error("a run cannot be shared", {{"reason", e.what()}});
    return nullptr;
  }
}

RunLogStore::Found RedisRunLog::find(const RunIdentity& run) {
  std::string key = shared_->key_of(run);
  const redis::Reply reply = shared_->call(shared_->read(key, 1, 0));
  if (!reply.ok() || !reply.value.is_array()) return {};
  const std::optional<Head> head = head_of(reply.value);
  if (!head) return {.answered = true, .token = {}, .run = nullptr};
  Found found{.answered = true, .token = head->token, .run = nullptr};
  if (head->proof == shared_->proof_of(run)) found.run = std::make_shared<Reader>(shared_, std::move(key), head->token);
  return found;
}

}  // namespace nexus::rag
