// The schema's migrations: the files of server/store/migrations, in order, as text.

#ifndef OCTAVO_SERVER_STORE_MIGRATIONS_H_
#define OCTAVO_SERVER_STORE_MIGRATIONS_H_

#include <span>

namespace octavo {

// The first one makes version 1.
std::span<const char* const> Migrations();

}  // namespace octavo

#endif  // OCTAVO_SERVER_STORE_MIGRATIONS_H_
