#include "llm/conversation.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::llm {
namespace {

std::string told(const std::vector<Message>& messages) {
  try {
    const Conversation talk = conversation_of(messages);
    std::string out;
    for (const std::string& text : talk.system) out += "S:" + text + " ";
    for (const Conversation::Turn& turn : talk.turns) out += (turn.user ? "U:" : "M:") + turn.text + " ";
    return out;
  } catch (const Error& error) {
    return std::string(to_string(error.failure()));
  }
}

TEST(Conversation, SystemTextIsKeptApart) {
  EXPECT_EQ(told({{"system", "a"}, {"user", "b"}, {"assistant", "c"}, {"user", "d"}}), "S:a U:b M:c U:d ");
  EXPECT_EQ(told({{"system", "a"}, {"user", "b"}, {"system", "c"}}), "S:a S:c U:b ");
}

TEST(Conversation, TurnsAlternateFromAQuestionToAQuestion) {
  EXPECT_EQ(told({{"user", "a"}, {"assistant", ""}, {"assistant", "\n\n"}, {"user", "b"}}), "U:a\n\nb ");
  EXPECT_EQ(told({{"user", "a"}, {"assistant", "b"}, {"assistant", "c"}, {"user", "d"}}), "U:a M:b\n\nc U:d ");
  EXPECT_EQ(told({{"assistant", "a"}, {"user", "b"}}), "U:b ");
}

TEST(Conversation, WithoutAQuestionThereIsNone) {
  EXPECT_EQ(told({}), "invalid");
  EXPECT_EQ(told({{"system", "a"}}), "invalid");
  EXPECT_EQ(told({{"user", " "}}), "invalid");
  EXPECT_EQ(told({{"user", "a"}, {"assistant", "b"}}), "invalid");
  EXPECT_EQ(told({{"tool", "a"}, {"user", "b"}}), "invalid");
}

}  // namespace
}  // namespace nexus::llm
