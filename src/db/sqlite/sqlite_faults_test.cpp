// What happens when the disk is full or the process dies. The faults are real: a file layer that answers ENOSPC, a
// page limit, SIGKILL.
#include "db/sqlite/test_database.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <latch>
#include <memory>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace nexus::db {
namespace {

constexpr Statement kAddRow("t.add", "INSERT INTO t (id, v) VALUES ($1, $2)");
constexpr Statement kCountRows("t.count", "SELECT count(*) FROM t");
constexpr Statement kHasRow("t.has", "SELECT 1 FROM t WHERE id = $1");

std::int64_t rows_of(Database& db) {
  return db.read([](Snapshot& s) {
    Cursor c = s.query(kCountRows);
    return c.next() ? c.i64(0) : -1;
  });
}

bool has_row(Database& db, std::int64_t id) {
  return db.read([id](Snapshot& s) { return s.query(kHasRow, id).next(); });
}

/// SQLite's own file layer, but writes to the log, or its fsync, fail while the test says so.
class FaultyFiles {
 public:
  enum class Fault { kNone, kNoSpace, kBadDevice, kSyncNoSpace };

  FaultyFiles() : base_(sqlite3_vfs_find(nullptr)), name_("faulty-" + hex32()) {
    vfs_ = *base_;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
    vfs_.xOpen = [](sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
      return static_cast<FaultyFiles*>(vfs->pAppData)->open(path, reinterpret_cast<File*>(file), flags, out);
    };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~FaultyFiles() { sqlite3_vfs_unregister(&vfs_); }
  FaultyFiles(const FaultyFiles&) = delete;
  FaultyFiles& operator=(const FaultyFiles&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  std::atomic<Fault> fault{Fault::kNone};

 private:
  struct File {
    sqlite3_file head;
    FaultyFiles* owner;
    bool log;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

  int open(const char* path, File* file, int flags, int* out) {
    file->owner = this;
    file->log = (flags & SQLITE_OPEN_WAL) != 0;
    file->head.pMethods = nullptr;
    const int result = base_->xOpen(base_, path, file->real(), flags, out);
    if (file->real()->pMethods != nullptr) file->head.pMethods = &methods();
    return result;
  }

  static int refuse(int error, int result) {
    errno = error;  // as the system call would have
    return result;
  }
  int write(File* file, const void* data, int size, sqlite3_int64 offset) {
    if (file->log && fault == Fault::kNoSpace) return refuse(ENOSPC, SQLITE_FULL);
    if (file->log && fault == Fault::kBadDevice) return refuse(EIO, SQLITE_IOERR_WRITE);
    return file->real()->pMethods->xWrite(file->real(), data, size, offset);
  }
  int sync(File* file, int flags) {
    if (file->log && fault == Fault::kSyncNoSpace) return refuse(ENOSPC, SQLITE_IOERR_FSYNC);
    return file->real()->pMethods->xSync(file->real(), flags);
  }

  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods table = [] {
      sqlite3_io_methods m = {};
      m.iVersion = 2;
      m.xClose = [](sqlite3_file* f) { return of(f)->real()->pMethods->xClose(of(f)->real()); };
      m.xRead = [](sqlite3_file* f, void* d, int n, sqlite3_int64 o) {
        return of(f)->real()->pMethods->xRead(of(f)->real(), d, n, o);
      };
      m.xWrite = [](sqlite3_file* f, const void* d, int n, sqlite3_int64 o) {
        return of(f)->owner->write(of(f), d, n, o);
      };
      m.xTruncate = [](sqlite3_file* f, sqlite3_int64 n) {
        return of(f)->real()->pMethods->xTruncate(of(f)->real(), n);
      };
      m.xSync = [](sqlite3_file* f, int flags) { return of(f)->owner->sync(of(f), flags); };
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* n) {
        return of(f)->real()->pMethods->xFileSize(of(f)->real(), n);
      };
      m.xLock = [](sqlite3_file* f, int l) { return of(f)->real()->pMethods->xLock(of(f)->real(), l); };
      m.xUnlock = [](sqlite3_file* f, int l) { return of(f)->real()->pMethods->xUnlock(of(f)->real(), l); };
      m.xCheckReservedLock = [](sqlite3_file* f, int* r) {
        return of(f)->real()->pMethods->xCheckReservedLock(of(f)->real(), r);
      };
      m.xFileControl = [](sqlite3_file* f, int op, void* arg) {
        return of(f)->real()->pMethods->xFileControl(of(f)->real(), op, arg);
      };
      m.xSectorSize = [](sqlite3_file* f) { return of(f)->real()->pMethods->xSectorSize(of(f)->real()); };
      m.xDeviceCharacteristics = [](sqlite3_file* f) {
        return of(f)->real()->pMethods->xDeviceCharacteristics(of(f)->real());
      };
      m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return of(f)->real()->pMethods->xShmMap(of(f)->real(), page, size, extend, out);
      };
      m.xShmLock = [](sqlite3_file* f, int offset, int n, int flags) {
        return of(f)->real()->pMethods->xShmLock(of(f)->real(), offset, n, flags);
      };
      m.xShmBarrier = [](sqlite3_file* f) { of(f)->real()->pMethods->xShmBarrier(of(f)->real()); };
      m.xShmUnmap = [](sqlite3_file* f, int remove) {
        return of(f)->real()->pMethods->xShmUnmap(of(f)->real(), remove);
      };
      return m;
    }();
    return table;
  }

  sqlite3_vfs* base_;
  std::string name_;
  sqlite3_vfs vfs_ = {};
};

/// Queues `count` writes behind a held writer, so that they share a commit, sets the fault and returns their failures.
std::vector<std::exception_ptr> write_group(TestDatabase& t, FaultyFiles& files, FaultyFiles::Fault fault, int first,
                                            int count) {
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(count));
  auto inside = std::make_shared<std::latch>(1);
  auto release = std::make_shared<std::latch>(1);
  auto done = std::make_shared<std::latch>(count);
  t.db->write_async(
      [=](Tx&) {
        inside->count_down();
        release->wait();
      },
      Durability::kRelaxed, [](std::exception_ptr) {});
  inside->wait();
  for (int i = 0; i < count; ++i) {
    t.db->write_async([id = first + i](Tx& tx) { tx.exec(kAddRow, id, "row"); }, Durability::kDurable,
                      [&failures, done, i](std::exception_ptr failure) {
                        failures[static_cast<std::size_t>(i)] = std::move(failure);
                        done->count_down();
                      });
  }
  files.fault = fault;
  release->count_down();
  done->wait();
  return failures;
}

ErrorCode code_of(const std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "expected db::Error";
  return ErrorCode::kOther;
}

std::string words_of(const std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "no failure";
}

class FailingCommit : public testing::TestWithParam<std::pair<FaultyFiles::Fault, ErrorCode>> {};

TEST_P(FailingCommit, FailsTheWholeGroupShowsNothingAndGoesOnAfterwards) {
  FaultyFiles files;
  TestDatabase t([&](SqliteOptions& o) { o.vfs = files.name(); });
  t.db->write([](Tx& tx) { tx.exec(kAddRow, 1, "before"); });
  for (const std::exception_ptr& failure : write_group(t, files, GetParam().first, 10, 5)) {
    EXPECT_EQ(code_of(failure), GetParam().second) << words_of(failure);
  }
  EXPECT_EQ(rows_of(*t.db), 1);
  EXPECT_THROW(t.db->write([](Tx& tx) { tx.exec(kAddRow, 20, "still"); }), Error);
  files.fault = FaultyFiles::Fault::kNone;
  t.db->write([](Tx& tx) { tx.exec(kAddRow, 30, "after"); });
  EXPECT_EQ(rows_of(*t.db), 2);
  t.db.reset();
  t.open();
  EXPECT_EQ(rows_of(*t.db), 2);
  EXPECT_TRUE(has_row(*t.db, 30));
  EXPECT_TRUE(t.db->quick_check().empty());
}

TEST(FailingSync, IsToldToThoseWhoWaitAndEndsDurableWritesUntilARestart) {
  FaultyFiles files;
  TestDatabase t([&](SqliteOptions& o) { o.vfs = files.name(); });
  t.db->write([](Tx& tx) { tx.exec(kAddRow, 1, "before"); });
  for (const std::exception_ptr& failure : write_group(t, files, FaultyFiles::Fault::kSyncNoSpace, 10, 5))
    EXPECT_EQ(code_of(failure), ErrorCode::kFull) << words_of(failure);
  files.fault = FaultyFiles::Fault::kNone;
  EXPECT_THROW(t.db->write([](Tx& tx) { tx.exec(kAddRow, 20, "durable"); }), Error);
  t.db->write([](Tx& tx) { tx.exec(kAddRow, 30, "relaxed"); }, Durability::kRelaxed);
  EXPECT_TRUE(has_row(*t.db, 30));
  t.db.reset();
  t.open();
  t.db->write([](Tx& tx) { tx.exec(kAddRow, 40, "after"); });
  EXPECT_TRUE(has_row(*t.db, 1));
  EXPECT_TRUE(has_row(*t.db, 40));
  EXPECT_FALSE(has_row(*t.db, 20));
  EXPECT_TRUE(t.db->quick_check().empty());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, FailingCommit,
                         testing::Values(std::pair(FaultyFiles::Fault::kNoSpace, ErrorCode::kFull),
                                         std::pair(FaultyFiles::Fault::kBadDevice, ErrorCode::kOther)));

TEST(FullDatabase, FailsTheJobThatNeedsTooMuchAndKeepsItsCompanions) {
  TestDatabase t([](SqliteOptions& o) { o.max_pages = 64; });
  std::latch inside(1);
  std::latch release(1);
  auto done = std::make_shared<std::latch>(4);
  std::vector<std::exception_ptr> failures(3);
  t.db->write_async(
      [&](Tx&) {
        inside.count_down();
        release.wait();
      },
      Durability::kRelaxed, [done](std::exception_ptr) { done->count_down(); });
  inside.wait();
  for (int i = 0; i < 3; ++i) {
    t.db->write_async([i](Tx& tx) { tx.exec(kAddRow, i, std::string(i == 1 ? 1'000'000 : 10, 'x')); },
                      Durability::kDurable,
                      [&failures, done, i](std::exception_ptr failure) {
                        failures[static_cast<std::size_t>(i)] = std::move(failure);
                        done->count_down();
                      });
  }
  release.count_down();
  done->wait();
  EXPECT_EQ(failures[0], nullptr);
  EXPECT_EQ(code_of(failures[1]), ErrorCode::kFull);
  EXPECT_EQ(failures[2], nullptr);
  EXPECT_TRUE(has_row(*t.db, 0));
  EXPECT_FALSE(has_row(*t.db, 1));
  EXPECT_TRUE(has_row(*t.db, 2));
}

/// Writes from several threads and reports each acknowledged id on `pipe_end`. Runs in a child until it is killed.
[[noreturn]] void write_until_killed(const std::string& path, int pipe_end) {
  const SystemClock clock;
  observe::Metrics metrics;
  const auto db = open_sqlite({.path = path, .checkpoint_pages = 50, .log_limit_pages = 200}, clock, metrics);
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&, n] {
      const auto durability = n % 2 == 0 ? Durability::kDurable : Durability::kRelaxed;
      for (std::int32_t id = n;; id += 4) {
        db->write(
            [id](Tx& tx) {
              tx.exec(kAddRow, id, "row");
              tx.exec(kAddRow, id + 1'000'000'000, "its twin");
            },
            durability);
        if (write(pipe_end, &id, sizeof id) != sizeof id) _exit(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  _exit(0);
}

TEST(KilledProcess, KeepsEveryAcknowledgedRowAndNoHalfTransaction) {
  TestDatabase t;
  t.db.reset();  // the child has the file to itself, and no thread of ours crosses the fork
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    write_until_killed(t.options.path, ends[1]);
  }
  close(ends[1]);
  std::vector<std::int32_t> acknowledged;
  std::int32_t id = 0;
  while (read(ends[0], &id, sizeof id) == sizeof id) {
    acknowledged.push_back(id);
    if (acknowledged.size() == 1500) kill(child, SIGKILL);
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_GE(acknowledged.size(), 1500u);

  t.open();
  EXPECT_TRUE(t.db->quick_check().empty());
  std::size_t missing = 0;
  for (const std::int32_t row : acknowledged) missing += has_row(*t.db, row) ? 0 : 1;
  EXPECT_EQ(missing, 0u);
  static constexpr Statement kHalf("half",
                                   "SELECT count(*) FROM t AS a WHERE a.id < 1000000000 AND NOT EXISTS "
                                   "(SELECT 1 FROM t AS b WHERE b.id = a.id + 1000000000)");
  EXPECT_EQ(t.db->read([](Snapshot& s) {
    Cursor c = s.query(kHalf);
    return c.next() ? c.i64(0) : -1;
  }),
            0);
}

}  // namespace
}  // namespace nexus::db
