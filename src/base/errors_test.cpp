#include "base/errors.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace nexus {
namespace {

TEST(ErrorCatalogue, ListsEveryCodeWithEachOfItsStatusesOnce) {
  std::set<std::pair<std::string_view, int>> seen;
  for (const ErrorKind* kind : errors::catalogue())
    EXPECT_TRUE(seen.emplace(kind->code, kind->status).second) << kind->code << " " << kind->status;
  EXPECT_EQ(seen.size(), 128u) << "a new row in errors.h must also stand in errors.cpp";
}

TEST(ErrorCatalogue, RowsSayWhatHappenedAndWhatToDo) {
  for (const ErrorKind* kind : errors::catalogue()) {
    EXPECT_EQ(kind->code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), std::string_view::npos) << kind->code;
    EXPECT_GE(kind->status, 400) << kind->code;
    EXPECT_LT(kind->status, 600) << kind->code;
    EXPECT_FALSE(kind->message.empty()) << kind->code;
    EXPECT_TRUE(kind->advice.ends_with('.')) << kind->code;
  }
}

TEST(ErrorCatalogue, ChoosesTheDefaultCodeByStatus) {
  const std::pair<int, std::string_view> expected[] = {
      {400, "BAD_REQUEST"},   {401, "AUTH_UNAUTHORIZED"}, {402, "QUOTA_EXCEEDED"},         {403, "AUTH_FORBIDDEN"},
      {404, "NOT_FOUND"},     {409, "CONFLICT"},          {415, "UNSUPPORTED_MEDIA_TYPE"}, {422, "VALIDATION_ERROR"},
      {429, "RATE_LIMITED"},  {500, "INTERNAL_ERROR"},    {503, "SERVICE_UNAVAILABLE"},    {405, "UNKNOWN_ERROR"},
      {413, "UNKNOWN_ERROR"}, {502, "UNKNOWN_ERROR"},     {418, "UNKNOWN_ERROR"},
  };
  for (const auto& [status, code] : expected) EXPECT_EQ(errors::default_for_status(status).code, code) << status;
  EXPECT_EQ(errors::default_for_status(405).message, "Method Not Allowed");
}

TEST(ApiError, StartsWithTheTextOfItsRow) {
  const ApiError error(errors::kNotFound);
  EXPECT_EQ(error.kind(), errors::kNotFound);
  EXPECT_EQ(error.message(), "Not Found");
  EXPECT_TRUE(error.details().empty());
  EXPECT_STREQ(error.what(), "Not Found");
}

TEST(ApiError, CarriesDetailsHeadersAndAHiddenCause) {
  const ApiError error = ApiError(errors::kServiceBusy, "Run capacity is saturated", {{"limit", 10}})
                             .with_header("Retry-After", "1")
                             .with_cause("bulkhead full");
  EXPECT_EQ(error.message(), "Run capacity is saturated");
  EXPECT_EQ(error.details().at("limit").as_int64(), 10);
  ASSERT_EQ(error.headers().size(), 1u);
  EXPECT_EQ(error.headers()[0].second, "1");
  EXPECT_EQ(error.cause(), "bulkhead full");
  EXPECT_EQ(std::string(error.what()).find("bulkhead"), std::string::npos);
}

}  // namespace
}  // namespace nexus
