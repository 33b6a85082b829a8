#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::rag {

/// Which run: the latest one of a session, and what it was asked. Views; copied by whoever keeps them.
struct RunIdentity {
  std::string_view tenant;
  std::string_view subject;
  std::string_view session;
  std::string_view question;
};

/// Takes the frames of one run to where other replicas read them. No function waits or throws: what cannot be taken
/// there is lost to them, and the run goes on. One thread at a time appends; the rest from any thread.
class SharedRunWriter {
 public:
  virtual ~SharedRunWriter() = default;
  /// The next frame, whole with its trailing blank line.
  virtual void append(std::string_view frame) = 0;
  /// No more frames; `complete` as in RunLog::finish. The first call counts.
  virtual void finish(bool complete) = 0;
  /// Takes back what was shared: this replica forgets the run as well.
  virtual void withdraw() = 0;
  /// Names this run among all runs of its session.
  [[nodiscard]] virtual std::string_view token() const = 0;
  /// Sharing failed: the store may hold an older run of the session than this one.
  [[nodiscard]] virtual bool lost() const = 0;
};

/// A run that some replica writes or has written, read from its beginning. Used by one reader.
class SharedRun {
 public:
  enum class State : std::uint8_t {
    kRunning,   ///< look again
    kComplete,  ///< these are the last frames
    kCut,       ///< there will be no more: cut short, expired, replaced, or its replica or the store is lost
  };
  struct Part {
    std::vector<std::string> frames;  ///< that follow those of the call before
    State state = State::kRunning;
    bool more = false;  ///< some are there already: look again at once
  };

  virtual ~SharedRun() = default;
  /// Does not block. `done` is called once, from any thread or at once; it neither blocks nor throws. Not called again
  /// before that.
  virtual void next(std::function<void(Part)> done) = 0;
};

/// Where the replicas of an installation share the frames of their runs. Thread-safe; may lose everything at any time.
class RunLogStore {
 public:
  struct Found {
    bool answered = false;           ///< false: the store is away
    std::string token;               ///< of the latest run of the session; empty when there is none
    std::shared_ptr<SharedRun> run;  ///< null when that one was asked another question
  };

  virtual ~RunLogStore() = default;
  /// Begins to share a run; it replaces the session's previous one. Neither waits nor throws; null when it cannot.
  [[nodiscard]] virtual std::shared_ptr<SharedRunWriter> open(const RunIdentity& run) = 0;
  /// Blocks for at most one round trip with its time limit: not for I/O threads.
  [[nodiscard]] virtual Found find(const RunIdentity& run) = 0;
};

}  // namespace nexus::rag
