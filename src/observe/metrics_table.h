#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::observe {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };
[[nodiscard]] std::string_view to_string(MetricType type);

/// One row of the catalogue of metrics.
struct Family {
  std::string_view name;
  MetricType type = MetricType::kCounter;
  std::string_view help;
  std::string_view labels = {};         ///< names in order, "route_class,status_family"; empty: one unlabelled series
  std::span<const double> bounds = {};  ///< histograms: ascending upper bounds without +Inf
  std::size_t max_series = 64;          ///< more label combinations than this are counted under "other"
  /// Contract 01 §13.2 has names with a label value inside. A pattern such as "x_{region}" prints every series a second
  /// time under such a name, without labels; the family itself is the clean, labelled form.
  std::string_view legacy = {};
};

/// Every family, in the order of exposition.
[[nodiscard]] std::span<const Family> metric_families();

/// "name type labels" of each row, for the golden list; legacy patterns follow their family.
[[nodiscard]] std::vector<std::string> metric_names();

}  // namespace nexus::observe
