// ordered_sum.cuh, contract.cuh and the selections of portable.cuh.
#include "harness.h"

namespace {

// The contract's sums, level by level, as numerics.md words them.
float level_sums(std::vector<float> terms, size_t cut, bool lanes) {
  do {
    std::vector<float> partials;
    for (size_t start = 0; start < terms.size(); start += cut) {
      const size_t n = std::min(cut, terms.size() - start);
      std::vector<float> acc(terms.begin() + start, terms.begin() + start + (lanes ? std::min<size_t>(n, 32) : 1));
      for (size_t i = acc.size(); i < n; i++) acc[i % (lanes ? 32 : 1)] += terms[start + i];
      for (size_t half = 16; half > 0; half /= 2) {
        for (size_t j = 0; j + half < acc.size(); j++)
          if (j < half) acc[j] += acc[j + half];
        if (acc.size() > half) acc.resize(half);
      }
      partials.push_back(acc[0]);
    }
    terms = partials;
  } while (terms.size() > 1);
  return terms[0];
}

}  // namespace

void test_sums() {
  const size_t counts[] = {1, 2, 31, 32, 33, 63, 64, 1000, 1023, 1024, 1025, 2047, 3073, 32768, 32769, 40000, 1 << 20, (1 << 20) + 1, 1100000};
  for (size_t count : counts) {
    std::vector<float> in = numbers(count);
    if (count == 33) in.assign(count, -0.0f);
    const float block = level_sums(in, 1024, true);
    const float run = level_sums(in, 32, false);
    for (const Setting& s : SETTINGS) {
      if (count > 40000 && s.mode == 2 && s.seed == 2) continue;
      schedule(s.mode, s.seed);
      for (unsigned threads : {32u, 256u, 1024u}) {
        if (count > 40000 && threads != 256) continue;
        Buffer from(count * 4), to((2 * threads + 1) * 4);
        from.put(in);
        const long long n = static_cast<long long>(count);
        CHECK_IS(CUDA_SUCCESS, launch("test_block_sum", {1}, {threads}, 0, from.address, n, to.address));
        bool all = true;
        for (float v : to.get<float>(2 * threads)) all &= memcmp(&v, &block, 4) == 0;
        CHECK(all);
        CHECK_IS(CUDA_SUCCESS, launch("test_run_sum", {1}, {threads}, 0, from.address, n, to.address));
        all = true;
        for (float v : to.get<float>(threads + 1)) all &= memcmp(&v, &run, 4) == 0;
        CHECK(all);
      }
    }
  }
  schedule(0, 0);
  const std::vector<long long> k = {0, 1, 512, 16384, 16385, 32768, 32769, 1000000, 1ll << 40};
  const std::vector<long long> want = {512, 512, 512, 512, 1024, 1024, 1536, 512 * 62, 512 * (1ll << 26)};
  Buffer from(k.size() * 8), to(k.size() * 8);
  from.put(k);
  CHECK_IS(CUDA_SUCCESS, launch("test_chunk", {1}, {static_cast<unsigned>(k.size())}, 0, from.address, to.address));
  const std::vector<long long> got = to.get<long long>(k.size());
  for (size_t i = 0; i < k.size(); i++) CHECK_IS(want[i], got[i]);
}

void test_select() {
  const float nan = std::nanf(""), inf = INFINITY;
  const std::vector<float> v = {0.0f, -0.0f, 1.0f, -1.0f, inf, -inf, nan, 1e-45f, -1e-45f, 3.5f};
  const int n = static_cast<int>(v.size());
  Buffer from(v.size() * 4), up(v.size() * v.size() * 4), down(v.size() * v.size() * 4);
  from.put(v);
  CHECK_IS(CUDA_SUCCESS, launch("test_select", {1}, {static_cast<unsigned>(n)}, 0, from.address, n, up.address, down.address));
  const std::vector<float> most = up.get<float>(v.size() * v.size()), least = down.get<float>(v.size() * v.size());
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const float a = v[i], b = v[j], hi = most[i * n + j], lo = least[i * n + j];
      if (a != a || b != b) {
        CHECK(hi != hi && lo != lo);
        continue;
      }
      const bool less = a < b || (a == b && std::signbit(a) && !std::signbit(b));
      const float want_hi = less ? b : a, want_lo = less ? a : b;
      CHECK(memcmp(&hi, &want_hi, 4) == 0 && memcmp(&lo, &want_lo, 4) == 0);
    }
}
