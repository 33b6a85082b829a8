#include "outbound/curl_loop.h"

#include "exec/thread_name.h"
#include "outbound/body_pipe.h"
#include "outbound/curl_transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace nexus::outbound {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr int kIdlePollMs = 60'000;  // nothing to do: libcurl and wake-ups shorten it

/// libcurl's process-wide start and end are counted and locked by libcurl (since 7.84).
class CurlGlobal {
 public:
  CurlGlobal() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start");
  }
  ~CurlGlobal() { curl_global_cleanup(); }
  CurlGlobal(const CurlGlobal&) = delete;
  CurlGlobal& operator=(const CurlGlobal&) = delete;
};

struct FreeMulti {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

/// One caller in run(), on its stack; the loop never touches it again after `done`.
struct Entry {
  Entry(const Transfer& t, const TransferOptions& options, std::size_t stream_buffer_bytes)
      : transfer(t),
        curl(t, options, t.sink != nullptr ? &pipe.emplace(stream_buffer_bytes) : nullptr),
        deadline(SteadyClock::now() + Milliseconds(t.timeout_ms)),
        end_of_time(t.time_left_ms > 0 ? SteadyClock::now() + Milliseconds(t.time_left_ms)
                                       : SteadyClock::time_point::max()) {}

  /// The loop's: when the time is up, as things stand.
  [[nodiscard]] SteadyClock::time_point expires() const {
    const CurlTransfer::Progress& progress = curl.progress();
    if (progress.held_back) return end_of_time;
    return std::min(end_of_time, progress.begun ? progress.at + idle : deadline);
  }

  const Transfer& transfer;
  std::optional<BodyPipe> pipe = {};  // of a stream; before `curl`, which holds its address
  CurlTransfer curl;
  const SteadyClock::time_point deadline;  // of a stream: for the first byte of the body
  const SteadyClock::time_point end_of_time;
  const Milliseconds idle{transfer.idle_timeout_ms};
  std::atomic<bool> cancelled{false};
  std::atomic<bool> has_room{false};
  bool held_back = false;             // when the time was up; set before `done`
  bool done = false;                  // under the loop's mutex
  std::optional<Error> refused = {};  // ended without libcurl; under the loop's mutex
  std::condition_variable finished = {};
};

/// What a stream's sink had and said.
struct Reading {
  bool begun = false;
  bool stopped = false;
  std::exception_ptr thrown = {};
};

}  // namespace

class CurlLoop::Impl {
 public:
  Impl(LoopOptions options, TransferOptions transfer_options)
      : options_(options), transfer_options_(std::move(transfer_options)), multi_(curl_multi_init()) {
    if (!multi_) throw std::bad_alloc();
    running_.reserve(options_.max_running);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_idle));
    // One exchange at a time on a connection, over HTTP/2 too: an exchange that ends early takes its connection with it
    // (CurlTransfer::hang_up), and a reader that makes its peer wait must not make strangers wait.
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    thread_ = std::thread([this] {
      exec::name_thread("outbound-io");
      // Signals are for the main thread; and a peer that leaves must not raise SIGPIPE, whichever library writes.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      loop();
    });
  }

  ~Impl() {
    close();
    thread_.join();
    std::unique_lock lock(mutex_);
    left_.wait(lock, [this] { return callers_ == 0; });
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake();
  }

  Response run(const Transfer& transfer) {
    const Caller inside(*this);
    Entry entry(transfer, transfer_options_, options_.stream_buffer_bytes);
    {
      const std::lock_guard lock(mutex_);
      if (closing_) throw Error(Fault::kCancelled, transfer.peer + ": the client is closed");
      if (waiting_.size() >= options_.max_waiting) throw Error(Fault::kBusy, "too many outbound calls wait");
      waiting_.push_back(&entry);
    }
    wake();
    Reading reading;
    {
      const std::stop_callback on_stop(transfer.stop, [&] { raise(entry.cancelled); });
      if (entry.pipe) reading = read(entry);
      if (reading.stopped || reading.thrown) raise(entry.cancelled);
      std::unique_lock lock(mutex_);
      entry.finished.wait(lock, [&] { return entry.done; });
    }
    return result(entry, reading);
  }

 private:
  /// Counts who is in run(): the destructor waits for them.
  class Caller {
   public:
    explicit Caller(Impl& loop) : loop_(loop) {
      const std::lock_guard lock(loop_.mutex_);
      ++loop_.callers_;
    }
    ~Caller() {
      const std::lock_guard lock(loop_.mutex_);
      if (--loop_.callers_ == 0) loop_.left_.notify_all();
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

   private:
    Impl& loop_;
  };

  void wake() { curl_multi_wakeup(multi_.get()); }

  /// Sets a flag of an entry and makes the loop look at it.
  void raise(std::atomic<bool>& flag) {
    flag = true;
    attention_ = true;
    wake();
  }

  /// The caller's side of a stream, until its end or until the sink wants no more.
  Reading read(Entry& entry) {
    Reading reading;
    std::string piece;
    try {
      while (!reading.stopped && entry.pipe->take(piece, [&] { raise(entry.has_room); })) {
        reading.begun = true;
        reading.stopped = !(*entry.transfer.sink)(piece);
      }
    } catch (...) {
      reading.thrown = std::current_exception();
    }
    return reading;
  }

  static Response result(Entry& entry, const Reading& reading) {
    if (reading.thrown) throw SinkThrew{reading.thrown};
    if (reading.stopped) {
      Response response = entry.curl.take_unfinished();
      response.stopped = true;
      return response;
    }
    try {
      if (entry.refused) throw Error(*entry.refused);
      return entry.curl.take();
    } catch (const Error& error) {
      if (reading.begun) throw BrokenOff(error, entry.held_back);
      throw;
    }
  }

  void loop() {
    for (;;) {
      const bool closing = take_waiting();
      if (attention_.exchange(false)) attend();
      if (closing) break;
      if (next_check_ <= SteadyClock::now()) end_expired();
      int still_running = 0;
      const CURLMcode code = curl_multi_perform(multi_.get(), &still_running);
      if (code != CURLM_OK) end_all(Fault::kNetwork, curl_multi_strerror(code));
      if (collect()) continue;  // places became free
      curl_multi_poll(multi_.get(), nullptr, 0, poll_ms(), nullptr);
    }
    end_all(Fault::kCancelled, "the client is closed");
  }

  /// Starts what waits while there are places; true when the loop is to end.
  bool take_waiting() {
    const std::lock_guard lock(mutex_);
    const SteadyClock::time_point now = SteadyClock::now();
    std::erase_if(waiting_, [&](Entry* entry) {
      if (entry->cancelled) return end(*entry, Fault::kCancelled, "cancelled");
      if (entry->deadline <= now) return end(*entry, Fault::kTimeout, "no free place in time");
      return false;
    });
    while (!waiting_.empty() && running_.size() < options_.max_running) {
      Entry& entry = *waiting_.front();
      waiting_.pop_front();
      start(entry);
    }
    return closing_;
  }

  void start(Entry& entry) {
    curl_easy_setopt(entry.curl.handle(), CURLOPT_PRIVATE, static_cast<void*>(&entry));
    const CURLMcode code = curl_multi_add_handle(multi_.get(), entry.curl.handle());
    if (code == CURLM_OK) {
      running_.push_back(&entry);
      next_check_ = std::min(next_check_, check_at(entry, SteadyClock::now()));
    } else {
      end(entry, Fault::kNetwork, curl_multi_strerror(code));
    }
  }

  /// Hands finished transfers to their callers; true when there were some.
  bool collect() {
    bool some = false;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;  // the message dies with its handle's removal
      CURL* easy = message->easy_handle;
      void* raw = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &raw);
      auto& entry = *static_cast<Entry*>(raw);
      curl_multi_remove_handle(multi_.get(), easy);
      std::erase(running_, &entry);
      finish(entry, code);
      some = true;
    }
    return some;
  }

  /// Ends a transfer in the middle; the peer sees it at once.
  void abandon(Entry& entry) {
    entry.curl.hang_up();
    curl_multi_remove_handle(multi_.get(), entry.curl.handle());
  }

  /// The transfer has left libcurl. Always true.
  bool finish(Entry& entry, CURLcode code, bool drop = false) {
    entry.curl.complete(code);
    const std::lock_guard lock(mutex_);
    tell(entry, drop);
    return true;
  }

  /// Serves those who called: ends what is cancelled, lets go on what has room again.
  void attend() {
    std::erase_if(running_, [this](Entry* entry) {
      if (entry->cancelled) {
        abandon(*entry);
        const std::lock_guard lock(mutex_);
        return end(*entry, Fault::kCancelled, "cancelled");
      }
      if (!entry->has_room.exchange(false)) return false;
      const CURLcode code = entry->curl.go_on();
      if (code == CURLE_OK) return false;
      abandon(*entry);
      return finish(*entry, code);
    });
  }

  /// When to look at a transfer again: nothing that happens in the meantime makes it expire earlier.
  static SteadyClock::time_point check_at(const Entry& entry, SteadyClock::time_point now) {
    return entry.pipe ? std::min(entry.expires(), now + entry.idle) : entry.deadline;
  }

  void end_expired() {
    const SteadyClock::time_point now = SteadyClock::now();
    next_check_ = SteadyClock::time_point::max();
    std::erase_if(running_, [&](Entry* entry) {
      if (entry->expires() <= now) {
        abandon(*entry);
        entry->held_back = entry->curl.progress().held_back;
        return finish(*entry, CURLE_OPERATION_TIMEDOUT, entry->end_of_time <= now);
      }
      next_check_ = std::min(next_check_, check_at(*entry, now));
      return false;
    });
  }

  void end_all(Fault fault, const char* why) {
    for (Entry* entry : running_) abandon(*entry);
    const std::lock_guard lock(mutex_);
    for (Entry* entry : running_) end(*entry, fault, why);
    for (Entry* entry : waiting_) end(*entry, fault, why);
    running_.clear();
    waiting_.clear();
  }

  /// Under the mutex; always true.
  static bool end(Entry& entry, Fault fault, const char* why) {
    entry.refused.emplace(fault, entry.transfer.peer + ": " + why);
    tell(entry, true);
    return true;
  }
  /// Under the mutex. `drop`: the sink gets no more of what has come.
  static void tell(Entry& entry, bool drop) {
    if (entry.pipe) entry.pipe->end(drop);
    entry.done = true;
    entry.finished.notify_one();  // under the mutex: the entry may be gone as soon as that is free
  }

  /// Until the first of those that wait for a place gives up, or a transfer may have run out of time.
  int poll_ms() {
    const SteadyClock::time_point now = SteadyClock::now();
    const std::lock_guard lock(mutex_);
    SteadyClock::duration wait = std::min<SteadyClock::duration>(Milliseconds(kIdlePollMs), next_check_ - now);
    for (const Entry* entry : waiting_) wait = std::min(wait, entry->deadline - now);
    return static_cast<int>(std::max<std::int64_t>(std::chrono::ceil<Milliseconds>(wait).count(), 0));
  }

  const CurlGlobal global_;
  const LoopOptions options_;
  const TransferOptions transfer_options_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::vector<Entry*> running_;                                          // the loop's own
  SteadyClock::time_point next_check_ = SteadyClock::time_point::max();  // the loop's own: see check_at()
  std::atomic<bool> attention_{false};

  std::mutex mutex_;
  std::deque<Entry*> waiting_;
  std::size_t callers_ = 0;
  bool closing_ = false;
  std::condition_variable left_;
  std::thread thread_;
};

CurlLoop::CurlLoop(LoopOptions options, TransferOptions transfer_options)
    : impl_(std::make_unique<Impl>(options, std::move(transfer_options))) {}
CurlLoop::~CurlLoop() = default;
Response CurlLoop::run(const Transfer& transfer) {
  return impl_->run(transfer);
}
void CurlLoop::close() {
  impl_->close();
}

}  // namespace nexus::outbound
