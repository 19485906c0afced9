// Resident memory of this process, readable also where no file may be opened any more.

#ifndef OCTAVO_CORE_EVALUATE_MEMORY_H_
#define OCTAVO_CORE_EVALUATE_MEMORY_H_

#include <cstdint>

namespace octavo {

// Bytes that this process holds now, 0 where that is not to be known. The first call opens
// /proc/self files that later ones and PeakMemory read: a process that is to lose its right to open
// files calls it before.
int64_t ResidentBytes();

// How far memory rises above where it was. Other threads' memory counts too, so there should be
// none at work.
//
// The kernel's high-water mark is reset at the start and read at the end, so that what is freed in
// between counts. It is exact to some tens of pages; as a floor, and where there is no such mark,
// the growth of the heap in use counts.
class PeakMemory {
 public:
  // Gives free heap back to the system first, so that using it again shows.
  PeakMemory();
  int64_t GrowthBytes() const;

 private:
  bool has_mark_ = false;
  int64_t resident_at_start_ = 0;
  int64_t heap_at_start_ = 0;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_MEMORY_H_
