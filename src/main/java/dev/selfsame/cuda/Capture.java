package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What captured work needs as long as it may be replayed: the blocks of device memory that it uses,
 * host memory that it copies from, and checks that must hold before each replay.
 *
 * <p>A block that captured work frees is used again by later work of the same capture, in stream
 * order, and by nobody else: replays find their temporaries at the same addresses. The caller holds
 * the context's write lock during the capture.
 */
final class Capture {
  /** A stream that is not captured: fresh blocks are allocated in its order. */
  final long sideStream;

  private final Map<Long, Long> sizes = new HashMap<>();
  private final TreeMap<Long, Deque<Long>> idle = new TreeMap<>();
  private final List<Long> pinned = new ArrayList<>();
  private final Map<Object, Runnable> checks = new LinkedHashMap<>();
  private final Set<PinnedBuffer> sources = new HashSet<>();

  Capture(long sideStream) {
    this.sideStream = sideStream;
  }

  /** An idle block of at least {@code bytes}, at most twice that; 0 if there is none. */
  synchronized long reuse(long bytes) {
    Map.Entry<Long, Deque<Long>> fit = idle.ceilingEntry(bytes);
    if (fit == null || fit.getKey() / 2 > bytes) {
      return 0;
    }
    long address = fit.getValue().pop();
    if (fit.getValue().isEmpty()) {
      idle.remove(fit.getKey());
    }
    return address;
  }

  /** Size 0: from before the capture, never used again by it. */
  synchronized void own(long address, long bytes) {
    sizes.put(address, bytes);
  }

  synchronized void giveBack(long address) {
    long bytes = sizes.getOrDefault(address, 0L);
    if (bytes > 0) {
      idle.computeIfAbsent(bytes, _ -> new ArrayDeque<>()).push(address);
    }
  }

  synchronized List<Long> blocks() {
    return List.copyOf(sizes.keySet());
  }

  /** A copy of host memory that lasts as long as the capture's graph. */
  MemorySegment keep(Primary context, MemorySegment source) {
    CallBlock block = CallBlock.local();
    context.check(context.calls.cuMemHostAlloc(block.out, source.byteSize(), 0), "cuMemHostAlloc");
    long address = block.out.get(JAVA_LONG, 0);
    pinned.add(address);
    return MemorySegment.ofAddress(address).reinterpret(source.byteSize()).copyFrom(source);
  }

  /** The caller's buffer is read at each replay, so it is kept open. */
  void use(PinnedBuffer source) {
    if (sources.add(source)) {
      source.used(1);
    }
  }

  void check(Object same, Runnable check) {
    checks.putIfAbsent(same, check);
  }

  void runChecks() {
    checks.values().forEach(Runnable::run);
  }

  /** Gives all memory back, once no replay runs; returns the first result that is not success. */
  int release(EntryPoints calls, DeviceMemory memory, long stream) {
    int first = memory.release(this, stream);
    for (long address : pinned) {
      first = DeviceMemory.first(first, calls.cuMemFreeHost(address));
    }
    pinned.clear();
    sources.forEach(s -> s.used(-1));
    sources.clear();
    return first;
  }
}
