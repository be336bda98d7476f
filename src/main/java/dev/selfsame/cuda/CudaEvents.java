package dev.selfsame.cuda;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Flight recorder events. The module jdk.jfr is optional: without it, nothing here is loaded. */
final class CudaEvents {
  static final boolean AVAILABLE = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  @Name("dev.selfsame.cuda.Launch")
  @Label("CUDA kernel launch")
  @Category({"Selfsame", "CUDA"})
  @StackTrace(false)
  static final class LaunchEvent extends Event {
    @Label("Kernel")
    String kernel = "";

    @Label("Grid X")
    long gridX;

    @Label("Grid Y")
    long gridY;

    @Label("Grid Z")
    long gridZ;

    @Label("Threads a block")
    int threads;

    @Label("Shared memory")
    @DataAmount
    int shared;
  }

  @Name("dev.selfsame.cuda.Copy")
  @Label("CUDA copy")
  @Category({"Selfsame", "CUDA"})
  @StackTrace(false)
  static final class CopyEvent extends Event {
    @Label("Direction")
    String direction = "";

    @Label("Bytes")
    @DataAmount
    long bytes;
  }

  @Name("dev.selfsame.cuda.Allocation")
  @Label("CUDA allocation")
  @Category({"Selfsame", "CUDA"})
  @StackTrace(false)
  static final class AllocationEvent extends Event {
    @Label("Bytes")
    @DataAmount
    long bytes;

    @Label("Live bytes")
    @DataAmount
    long live;
  }

  static void allocated(long bytes, long live) {
    if (AVAILABLE) {
      AllocationEvent event = new AllocationEvent();
      if (event.shouldCommit()) {
        event.bytes = bytes;
        event.live = live;
        event.commit();
      }
    }
  }

  static void copying(String direction, long bytes, Runnable copy) {
    if (!AVAILABLE) {
      copy.run();
      return;
    }
    CopyEvent event = new CopyEvent();
    event.begin();
    copy.run();
    event.end();
    if (event.shouldCommit()) {
      event.direction = direction;
      event.bytes = bytes;
      event.commit();
    }
  }

  static void launched(Launch launch) {
    if (AVAILABLE) {
      LaunchEvent event = new LaunchEvent();
      if (event.shouldCommit()) {
        event.kernel = launch.kernel().symbol();
        event.gridX = launch.gridX();
        event.gridY = launch.gridY();
        event.gridZ = launch.gridZ();
        event.threads = launch.blockX() * launch.blockY() * launch.blockZ();
        event.shared = launch.sharedBytes();
        event.commit();
      }
    }
  }

  private CudaEvents() {}
}
