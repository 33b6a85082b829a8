#pragma once

#include "opensearch/answers.h"
#include "opensearch/feeder.h"
#include "opensearch/layout.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::opensearch {

/// A claim and what became of it.
struct Feeder::Delivery {
  enum class State : std::uint8_t {
    kOpen,   ///< not sent completely
    kSent,   ///< every chunk is in the index, or a newer one
    kLater,  ///< a fault that passes
    kImpossible,
  };
  Claim claim;
  State state = State::kOpen;
  bool tried = false;  ///< false: it was given back before its turn
  std::string fault;
};

/// The deliveries of one round: reads chunks page by page, packs them into _bulk requests of bounded size, and deletes
/// what is older. Lives on one thread.
class Feeder::Batch {
 public:
  Batch(const Feeder& feeder, std::vector<Claim> claims, std::stop_token stop);

  /// Sends everything; whatever goes wrong is written into the deliveries.
  void run();
  [[nodiscard]] const std::vector<Delivery>& deliveries() const noexcept { return deliveries_; }

 private:
  struct Action {
    std::size_t delivery = 0;
    std::size_t begin = 0;  // in lines_
    std::size_t end = 0;
  };

  void send_chunks(std::size_t delivery);
  void add(std::size_t delivery, const ChunkRow& chunk, std::span<const std::string> acl);
  void flush();
  void send(std::span<const Action> actions);
  void judge(Delivery& delivery, const BulkItem& item);
  void delete_older();
  void fail_open(std::string_view fault);
  [[nodiscard]] std::size_t dimension(const Subject& subject);
  [[nodiscard]] bool out_of_time() const;

  const Feeder& feeder_;
  std::stop_token stop_;
  std::int64_t begun_us_;
  std::vector<Delivery> deliveries_;
  std::map<std::pair<std::string, std::string>, std::size_t> dimensions_;  // by tenant and corpus
  std::string lines_;
  std::vector<Action> actions_;
};

}  // namespace nexus::opensearch
