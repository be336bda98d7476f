// Device memory is host memory, poisoned when handed out. In checking mode each allocation ends at a
// guard page (rounded up to 16 bytes, since kernels make 16-byte accesses), the bytes between its last
// page boundary or end and the data hold a pattern that is checked after launches and at free, and freed
// ranges stay inaccessible for a while. Sparse allocations are laid out the same way but hold zeros, and take memory
// only for the pages that are touched.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime.h"

namespace softcuda {

namespace {

constexpr size_t ALIGNMENT = 256;  // cuMemAlloc's; 16 in checking mode
constexpr unsigned char BORDER = 0xcb;
constexpr int POISON = 0xff;  // NaN, and -1 as an integer
constexpr size_t QUARANTINE = 256;

size_t page() {
  static const size_t bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

// Offset of the first border byte that was changed, relative to the data; SIZE_MAX if none was.
bool border_damage(const Allocation& a, ptrdiff_t& offset) {
  if (a.map == nullptr) return false;
  const unsigned char* data = reinterpret_cast<const unsigned char*>(a.address);
  const unsigned char* front = reinterpret_cast<const unsigned char*>(a.map) + page();
  const unsigned char* end = reinterpret_cast<const unsigned char*>(a.map) + a.map_bytes - page();
  for (const unsigned char* p = data + a.bytes; p < end; p++)
    if (*p != BORDER) return offset = p - data, true;
  for (const unsigned char* p = data; p-- > front;)
    if (*p != BORDER) return offset = p - data, true;
  return false;
}

std::string damage_text(const Allocation& a, ptrdiff_t offset) {
  return offset < 0 ? "a write " + std::to_string(-offset) + " bytes before an allocation of " +
                          std::to_string(a.bytes) + " bytes"
                    : "a write " + std::to_string(offset - static_cast<ptrdiff_t>(a.bytes)) +
                          " bytes past the end of an allocation of " + std::to_string(a.bytes) + " bytes";
}

}  // namespace

uint64_t Memory::allocate(size_t bytes, bool host, const Options& options) {
  if (!host && (bytes > options.memory || live_ > options.memory - bytes)) return 0;
  Allocation a;
  a.bytes = bytes;
  a.host = host;
  const bool sparse = !host && options.sparse != 0 && bytes >= options.sparse;
  if (options.checking || sparse) {
    const size_t rounded = (bytes + 15) / 16 * 16;
    const size_t body = (rounded + page() - 1) / page() * page();
    a.map_bytes = body + 2 * page();
    void* map = mmap(nullptr, a.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return 0;
    a.map = static_cast<char*>(map);
    if (mprotect(a.map + page(), body, PROT_READ | PROT_WRITE) != 0) {
      munmap(map, a.map_bytes);
      return 0;
    }
    char* data = a.map + page() + body - rounded;
    a.address = reinterpret_cast<uint64_t>(data);
    memset(a.map + page(), BORDER, body - rounded);
    memset(data + bytes, BORDER, rounded - bytes);
  } else {
    void* data = nullptr;
    if (posix_memalign(&data, ALIGNMENT, bytes) != 0) return 0;
    a.address = reinterpret_cast<uint64_t>(data);
  }
  if (!sparse) memset(reinterpret_cast<void*>(a.address), POISON, bytes);
  allocations_[a.address] = a;
  if (!host) live_ += bytes;
  return a.address;
}

void Memory::release(const Allocation& a) {
  if (!a.host) live_ -= a.bytes;
  if (a.map == nullptr) {
    std::free(reinterpret_cast<void*>(a.address));
    return;
  }
  mprotect(a.map, a.map_bytes, PROT_NONE);
  madvise(a.map, a.map_bytes, MADV_DONTNEED);
  quarantine_.push_back(a);
  if (quarantine_.size() <= QUARANTINE) return;
  const size_t out = QUARANTINE / 2;
  for (size_t i = 0; i < out; i++) munmap(quarantine_[i].map, quarantine_[i].map_bytes);
  quarantine_.erase(quarantine_.begin(), quarantine_.begin() + static_cast<ptrdiff_t>(out));
}

bool Memory::free(uint64_t address, bool host, std::string* damage) {
  auto found = allocations_.find(address);
  if (found == allocations_.end() || found->second.host != host) return false;
  ptrdiff_t offset = 0;
  if (border_damage(found->second, offset)) *damage = damage_text(found->second, offset);
  const Allocation a = found->second;
  allocations_.erase(found);
  release(a);
  return true;
}

const Allocation* Memory::find(uint64_t address, size_t bytes) const {
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin()) return nullptr;
  const Allocation& a = std::prev(after)->second;
  const uint64_t offset = address - a.address;
  return offset <= a.bytes && bytes <= a.bytes - offset ? &a : nullptr;
}

void Memory::release_all() {
  for (auto& entry : allocations_) release(entry.second);
  allocations_.clear();
}

bool Memory::flip(int rank, uint64_t word, int bit) {
  std::vector<const Allocation*> largest;
  for (auto& entry : allocations_)
    if (!entry.second.host && entry.second.bytes >= 4) largest.push_back(&entry.second);
  std::stable_sort(largest.begin(), largest.end(),
                   [](const Allocation* a, const Allocation* b) { return a->bytes > b->bytes; });
  if (static_cast<size_t>(rank) >= largest.size()) return false;
  const Allocation& a = *largest[static_cast<size_t>(rank)];
  reinterpret_cast<uint32_t*>(a.address)[word % (a.bytes / 4)] ^= 1u << bit;
  return true;
}

std::string Memory::damage() const {
  ptrdiff_t offset = 0;
  for (auto& entry : allocations_)
    if (border_damage(entry.second, offset)) return damage_text(entry.second, offset);
  return "";
}

std::string Memory::describe(uint64_t address) const {
  for (const Allocation& a : quarantine_)
    if (address - reinterpret_cast<uint64_t>(a.map) < a.map_bytes)
      return ", in a freed allocation of " + std::to_string(a.bytes) + " bytes";
  auto after = allocations_.upper_bound(address);
  if (after != allocations_.begin()) {
    const Allocation& a = std::prev(after)->second;
    const uint64_t offset = address - a.address;
    if (offset - a.bytes < 1 << 20)
      return ", " + std::to_string(offset - a.bytes) + " bytes past the end of an allocation of " +
             std::to_string(a.bytes) + " bytes";
  }
  if (after != allocations_.end() && after->first - address < 1 << 20)
    return ", " + std::to_string(after->first - address) + " bytes before an allocation of " +
           std::to_string(after->second.bytes) + " bytes";
  return ", near no allocation";
}

}  // namespace softcuda
