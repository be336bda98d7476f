// Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011). Twin of contract/Philox.java: the key is the seed, the counter is
// (index / 4, stream), and index % 4 picks the word.
#pragma once

struct PhiloxBlock {
  unsigned int word[4];
};

__device__ __forceinline__ unsigned int philox_high(unsigned int a, unsigned int b) {
  return (unsigned int)(((unsigned long long)a * b) >> 32);
}

// The four numbers at indices 4·block … 4·block + 3.
__device__ __forceinline__ PhiloxBlock philox_block(unsigned long long seed, unsigned long long stream,
                                                    unsigned long long block) {
  unsigned int c0 = (unsigned int)block;
  unsigned int c1 = (unsigned int)(block >> 32);
  unsigned int c2 = (unsigned int)stream;
  unsigned int c3 = (unsigned int)(stream >> 32);
  unsigned int k0 = (unsigned int)seed;
  unsigned int k1 = (unsigned int)(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const unsigned int high0 = philox_high(0xD2511F53u, c0);
    const unsigned int high1 = philox_high(0xCD9E8D57u, c2);
    const unsigned int low0 = 0xD2511F53u * c0;
    const unsigned int low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}
