#include "modules/rag/run_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace nexus::rag {
namespace {

using ::testing::ElementsAre;

TEST(RunBatches, WhateverTheFramesAndTheBoundTheyComeOutWholeAndInOrder) {
  const bool holds = rc::check([](const std::vector<std::string>& frames) {
    const std::size_t most = *rc::gen::inRange<std::size_t>(1, 200);
    std::string waiting;
    for (const std::string& frame : frames) append_frame(waiting, frame);
    std::vector<std::string> seen;
    while (!waiting.empty()) {
      const std::size_t before = seen.size();
      const std::string batch = take_batch(waiting, most);
      RC_ASSERT(split_frames(batch, seen));
      RC_ASSERT(batch.size() <= most || seen.size() == before + 1);
    }
    RC_ASSERT(seen == frames);
  });
  EXPECT_TRUE(holds);
}

TEST(RunBatches, BytesThatAreNoFramesAreRefused) {
  std::string batch;
  append_frame(batch, "whole");
  std::vector<std::string> frames;
  for (std::size_t cut = 1; cut < batch.size(); ++cut) {
    EXPECT_FALSE(split_frames(std::string_view(batch).substr(0, cut), frames)) << cut;
  }
  EXPECT_FALSE(split_frames("\xFF\xFF\xFF\xFFx", frames));
  EXPECT_TRUE(frames.empty());
  EXPECT_TRUE(split_frames(batch, frames));
  EXPECT_THAT(frames, ElementsAre("whole"));
}

TEST(RunBatches, AFrameAboveTheBoundLeavesAlone) {
  std::string waiting;
  append_frame(waiting, std::string(100, 'x'));
  append_frame(waiting, "next");
  EXPECT_EQ(take_batch(waiting, 10).size(), framed_size(std::string(100, 'x')));
  EXPECT_EQ(waiting.size(), framed_size("next"));
}

}  // namespace
}  // namespace nexus::rag
