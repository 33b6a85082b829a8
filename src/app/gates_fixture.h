#pragma once

#include "app/gates.h"
#include "base/error.h"
#include "base/errors.h"
#include "db/database.h"

#include <optional>
#include <string>
#include <vector>

/// Gates of the pipeline's tests: each notes that it was asked, and refuses when it is told to.
namespace nexus::app {

struct FakeGates {
  std::vector<std::string> steps;
  std::optional<ErrorKind> stranger, rate, quota, feature, key;  ///< what each throws
  std::optional<http::Reply> stored;                             ///< the idempotency gate answers with it
  int units = 0;                                                 ///< charged and not given back
  bool numbers_lost = false;                                     ///< what is left of the quota cannot be read

  struct Limits final : limits::Gate {
    explicit Limits(FakeGates& g) : all(g) {}
    void admit_stranger(const http::Call&, const std::function<bool()>& is_known) override {
      if (all.stranger && !is_known()) throw ApiError(*all.stranger);
    }
    void refused(const http::Call&) override { all.steps.emplace_back("refused"); }
    void charge(http::Call& call) override {
      all.steps.emplace_back("rate");
      if (all.rate) throw ApiError(*all.rate);
      call.reply_headers.emplace_back("RateLimit", "r");
    }
    FakeGates& all;
  };
  struct Quotas final : quotas::Gate {
    explicit Quotas(FakeGates& g) : all(g) {}
    quotas::Charge charge(const http::Call& call) override {
      all.steps.emplace_back("quota");
      if (all.quota) throw ApiError(*all.quota);
      ++all.units;
      return {.units = 1, .at = call.now};
    }
    void refund(const http::Call&, quotas::Charge& charge) noexcept override {
      all.units -= static_cast<int>(charge.units);
      charge.units = 0;
    }
    void append_headers(const http::Call&, http::Pairs& headers) override {
      if (all.numbers_lost) throw db::Error(db::ErrorCode::kUnavailable, "no database");
      headers.emplace_back("X-Quota-Day-Used", std::to_string(all.units));
    }
    FakeGates& all;
  };
  struct Plans final : plans::Entitlements {
    explicit Plans(FakeGates& g) : all(g) {}
    bool enabled(const TenantScope&, std::string_view) override { return !all.feature; }
    void require(const TenantScope&, std::string_view) override {
      all.steps.emplace_back("feature");
      if (all.feature) throw ApiError(*all.feature);
    }
    std::string plan_id(const TenantScope&) override { return "free"; }
    FakeGates& all;
  };
  struct Keys final : idempotency::Gate {
    explicit Keys(FakeGates& g) : all(g) {}
    std::optional<http::Reply> begin(const http::Call& call, const http::Decoded&,
                                     idempotency::Reservation& reservation) override {
      all.steps.emplace_back("key");
      if (all.key) throw ApiError(*all.key);
      if (all.stored) return all.stored;
      reservation = idempotency::Reservation(*this, {.tenant = call.tenant(), .owner = {}, .context = {}});
      return std::nullopt;
    }
    void complete(const Claim&, const http::Reply& sent, std::string_view) noexcept override {
      all.steps.emplace_back("stored " + std::to_string(sent.status));
    }
    void abandon(const Claim&) noexcept override { all.steps.emplace_back("abandoned"); }
    FakeGates& all;
  };
  struct Usage final : usage::Counters {
    explicit Usage(FakeGates& g) : all(g) {}
    void request(const http::Call&) override { all.steps.emplace_back("counted"); }
    void rate_limited(const http::Call&) override { all.steps.emplace_back("hit"); }
    FakeGates& all;
  };

  Limits limits{*this};
  Quotas quotas{*this};
  Plans plans{*this};
  Keys keys{*this};
  Usage usage{*this};

  [[nodiscard]] Gates with(auth::Gate& auth) {
    return {.auth = auth, .limits = limits, .quotas = quotas, .plans = plans, .idempotency = keys, .usage = usage};
  }
};

}  // namespace nexus::app
