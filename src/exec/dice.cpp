#include "exec/dice.h"

#include <random>

namespace nexus::exec {

Random dice() {
  return [engine = std::minstd_rand(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

}  // namespace nexus::exec
