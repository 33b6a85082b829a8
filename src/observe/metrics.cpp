#include "observe/metrics.h"

#include "observe/metrics_table.h"
#include "observe/metrics_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <stdexcept>
#include <unordered_map>
#include <variant>

namespace nexus::observe {
/// Named, not anonymous: Metrics::Impl holds these types, and unity builds refuse members of anonymous types.
namespace metrics_detail {

constexpr std::size_t kMaxLabelBytes = 128;
constexpr std::string_view kOther = "other";

using Values = std::vector<std::string>;  // in the order of the family's labels
using Cell = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;

inline std::vector<std::string_view> split_labels(std::string_view names) {
  std::vector<std::string_view> labels;
  while (!names.empty()) {
    const std::size_t comma = names.find(',');
    labels.push_back(names.substr(0, comma));
    names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 1);
  }
  return labels;
}

inline Cell make_cell(const Family& family) {
  switch (family.type) {
    case MetricType::kCounter:
      return std::make_unique<Counter>();
    case MetricType::kGauge:
      return std::make_unique<Gauge>();
    case MetricType::kHistogram:
      break;
  }
  return std::make_unique<Histogram>(family.bounds);
}

/// The live series of one family.
class Group {
 public:
  explicit Group(const Family& family) : family_(family), labels_(split_labels(family.labels)) {}

  Cell& cell(const Labels& given) {
    const Values values = in_order(given);
    {
      const std::shared_lock lock(mutex_);
      const auto found = series_.find(values);
      if (found != series_.end()) return found->second;
    }
    const std::unique_lock lock(mutex_);
    const bool full = series_.size() >= family_.max_series && !series_.contains(values);
    const Values key = full ? Values(labels_.size(), std::string(kOther)) : values;
    const auto found = series_.find(key);
    if (found != series_.end()) return found->second;
    return series_.emplace(key, make_cell(family_)).first->second;
  }

  void write(std::string& out) const {
    const std::shared_lock lock(mutex_);
    if (series_.empty()) return;
    write_head(out, family_.name, to_string(family_.type), family_.help);
    for (const auto& [values, cell] : series_) write_series(out, family_.name, {labels_, values}, cell);
    if (family_.legacy.empty()) return;
    std::set<std::string> written;  // two values may look alike once their foreign characters are gone
    for (const auto& [values, cell] : series_) {
      const std::string name = legacy_name(family_.legacy, {labels_, values});
      if (!written.insert(name).second) continue;
      write_head(out, name, to_string(family_.type), family_.help);
      write_series(out, name, {}, cell);
    }
  }

 private:
  Values in_order(const Labels& given) const {
    if (given.size() != labels_.size())
      throw std::logic_error("metric " + std::string(family_.name) + " takes the labels " +
                             std::string(family_.labels));
    Values values;
    values.reserve(labels_.size());
    for (const std::string_view name : labels_) {
      const auto found =
          std::find_if(given.begin(), given.end(), [name](const auto& label) { return label.first == name; });
      if (found == given.end())
        throw std::logic_error("metric " + std::string(family_.name) + " misses the label " + std::string(name));
      values.push_back(found->second.substr(0, kMaxLabelBytes));
    }
    return values;
  }

  static void write_series(std::string& out, std::string_view name, const LabelSet& labels, const Cell& cell) {
    if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&cell)) {
      write_sample(out, name, labels, static_cast<double>((*counter)->value()));
    } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&cell)) {
      write_sample(out, name, labels, (*gauge)->value());
    } else {
      write_histogram(out, name, labels, *std::get<std::unique_ptr<Histogram>>(cell));
    }
  }

  const Family& family_;
  std::vector<std::string_view> labels_;
  mutable std::shared_mutex mutex_;
  std::map<Values, Cell> series_;
};

}  // namespace metrics_detail

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()),
      buckets_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::observe(double v) noexcept {
  if (std::isnan(v)) return;  // would spoil the sum for good
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), v) - bounds_.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(v, std::memory_order_relaxed);
}

std::uint64_t Histogram::count_in_bucket(std::size_t i) const noexcept {
  return buckets_[i].load(std::memory_order_relaxed);
}

struct Metrics::Impl {
  Impl() {
    for (const Family& family : metric_families()) {
      groups.push_back(std::make_unique<metrics_detail::Group>(family));
      if (!by_name.emplace(family.name, groups.back().get()).second)
        throw std::logic_error("metric " + std::string(family.name) + " stands twice in the table");
    }
  }

  template <class Metric>
  Metric& find(std::string_view name, const Labels& labels) {
    const auto group = by_name.find(name);
    if (group == by_name.end()) throw std::logic_error("metric " + std::string(name) + " is not in the table");
    auto* metric = std::get_if<std::unique_ptr<Metric>>(&group->second->cell(labels));
    if (metric == nullptr) throw std::logic_error("metric " + std::string(name) + " has another type");
    return **metric;
  }

  std::vector<std::unique_ptr<metrics_detail::Group>> groups;  // in table order; the map is fixed after construction
  std::unordered_map<std::string_view, metrics_detail::Group*> by_name;
  std::mutex collecting;
  std::vector<std::function<void()>> collectors;  // guarded by `collecting`
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, const Labels& labels) {
  return impl_->find<Counter>(name, labels);
}
Gauge& Metrics::gauge(std::string_view name, const Labels& labels) {
  return impl_->find<Gauge>(name, labels);
}
Histogram& Metrics::histogram(std::string_view name, const Labels& labels) {
  return impl_->find<Histogram>(name, labels);
}

void Metrics::before_text(std::function<void()> collect) {
  const std::lock_guard lock(impl_->collecting);
  impl_->collectors.push_back(std::move(collect));
}

std::string Metrics::text() const {
  {
    const std::lock_guard lock(impl_->collecting);
    for (const auto& collect : impl_->collectors) collect();
  }
  std::string out;
  for (const auto& group : impl_->groups) group->write(out);
  return out;
}

}  // namespace nexus::observe
