#pragma once

#include "base/time.h"

#include <cstddef>
#include <span>
#include <string>

namespace nexus {

/// Fills `out` from the operating system's generator. Throws std::runtime_error when it fails.
void random_bytes(std::span<std::byte> out);

/// A random UUID (RFC 9562 version 4), lower case with dashes. Unpredictable: drawn from a per-thread buffer of
/// random_bytes, so that an id costs no system call.
[[nodiscard]] std::string uuid4();
/// The same without dashes: the form of user and key ids.
[[nodiscard]] std::string hex32();
/// A time-ordered UUID (RFC 9562 version 7): the ids of our own tables, so that inserts append to their index.
[[nodiscard]] std::string uuid7(Timestamp now);

}  // namespace nexus
