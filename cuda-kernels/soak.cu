// Burn-in (verify/Soak.java): memory filled with words that depend on their place, and comparisons that note where bits
// differ. Integers only. Bound by memory: 16 bytes a thread and step, coalesced.
//
// `found` is a count of differing words, one more unused word for alignment, then up to `most` notes of four words:
// index (low, high), expected, actual. The notes' order is arbitrary; the host sorts them.
#include "portable.cuh"

// The finalizer of SplitMix64 (Steele, Lea, Flood 2014), its low half. Twin: SoakMemory.word.
static __forceinline__ __device__ unsigned soak_word(unsigned long long index, unsigned long long seed) {
  unsigned long long z = (index + 1) * 0x9e3779b97f4a7c15ull + seed;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return (unsigned)(z ^ (z >> 31));
}

static __forceinline__ __device__ void soak_note(long long index, unsigned expected, unsigned actual, unsigned* found,
                                                 unsigned most) {
  const unsigned place = atomicAdd(found, 1u);
  if (place < most) {
    unsigned* note = found + 2 + 4LL * place;
    note[0] = (unsigned)index;
    note[1] = (unsigned)((unsigned long long)index >> 32);
    note[2] = expected;
    note[3] = actual;
  }
}

// memory[i] = word(i, seed) ^ flip for i < n; memory is aligned to 16 bytes.
extern "C" __global__ void __launch_bounds__(256)
soak_fill(unsigned* memory, long long n, unsigned long long seed, unsigned flip) {
  const long long step = (long long)gridDim.x * 256;
  for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; 4 * i < n; i += step) {
    const long long at = 4 * i;
    if (at + 4 <= n) {
      uint4 words;
      words.x = soak_word(at, seed) ^ flip;
      words.y = soak_word(at + 1, seed) ^ flip;
      words.z = soak_word(at + 2, seed) ^ flip;
      words.w = soak_word(at + 3, seed) ^ flip;
      *reinterpret_cast<uint4*>(memory + at) = words;
    } else {
      for (long long j = at; j < n; j++) memory[j] = soak_word(j, seed) ^ flip;
    }
  }
}
EXPORT_KERNEL(soak_fill)

// Notes each i < n where memory[i] is not word(i, seed) ^ flip.
extern "C" __global__ void __launch_bounds__(256)
soak_check(const unsigned* memory, long long n, unsigned long long seed, unsigned flip, unsigned* found, unsigned most) {
  const long long step = (long long)gridDim.x * 256;
  for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; 4 * i < n; i += step) {
    const long long at = 4 * i;
    unsigned words[4];
    const int count = at + 4 <= n ? 4 : (int)(n - at);
    if (count == 4) {
      const uint4 v = *reinterpret_cast<const uint4*>(memory + at);
      words[0] = v.x;
      words[1] = v.y;
      words[2] = v.z;
      words[3] = v.w;
    } else {
      for (int j = 0; j < count; j++) words[j] = memory[at + j];
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (j < count) {
        const unsigned expected = soak_word(at + j, seed) ^ flip;
        if (words[j] != expected) soak_note(at + j, expected, words[j], found, most);
      }
    }
  }
}
EXPORT_KERNEL(soak_check)

// Notes each i < n where the two differ; both are aligned to 16 bytes.
extern "C" __global__ void __launch_bounds__(256)
soak_compare(const unsigned* expected, const unsigned* actual, long long n, unsigned* found, unsigned most) {
  const long long step = (long long)gridDim.x * 256;
  for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; 4 * i < n; i += step) {
    const long long at = 4 * i;
    if (at + 4 <= n) {
      const uint4 e = *reinterpret_cast<const uint4*>(expected + at);
      const uint4 a = *reinterpret_cast<const uint4*>(actual + at);
      if (e.x != a.x) soak_note(at, e.x, a.x, found, most);
      if (e.y != a.y) soak_note(at + 1, e.y, a.y, found, most);
      if (e.z != a.z) soak_note(at + 2, e.z, a.z, found, most);
      if (e.w != a.w) soak_note(at + 3, e.w, a.w, found, most);
    } else {
      for (long long j = at; j < n; j++) {
        if (expected[j] != actual[j]) soak_note(j, expected[j], actual[j], found, most);
      }
    }
  }
}
EXPORT_KERNEL(soak_compare)
