// What a thread, a barrier and a launch cost, roughly.
#include <ctime>

#include "harness.h"

namespace {

// In CPU time of the process, since test machines are shared.
double cpu_nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

void timings() {
  host_threads(1);
  const int n = 1 << 18;
  Buffer a(4ull * n), out(4096 * 4);
  for (int mode = 0; mode < 3; mode++) {
    schedule(mode, 1);
    double plain = 0, barriers = 0, few = 0, launches = 0;
    for (int round = 0; round < 2; round++) {
      const double t0 = cpu_nanoseconds();
      for (int i = 0; i < 32; i++) launch("test_add", {n / 256}, {256}, 0, a.address, a.address, a.address, n);
      const double t1 = cpu_nanoseconds();
      launch("test_many_barriers", {1}, {256}, 0, out.address, 5000);
      const double t2 = cpu_nanoseconds();
      launch("test_many_barriers", {1}, {32}, 0, out.address, 20000);
      const double t3 = cpu_nanoseconds();
      for (int i = 0; i < 1000; i++) launch("test_add", {1}, {1}, 0, a.address, a.address, a.address, 1);
      const double t4 = cpu_nanoseconds();
      plain = (t1 - t0) / (32.0 * n);
      barriers = (t2 - t1) / (256.0 * 10001);
      few = (t3 - t2) / (32.0 * 40001);
      launches = (t4 - t3) / 1e6;
    }
    printf("schedule %d, roughly: %.1f ns a thread without barrier; %.1f ns a thread and barrier in blocks of 256, "
           "%.1f of 32; %.1f us a launch\n", mode, plain, barriers, few, launches);
  }
  schedule(0, 0);
}
