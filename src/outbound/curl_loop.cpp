#include "outbound/curl_loop.h"

#include "exec/thread_name.h"
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
  Entry(const Transfer& t, const TransferOptions& options)
      : transfer(t), curl(t, options), deadline(SteadyClock::now() + Milliseconds(t.timeout_ms)) {}

  const Transfer& transfer;
  CurlTransfer curl;
  const SteadyClock::time_point deadline;
  std::atomic<bool> cancelled{false};
  bool done = false;                  // under the loop's mutex
  std::optional<Error> refused = {};  // ended without libcurl; under the loop's mutex
  std::condition_variable finished = {};
};

}  // namespace

class CurlLoop::Impl {
 public:
  Impl(LoopOptions options, TransferOptions transfer_options)
      : options_(options), transfer_options_(std::move(transfer_options)), multi_(curl_multi_init()) {
    if (!multi_) throw std::bad_alloc();
    running_.reserve(options_.max_running);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_idle));
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
    Entry entry(transfer, transfer_options_);
    {
      const std::lock_guard lock(mutex_);
      if (closing_) throw Error(Fault::kCancelled, transfer.peer + ": the client is closed");
      if (waiting_.size() >= options_.max_waiting) throw Error(Fault::kBusy, "too many outbound calls wait");
      waiting_.push_back(&entry);
    }
    wake();
    {
      const std::stop_callback on_stop(transfer.stop, [&] {
        entry.cancelled = true;
        attention_ = true;
        wake();
      });
      std::unique_lock lock(mutex_);
      entry.finished.wait(lock, [&] { return entry.done; });
    }
    if (entry.refused) throw Error(*entry.refused);
    return entry.curl.take();
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

  void loop() {
    for (;;) {
      const bool closing = take_waiting();
      if (attention_.exchange(false)) sweep_cancelled();
      if (closing) break;
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
      start(entry, std::chrono::duration_cast<Milliseconds>(entry.deadline - now).count());
    }
    return closing_;
  }

  void start(Entry& entry, std::int64_t left_ms) {
    entry.curl.start(left_ms);
    curl_easy_setopt(entry.curl.handle(), CURLOPT_PRIVATE, static_cast<void*>(&entry));
    const CURLMcode code = curl_multi_add_handle(multi_.get(), entry.curl.handle());
    if (code == CURLM_OK) {
      running_.push_back(&entry);
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
      entry.curl.complete(code);
      const std::lock_guard lock(mutex_);
      tell(entry);
      some = true;
    }
    return some;
  }

  void sweep_cancelled() {
    std::erase_if(running_, [this](Entry* entry) {
      if (!entry->cancelled) return false;
      curl_multi_remove_handle(multi_.get(), entry->curl.handle());
      const std::lock_guard lock(mutex_);
      return end(*entry, Fault::kCancelled, "cancelled");
    });
  }

  void end_all(Fault fault, const char* why) {
    for (Entry* entry : running_) curl_multi_remove_handle(multi_.get(), entry->curl.handle());
    const std::lock_guard lock(mutex_);
    for (Entry* entry : running_) end(*entry, fault, why);
    for (Entry* entry : waiting_) end(*entry, fault, why);
    running_.clear();
    waiting_.clear();
  }

  /// Under the mutex; always true.
  bool end(Entry& entry, Fault fault, const char* why) {
    entry.refused.emplace(fault, entry.transfer.peer + ": " + why);
    tell(entry);
    return true;
  }
  static void tell(Entry& entry) {
    entry.done = true;
    entry.finished.notify_one();  // under the mutex: the entry may be gone as soon as that is free
  }

  /// Until the first of those that wait for a place gives up.
  int poll_ms() {
    const std::lock_guard lock(mutex_);
    SteadyClock::duration wait = Milliseconds(kIdlePollMs);
    for (const Entry* entry : waiting_) wait = std::min(wait, entry->deadline - SteadyClock::now());
    return static_cast<int>(std::max<std::int64_t>(std::chrono::ceil<Milliseconds>(wait).count(), 0));
  }

  const CurlGlobal global_;
  const LoopOptions options_;
  const TransferOptions transfer_options_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::vector<Entry*> running_;  // the loop's own
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
