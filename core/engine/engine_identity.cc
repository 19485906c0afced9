#include "core/engine/engine_identity.h"

#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "core/base/sha256.h"
#include "core/engine/cpu_identity.h"

namespace octavo {
namespace {

constexpr size_t kBuildDigits = 16;

// Notes are padded to four bytes.
size_t Padded(size_t size) { return (size + 3) & ~size_t{3}; }

// The build id among an object's notes; empty where it has none.
std::span<const uint8_t> BuildId(std::span<const uint8_t> notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof header);
    const size_t id_offset = sizeof header + Padded(header.n_namesz);
    const size_t end = id_offset + Padded(header.n_descsz);
    if (end > notes.size()) break;
    if (header.n_type == NT_GNU_BUILD_ID) return notes.subspan(id_offset, header.n_descsz);
    notes = notes.subspan(end);
  }
  return {};
}

int AddObject(dl_phdr_info* object, size_t, void* digest) {
  // The kernel's page changes with the kernel, and computes nothing.
  if (absl::StrContains(object->dlpi_name, "linux-vdso")) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives addresses as numbers
    const auto* notes = reinterpret_cast<const uint8_t*>(object->dlpi_addr + segment.p_vaddr);
    static_cast<Sha256*>(digest)->Update(BuildId({notes, segment.p_memsz}));
  }
  return 0;
}

}  // namespace

EngineIdentity IdentifyEngine() {
  Sha256 digest;
  digest.Update(absl::string_view(OCTAVO_VERSION));
  ::dl_iterate_phdr(AddObject, &digest);
  return {.version = OCTAVO_VERSION,
          .build = digest.HexDigest().substr(0, kBuildDigits),
          .cpu_class = CpuClass(),
          .cpu_model = CpuModel()};
}

}  // namespace octavo
