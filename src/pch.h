// Precompiled for every target; never Asio or Beast here. Files still include what they use: the
// tidy and fuzz builds compile without it.
#pragma once
#include <algorithm>
#include <atomic>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>
