// Spreads a launch's blocks over host threads, and turns what goes wrong in a kernel into a Fault.
#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <thread>

#include "host.h"

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

namespace softcuda {

namespace {

struct Grid {
  const Launch* launch = nullptr;
  const Options* options = nullptr;
  uint64_t blocks = 0;
  uint64_t seed = 0;
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};

  uint64_t block_at(uint64_t position) const {
    switch (options->schedule) {
      case DESCENDING: return blocks - 1 - position;
      case SHUFFLED: return permute(position, blocks, seed);
      default: return position;
    }
  }
};

void run_share(Host& host, Grid& grid) {
  current_host = &host;
  begin_alternate_stack(host);
#ifdef __x86_64__
  const unsigned control = _mm_getcsr();
  _mm_setcsr(0x1f80);  // round to nearest, subnormals kept, whatever the caller's thread had set
#endif
  if (sigsetjmp(host.jump, 1) == 0) {
    host.prepare(*grid.launch, *grid.options);
    while (!grid.failed.load(std::memory_order_relaxed)) {
      const uint64_t position = grid.next.fetch_add(1, std::memory_order_relaxed);
      if (position >= grid.blocks) break;
      host.run_block(grid.block_at(position));
    }
  } else {
    host.running = false;
    grid.failed = true;
    host.fault = describe_fault(host);
    host.after_fault();
  }
#ifdef __x86_64__
  _mm_setcsr(control);
#endif
  end_alternate_stack();
  current_host = nullptr;
}

// Host threads beside the caller's; they live as long as the process.
struct Team {
  std::mutex lock;
  std::condition_variable start, done;
  std::vector<std::unique_ptr<Host>> hosts;
  size_t workers = 0;
  uint64_t round = 0;
  size_t wanted = 0, left = 0;
  Grid* grid = nullptr;

  void work(size_t index) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> hold(lock);
    for (;;) {
      start.wait(hold, [&] { return round != seen; });
      seen = round;
      if (index > wanted) continue;
      Host& host = *hosts[index];
      Grid& share = *grid;
      hold.unlock();
      run_share(host, share);
      hold.lock();
      if (--left == 0) done.notify_all();
    }
  }

  void grow(size_t count) {
    while (hosts.size() <= count) hosts.push_back(std::make_unique<Host>());
    if (workers >= count) return;
    sigset_t all, before;
    sigfillset(&all);
    for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&all, s);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // the process's signals are not for these threads
    while (workers < count) {
      const size_t index = ++workers;
      std::thread([this, index] { work(index); }).detach();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
};

Team& team() {
  static Team* const team = new Team;  // never destroyed: its threads outlive exit handlers
  return *team;
}

}  // namespace

Fault run_grid(const Launch& launch, const Options& options) {
  Grid grid;
  grid.launch = &launch;
  grid.options = &options;
  grid.blocks = static_cast<uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
  grid.seed = mix(options.seed ^ mix(launch.serial));
  Team& t = team();
  const size_t helpers =
      static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(options.host_threads), grid.blocks)) - 1;
  {
    std::lock_guard<std::mutex> hold(t.lock);
    t.grow(helpers);
  }
  install_handlers();
  if (helpers > 0) {
    std::lock_guard<std::mutex> hold(t.lock);
    t.grid = &grid;
    t.wanted = t.left = helpers;
    t.round++;
    t.start.notify_all();
  }
  run_share(*t.hosts[0], grid);
  if (helpers > 0) {
    std::unique_lock<std::mutex> hold(t.lock);
    t.done.wait(hold, [&] { return t.left == 0; });
  }
  restore_handlers();
  for (size_t i = 0; i <= helpers; i++)
    if (t.hosts[i]->fault.code != CUDA_SUCCESS) return t.hosts[i]->fault;
  return Fault{};
}

}  // namespace softcuda
