package dev.selfsame.cuda;

/** A CUDA stream of a context: work in it runs in order, beside that of other streams. */
public final class Stream extends CudaResource {
  Stream(CudaContext context, long handle) {
    super(context, handle);
  }

  /** Waits until all work queued in this stream is done. */
  public void synchronize() {
    primary().requireNoCapture("Stream.synchronize");
    primary().call("cuStreamSynchronize", calls -> calls.cuStreamSynchronize(open()));
  }

  /**
   * Lets work that is queued from now on wait for an event.
   *
   * @param event a recorded event
   */
  public void await(Event event) {
    primary().requireNoCapture("Stream.await");
    primary().call("cuStreamWaitEvent", calls -> calls.cuStreamWaitEvent(open(), event.open(), 0));
  }

  /** The driver does not check that a stream still exists: work in it would crash. */
  @Override
  void checkUnused() {
    if (primary().stream == handle()) {
      throw CudaException.refused(
          "close", null, "the stream is the one that its context uses; call useOwnStream first");
    }
  }

  @Override
  int destroy(EntryPoints calls) {
    return calls.cuStreamDestroy(handle());
  }
}
