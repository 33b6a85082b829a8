#include "outbound/resolver.h"

#include "exec/thread_name.h"
#include "outbound/client.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

namespace nexus::outbound {
namespace {

constexpr std::size_t kMostAddresses = 16;

/// One name being looked up, and all who wait for it.
struct LookUp {
  std::string host;
  bool done = false;
  std::vector<IpAddress> addresses;
  std::exception_ptr failure;
};

struct Kept {
  std::vector<IpAddress> addresses;
  std::int64_t until_us = 0;
};

IpAddress address_of(const sockaddr& any) {
  if (any.sa_family == AF_INET)
    return IpAddress::from_v4(ntohl(reinterpret_cast<const sockaddr_in&>(any).sin_addr.s_addr));
  std::array<std::uint8_t, 16> bytes{};
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(any).sin6_addr;
  std::copy(std::begin(v6.s6_addr), std::end(v6.s6_addr), bytes.begin());
  return IpAddress::from_v6(bytes);
}

}  // namespace

std::vector<IpAddress> resolve_with_system(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &wanted, &list); error != 0)
    throw Error(Fault::kNetwork, host + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* at = list; at != nullptr && addresses.size() < kMostAddresses; at = at->ai_next)
    if (at->ai_family == AF_INET || at->ai_family == AF_INET6) addresses.push_back(address_of(*at->ai_addr));
  return addresses;
}

/// What threads may still use when the Resolver is gone.
struct Resolver::Shared {
  Shared(Resolve r, ResolverOptions o, const Clock& c) : resolve(std::move(r)), options(o), clock(c) {}

  struct Worker {
    std::thread thread;
    bool busy = false;
  };

  void work(Worker& self);
  void keep(const LookUp& done);

  const Resolve resolve;
  const ResolverOptions options;
  const Clock& clock;  // gone when `stopping`
  std::mutex mutex;
  std::condition_variable called;        // for workers
  std::condition_variable_any answered;  // for callers
  bool stopping = false;
  std::deque<std::shared_ptr<LookUp>> waiting;
  std::map<std::string, std::shared_ptr<LookUp>, std::less<>> pending;
  std::map<std::string, Kept, std::less<>> kept;
  std::deque<Worker> workers;  // a deque: workers hold references
};

void Resolver::Shared::work(Worker& self) {
  std::unique_lock lock(mutex);
  for (;;) {
    called.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (stopping) return;
    const std::shared_ptr<LookUp> job = waiting.front();
    waiting.pop_front();
    self.busy = true;
    lock.unlock();
    std::vector<IpAddress> addresses;
    std::exception_ptr failure;
    try {
      addresses = resolve(job->host);
    } catch (...) {
      failure = std::current_exception();  // rethrown to everyone who waits
    }
    lock.lock();
    self.busy = false;
    job->addresses = std::move(addresses);
    job->failure = failure;
    job->done = true;
    pending.erase(job->host);
    if (!stopping && !failure) keep(*job);
    answered.notify_all();
  }
}

void Resolver::Shared::keep(const LookUp& done) {
  const std::int64_t now_us = clock.steady_us();
  std::erase_if(kept, [&](const auto& entry) { return entry.second.until_us <= now_us; });
  if (options.ttl_us <= 0 || kept.size() >= options.max_kept) return;
  kept[done.host] = {done.addresses, now_us + options.ttl_us};
}

Resolver::Resolver(Resolve resolve, ResolverOptions options, const Clock& clock)
    : shared_(std::make_shared<Shared>(std::move(resolve), options, clock)), clock_(clock) {
  const std::lock_guard lock(shared_->mutex);
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i) {
    Shared::Worker& worker = shared_->workers.emplace_back();
    worker.thread = std::thread([shared = shared_, &worker] {
      exec::name_thread("resolver");
      shared->work(worker);
    });
  }
}

Resolver::~Resolver() {
  std::vector<std::thread> idle;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->called.notify_all();
    for (Shared::Worker& worker : shared_->workers) {
      if (worker.busy) {
        worker.thread.detach();
      } else {
        idle.push_back(std::move(worker.thread));
      }
    }
  }
  for (std::thread& thread : idle) thread.join();
}

std::vector<IpAddress> Resolver::look_up(const std::string& host, exec::Deadline deadline,
                                         const std::stop_token& stop) {
  Shared& s = *shared_;
  std::unique_lock lock(s.mutex);
  if (const auto known = s.kept.find(host); known != s.kept.end() && known->second.until_us > clock_.steady_us())
    return known->second.addresses;
  std::shared_ptr<LookUp>& entry = s.pending[host];
  if (!entry) {
    if (s.waiting.size() >= s.options.max_waiting) {
      s.pending.erase(host);
      throw Error(Fault::kBusy, "too many names wait to be resolved");
    }
    entry = std::make_shared<LookUp>();
    entry->host = host;
    s.waiting.push_back(entry);
    s.called.notify_one();
  }
  const std::shared_ptr<LookUp> job = entry;
  const auto done = [&] { return job->done; };
  if (const auto left = deadline.remaining_us(clock_)) {
    s.answered.wait_for(lock, stop, std::chrono::microseconds(*left), done);
  } else {
    s.answered.wait(lock, stop, done);
  }
  if (!job->done) {
    if (stop.stop_requested()) throw Error(Fault::kCancelled, host + ": cancelled");
    throw Error(Fault::kTimeout, host + ": no address in time");
  }
  if (job->failure) std::rethrow_exception(job->failure);
  return job->addresses;
}

}  // namespace nexus::outbound
