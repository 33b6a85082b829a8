#include "db/postgres/nesting.h"

namespace nexus::db::postgres {
namespace {

thread_local const Nesting* innermost = nullptr;

}  // namespace

Nesting::Nesting(const void* database, PostgresSession* session, Kind kind)
    : database_(database), session_(session), kind_(kind), outer_(innermost) {
  innermost = this;
}

Nesting::~Nesting() {
  innermost = outer_;
}

PostgresSession* Nesting::open(const void* database) {
  for (const Nesting* n = innermost; n != nullptr; n = n->outer_) {
    if (n->database_ == database && n->session_ != nullptr) return n->session_;
  }
  return nullptr;
}

bool Nesting::is_writing(const void* database) {
  for (const Nesting* n = innermost; n != nullptr; n = n->outer_) {
    if (n->database_ == database && n->kind_ == Kind::kWrite) return true;
  }
  return false;
}

}  // namespace nexus::db::postgres
