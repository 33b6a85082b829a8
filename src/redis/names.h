#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nexus::redis {

/// Looks names up without making the loop wait, or the shut-down: a getaddrinfo that hangs keeps its thread, which
/// touches nothing but its own state, and nobody waits for it. Addresses need no look-up. On the loop's thread only.
class Names {
 public:
  static constexpr std::size_t kMostAtOnce = 8;
  using Found = std::function<void(std::vector<boost::asio::ip::address>)>;  // empty: nothing found

  explicit Names(boost::asio::io_context& io);
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  /// `found` is called once on the loop, later; not at all when this object is gone.
  void look_up(const std::string& host, Found found);

 private:
  struct Shared;
  void answer(std::uint64_t number, const std::vector<boost::asio::ip::address>& addresses);

  std::shared_ptr<Shared> shared_;
  boost::asio::io_context& io_;
  std::map<std::uint64_t, Found> asked_;  // of look-ups under way
  std::uint64_t last_ = 0;
};

}  // namespace nexus::redis
