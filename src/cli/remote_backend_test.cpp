#include "cli/remote_backend.h"

#include <gtest/gtest.h>

namespace nexus::cli {
namespace {

TEST(ErrorOf, TakesMessageReasonAndCode) {
  const ErrorText refused =
      error_of(415, R"({"error":{"code":"UNSUPPORTED","message":"No","details":{"reason":"a picture"}}})");
  EXPECT_EQ(refused.message, "No: a picture");
  EXPECT_EQ(refused.code, "UNSUPPORTED");
  EXPECT_EQ(error_of(404, R"({"error":{"code":"NOT_FOUND","message":"Corpus not found"}})").message,
            "Corpus not found");
}

TEST(ErrorOf, NamesTheStatusOfAnAnswerThatIsNotOurs) {
  for (const char* body : {"<html>", "[]", "", R"({"error":"text"})", R"({"error":{}})"}) {
    EXPECT_EQ(error_of(502, body).message, "status 502") << body;
    EXPECT_EQ(error_of(502, body).code, "") << body;
  }
}

}  // namespace
}  // namespace nexus::cli
