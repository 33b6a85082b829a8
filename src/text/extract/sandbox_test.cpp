#include "text/extract/sandbox.h"

#include "text/extract/extract_test_support.h"
#include "text/extract/sanitized.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace nexus::text::extract {
namespace {

using testing::HasSubstr;
using testing::Not;

class Sandbox : public testing::Test {
 protected:
  ChildResult play(std::string how, std::chrono::milliseconds wall = std::chrono::seconds(60),
                   std::stop_token stop = {}) {
    ChildCommand command;
    command.executable = "/proc/self/exe";
    command.arguments = {"child", std::string(kMisbehaveCommand), std::move(how), argument_};
    command.input_fd = input_.get();
    command.wall = wall;
    return run_child(command, std::move(stop));
  }
  Descriptor input_ = memory_file("", 0);
  std::string argument_;
};

TEST_F(Sandbox, GivesTheChildItsInputAndCollectsItsOutput) {
  const Descriptor input = memory_file("hello", 5);
  ChildCommand command;
  command.executable = "/bin/cat";
  command.arguments = {"cat"};
  command.input_fd = input.get();
  const ChildResult result = run_child(command);
  EXPECT_EQ(result.end, ChildEnd::kExited);
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.output, "hello");
}

TEST_F(Sandbox, ReportsExitStatusAndWhatWasPrintedAsError) {
  ChildCommand command;
  command.executable = "/bin/cat";
  command.arguments = {"cat", "/no/such/file"};
  command.input_fd = input_.get();
  const ChildResult result = run_child(command);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.diagnostics, HasSubstr("No such file"));
}

TEST_F(Sandbox, ThrowsWhenTheProgramDoesNotExist) {
  ChildCommand command;
  command.executable = "/no/such/program";
  command.arguments = {"program"};
  command.input_fd = input_.get();
  EXPECT_THROW((void)run_child(command), std::system_error);
}

TEST_F(Sandbox, StartsChildrenWithoutEnvironment) {
  EXPECT_EQ(play("environment").output, "none");
}

TEST_F(Sandbox, StartsChildrenWithoutOurDescriptors) {
  const Descriptor inheritable(open("/dev/null", O_RDONLY));
  EXPECT_EQ(play("descriptors").output, "done");
}

TEST_F(Sandbox, EndsAChildThatComputesForEver) {
  const ChildResult result = play("loop");
  EXPECT_EQ(result.end, ChildEnd::kSignalled);
  EXPECT_EQ(result.code, SIGXCPU);
}

TEST_F(Sandbox, RefusesMemoryBeyondTheLimit) {
  if (kSanitized) GTEST_SKIP() << "sanitizers reserve more address space than any limit";
  const ChildResult result = play("allocate");
  EXPECT_EQ(result.end, ChildEnd::kExited);
  EXPECT_EQ(result.code, 42);
}

TEST_F(Sandbox, KillsAChildThatWaitsForEver) {
  EXPECT_EQ(play("hang", std::chrono::milliseconds(50)).end, ChildEnd::kTimedOut);
  EXPECT_EQ(play("close_and_hang", std::chrono::milliseconds(50)).end, ChildEnd::kTimedOut);
}

TEST_F(Sandbox, KillsAChildThatPrintsForEver) {
  const ChildResult result = play("flood");
  EXPECT_EQ(result.end, ChildEnd::kTooMuchOutput);
  EXPECT_LE(result.output.size(), (std::size_t{1} << 20) + 1);
}

TEST_F(Sandbox, ReportsACrash) {
  const ChildResult result = play("abort");
  EXPECT_EQ(result.end, ChildEnd::kSignalled);
  EXPECT_EQ(result.code, SIGABRT);
}

TEST_F(Sandbox, KillsTheChildAndWhatItStartedOnAStopRequest) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("nexus_sandbox_{}", getpid());
  std::filesystem::create_directory(folder);
  argument_ = (folder / "fifo").string();
  ASSERT_EQ(mkfifo(argument_.c_str(), 0600), 0);
  std::stop_source stop;
  ChildResult result;
  std::thread runner([&] { result = play("linger", std::chrono::seconds(60), stop.get_token()); });
  const Descriptor held(open(argument_.c_str(), O_RDONLY));  // opens when the child has opened its end
  stop.request_stop();
  runner.join();
  EXPECT_EQ(result.end, ChildEnd::kCancelled);
  char byte = 0;
  EXPECT_EQ(read(held.get(), &byte, 1), 0) << "end of file comes only when no process holds the other end";
  std::filesystem::remove_all(folder);
}

TEST_F(Sandbox, StopRequestedBeforeTheStartEndsTheChildToo) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(play("hang", std::chrono::seconds(60), stop.get_token()).end, ChildEnd::kCancelled);
}

TEST_F(Sandbox, ParserMayNeitherReadNorWriteNorConnectNorFork) {
  if (kSanitized) GTEST_SKIP() << "sanitizer builds run with the wider filter";
  const ChildResult result = play("parser");
  if (result.output.find("seccomp=true") == std::string::npos) GTEST_SKIP() << "no seccomp here";
  EXPECT_THAT(result.output, Not(HasSubstr("socket")));
  EXPECT_THAT(result.output, Not(HasSubstr(" read")));
  EXPECT_THAT(result.output, Not(HasSubstr("write")));
  EXPECT_THAT(result.output, Not(HasSubstr("fork")));
  EXPECT_THAT(result.output, Not(HasSubstr("signal")));
}

TEST_F(Sandbox, ConverterMayNotReadTheServersFilesNorConnect) {
  const ChildResult result = play("converter");
  if (result.output.find("seccomp=true") != std::string::npos) {
    EXPECT_THAT(result.output, Not(HasSubstr("socket")));
  }
  if (result.output.find("landlock=true") == std::string::npos) GTEST_SKIP() << "no Landlock here: " << result.output;
  EXPECT_THAT(result.output, Not(HasSubstr(" read")));
  EXPECT_THAT(result.output, Not(HasSubstr("write")));
}

TEST_F(Sandbox, ReadsNoMoreOfAFileThanAllowed) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("nexus_memory_file_{}", getpid());
  const Descriptor file(open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  ASSERT_EQ(write(file.get(), "0123456789", 10), 10);
  EXPECT_EQ(lseek(memory_file_of(path.string(), 4).get(), 0, SEEK_END), 5);
  EXPECT_EQ(lseek(memory_file_of(path.string(), 100).get(), 0, SEEK_END), 10);
  std::filesystem::remove(path);
  EXPECT_THROW((void)memory_file_of(path.string(), 4), std::system_error);
}

}  // namespace
}  // namespace nexus::text::extract
