#include "embed/safetensors.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <stdexcept>
#include <string>

namespace nexus::embed {
namespace {

std::string container(const std::string& header, std::size_t data_bytes) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i) & 0xFFU);
  return bytes + header + std::string(data_bytes, 'x');
}

std::vector<Tensor> parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)));
}

TEST(Safetensors, ReadsNamesShapesAndData) {
  const std::string bytes =
      container(R"({"__metadata__":{"a":"b"},"w":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]}}   )", 16);
  const std::vector<Tensor> tensors = parse(bytes);
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(tensors[0].data.size(), 12U);
}

TEST(Safetensors, RefusesWhatDoesNotFit) {
  for (const std::string& bad :
       {std::string("abc"), container("{", 0), container("[]", 0), std::string(8, '\xFF'),
        container(R"({"w":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}})", 11),
        container(R"({"w":{"dtype":"F16","shape":[2,4],"data_offsets":[0,12]}})", 12),
        container(R"({"w":{"dtype":"F16","shape":[4294967296,4294967296,2],"data_offsets":[0,0]}})", 12),
        container(R"({"w":{"dtype":"F16","shape":[-1],"data_offsets":[0,12]}})", 12),
        container(R"({"w":{"dtype":"Q4","shape":[1],"data_offsets":[0,12]}})", 12),
        container(R"({"w":{"dtype":"F16","shape":[6],"data_offsets":[12,0]}})", 12),
        container(R"({"w":{"dtype":"F16","shape":[6]}})", 12), container(R"({"w":3})", 12)})
    EXPECT_THROW((void)parse(bad), std::runtime_error) << bad;
}

TEST(Safetensors, NeverCrashesOnDamagedBytes) {
  EXPECT_TRUE(rc::check([] {
    std::string bytes = container(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})", 12);
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::arbitrary<char>();
    bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
    try {
      for (const Tensor& tensor : parse(bytes)) RC_ASSERT(tensor.data.size() <= bytes.size());
    } catch (const std::runtime_error&) {
      RC_SUCCEED("refused");
    }
  }));
}

}  // namespace
}  // namespace nexus::embed
