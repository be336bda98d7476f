package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

/** A point in a stream, with a time stamp of the device. */
public final class Event extends CudaResource {
  static final int TIMING = 0;
  static final int NO_TIMING = 2; // CU_EVENT_DISABLE_TIMING

  Event(CudaContext context, long handle) {
    super(context, handle);
  }

  /** Records this point in the context's stream. */
  public void record() {
    record(primary().stream);
  }

  /**
   * Records this point in a stream.
   *
   * @param stream the stream's handle ({@code CUstream})
   */
  public void record(long stream) {
    primary().requireNoCapture("Event.record");
    primary().call("cuEventRecord", calls -> calls.cuEventRecord(open(), stream));
  }

  /** Waits until the recorded point is reached. */
  public void synchronize() {
    primary().requireNoCapture("Event.synchronize");
    primary().call("cuEventSynchronize", calls -> calls.cuEventSynchronize(open()));
  }

  /**
   * The device's time between two recorded points; waits for this one.
   *
   * @param start the earlier event
   * @return milliseconds
   */
  public double millisecondsSince(Event start) {
    synchronize();
    CallBlock block = CallBlock.local();
    primary()
        .call(
            "cuEventElapsedTime",
            calls -> calls.cuEventElapsedTime(block.out, start.open(), open()));
    return block.out.get(JAVA_FLOAT, 0);
  }

  @Override
  int destroy(EntryPoints calls) {
    return calls.cuEventDestroy(handle());
  }
}
