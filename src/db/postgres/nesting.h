#pragma once

namespace nexus::db::postgres {

class PostgresSession;

/// The transactions that the calling thread is inside of. A read within one joins it; a write within a write, or within
/// what runs after its commit, is a mistake that would wait for itself on the other engine.
class Nesting {
 public:
  enum class Kind : unsigned char { kRead, kWrite };

  /// Enters; null: what runs after a commit, where there is nothing to join. Leaves when it goes, on the same thread.
  Nesting(const void* database, PostgresSession* session, Kind kind);
  ~Nesting();
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

  /// The innermost open transaction of the database, null for none.
  [[nodiscard]] static PostgresSession* open(const void* database);
  [[nodiscard]] static bool is_writing(const void* database);

 private:
  const void* database_;
  PostgresSession* session_;
  Kind kind_;
  const Nesting* outer_;
};

}  // namespace nexus::db::postgres
