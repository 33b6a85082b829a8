#pragma once

#include "modules/audit/audit_types.h"
#include "modules/audit/ports.h"

#include <array>
#include <string>

namespace nexus::audit {

/// An event made fit to be stored: valid UTF-8 without NUL, bounded lengths, redacted metadata, no credentials in the
/// columns that callers fill from requests. Texts that were fine are borrowed from the event, which must outlive this.
class PreparedRow {
 public:
  PreparedRow(const Event& event, Timestamp now);
  PreparedRow(const PreparedRow&) = delete;
  PreparedRow& operator=(const PreparedRow&) = delete;

  [[nodiscard]] const RowView& view() const { return view_; }
  void set_id(std::int64_t id) { view_.id = id; }
  /// The tenant, or '' for the platform.
  [[nodiscard]] std::string_view chain() const { return view_.tenant_id.value_or(std::string_view{}); }

 private:
  [[nodiscard]] std::string_view clean(std::string_view text, std::size_t most, bool detect);
  [[nodiscard]] std::optional<std::string_view> clean(const std::optional<std::string>& text, std::size_t most,
                                                      bool detect = false);

  RowView view_;
  std::string metadata_;
  std::array<std::string, 12> repaired_;  ///< one for each text column but the outcome
  std::size_t repaired_count_ = 0;
};

}  // namespace nexus::audit
