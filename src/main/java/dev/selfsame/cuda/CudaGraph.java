package dev.selfsame.cuda;

import java.lang.foreign.MemorySegment;

/**
 * Work that was captured once and is replayed by one call: {@link CudaContext#capture}.
 *
 * <p>A replay does what the captured calls did, with the same device addresses and the same host
 * values (a learning rate, the position of a random stream): what is to differ must lie in device
 * memory and be copied there before the replay, or be copied by the graph from a pinned buffer.
 * Memory that the work allocated stays the graph's until it is closed; a tensor made in the capture
 * may be read after a replay, and holds the values of the last one.
 */
public final class CudaGraph extends CudaResource {
  private static final int RELAXED = 2; // CU_STREAM_CAPTURE_MODE_RELAXED

  private final CudaContext context;
  private final DeviceMemory memory;
  private final Capture capture;
  private final long graph;
  private final long nodes;

  private CudaGraph(
      CudaContext context,
      DeviceMemory memory,
      Capture capture,
      long graph,
      long exec,
      long nodes) {
    super(context, exec);
    this.context = context;
    this.memory = memory;
    this.capture = capture;
    this.graph = graph;
    this.nodes = nodes;
  }

  /** Captures with the write lock held and the context current. */
  static CudaGraph capture(CudaContext context, DeviceMemory memory, Runnable work) {
    Primary primary = context.primary();
    primary.requireNoCapture("capture");
    EntryPoints calls = primary.calls;
    CallBlock block = CallBlock.local();
    primary.check(calls.cuStreamCreate(block.out, CudaContext.NON_BLOCKING), "cuStreamCreate");
    Capture capture = new Capture(block.outLong());
    int released = Result.SUCCESS;
    try {
      long graph = record(primary, capture, work);
      try {
        // What the side stream allocated is there before the first replay.
        primary.check(calls.cuStreamSynchronize(capture.sideStream), "capture");
        primary.check(
            calls.cuGraphGetNodes(graph, MemorySegment.NULL, block.out), "cuGraphGetNodes");
        long nodes = block.outLong();
        primary.check(calls.cuGraphInstantiate(block.out, graph, 0), "cuGraphInstantiate");
        return new CudaGraph(context, memory, capture, graph, block.outLong(), nodes);
      } catch (RuntimeException | Error e) {
        released = calls.cuGraphDestroy(graph);
        throw e;
      }
    } catch (RuntimeException | Error e) {
      released = DeviceMemory.first(released, calls.cuStreamSynchronize(capture.sideStream));
      released = DeviceMemory.first(released, capture.release(calls, memory, capture.sideStream));
      if (released != Result.SUCCESS) {
        e.addSuppressed(primary.failed(released, "capture", null, "giving up a capture"));
      }
      throw e;
    } finally {
      int unused = calls.cuStreamDestroy(capture.sideStream);
    }
  }

  private static long record(Primary primary, Capture capture, Runnable work) {
    EntryPoints calls = primary.calls;
    primary.check(calls.cuStreamBeginCapture(primary.stream, RELAXED), "cuStreamBeginCapture");
    primary.capture = capture;
    boolean done = false;
    try {
      work.run();
      done = true;
    } finally {
      primary.capture = null;
      CallBlock block = CallBlock.local();
      int result = calls.cuStreamEndCapture(primary.stream, block.out);
      if (!done && result == Result.SUCCESS) { // the exception is on its way
        int unused = calls.cuGraphDestroy(block.outLong());
      } else if (done) {
        primary.check(result, "cuStreamEndCapture");
      }
    }
    return CallBlock.local().outLong();
  }

  /**
   * The number of launches, copies and fills in the graph.
   *
   * @return at least 0
   */
  public long nodes() {
    return nodes;
  }

  /**
   * Queues a replay in the context's stream, after the checks of indices and labels that the
   * captured operations make: those wait for the device, as in operations that run at once.
   *
   * @throws CudaException if the driver refuses, or a captured kernel failed on a device that shows
   *     it at once
   */
  public void launch() {
    primary().requireNoCapture("CudaGraph.launch");
    open();
    capture.runChecks();
    primary().enter();
    try {
      context.useSchedule();
      int result = primary().calls.cuGraphLaunch(open(), primary().stream);
      if (result != Result.SUCCESS) {
        throw primary()
            .failed(result, "cuGraphLaunch", null, "replaying a graph of " + nodes + " nodes");
      }
    } finally {
      primary().exit();
    }
  }

  @Override
  int destroy(EntryPoints calls) {
    int first = calls.cuStreamSynchronize(primary().stream);
    first = DeviceMemory.first(first, calls.cuGraphExecDestroy(handle()));
    first = DeviceMemory.first(first, calls.cuGraphDestroy(graph));
    return DeviceMemory.first(first, capture.release(calls, memory, primary().stream));
  }
}
