#include "redis/names.h"

#include "exec/thread_name.h"
#include "outbound/client.h"
#include "outbound/resolver.h"

#include <boost/asio/post.hpp>

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace nexus::redis {

struct Names::Shared {
  std::mutex mutex;
  Names* names = nullptr;  // null when the loop has ended
};

Names::Names(boost::asio::io_context& io) : shared_(std::make_shared<Shared>()), io_(io) {
  shared_->names = this;
}

Names::~Names() {
  const std::lock_guard lock(shared_->mutex);
  shared_->names = nullptr;
}

void Names::look_up(const std::string& host, Found found) {
  using Addresses = std::vector<boost::asio::ip::address>;
  boost::system::error_code error;
  if (const auto literal = boost::asio::ip::make_address(host, error); !error) {
    boost::asio::post(io_, [found = std::move(found), literal] { found({literal}); });
    return;
  }
  if (asked_.size() >= kMostAtOnce) {
    boost::asio::post(io_, [found = std::move(found)] { found({}); });
    return;
  }
  const std::uint64_t number = ++last_;
  asked_.emplace(number, std::move(found));
  // The thread holds nothing that belongs to the loop: it may outlive it.
  const auto work = [shared = shared_, host, number] {
    exec::name_thread("redis-names");
    Addresses addresses;
    try {
      for (const auto& address : outbound::resolve_with_system(host)) {
        boost::system::error_code malformed;
        const auto converted = boost::asio::ip::make_address(address.text(), malformed);
        if (!malformed) addresses.push_back(converted);
      }
    } catch (const outbound::Error&) {
      addresses.clear();  // said by the empty answer
    }
    const std::lock_guard lock(shared->mutex);
    if (Names* names = shared->names)
      boost::asio::post(names->io_, [names, number, addresses] { names->answer(number, addresses); });
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {  // no thread to be had: as if nothing was found
    boost::asio::post(io_, [this, number] { answer(number, {}); });
  }
}

void Names::answer(std::uint64_t number, const std::vector<boost::asio::ip::address>& addresses) {
  const auto asked = asked_.extract(number);
  if (!asked.empty()) asked.mapped()(addresses);
}

}  // namespace nexus::redis
