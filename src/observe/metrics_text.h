#pragma once

#include "observe/metrics.h"

#include <span>
#include <string>
#include <string_view>

/// The pieces of the Prometheus text format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/). Each function appends to `out`.
namespace nexus::observe {

/// Names and values of one series, same length.
struct LabelSet {
  std::span<const std::string_view> names = {};
  std::span<const std::string> values = {};
};

void write_head(std::string& out, std::string_view name, std::string_view type, std::string_view help);
void write_sample(std::string& out, std::string_view name, const LabelSet& labels, double value);
/// Buckets are cumulative and end with +Inf; `_count` is the sum of what the buckets held when they were read, so that
/// the two agree under concurrent observations.
void write_histogram(std::string& out, std::string_view name, const LabelSet& labels, const Histogram& histogram);

/// A pattern with "{label}" replaced by the label's value, every character that a metric name cannot have as `_`.
[[nodiscard]] std::string legacy_name(std::string_view pattern, const LabelSet& labels);

/// A number as the format spells it: shortest form that reads back equal, "+Inf", "-Inf", "NaN".
[[nodiscard]] std::string metric_number(double value);

}  // namespace nexus::observe
