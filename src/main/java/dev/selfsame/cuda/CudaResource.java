package dev.selfsame.cuda;

/**
 * A stream, an event, a pinned buffer or a graph: it belongs to a context and ends with it at the
 * latest.
 */
public abstract sealed class CudaResource implements AutoCloseable
    permits Stream, Event, PinnedBuffer, CudaGraph {
  private final CudaContext owner;
  private final Primary primary;
  private final long handle;

  CudaResource(CudaContext owner, long handle) {
    this.owner = owner;
    this.primary = owner.primary();
    this.handle = handle;
  }

  /**
   * The driver's handle ({@code CUstream}, {@code CUevent}) or the host address.
   *
   * @return the handle
   */
  public final long handle() {
    return handle;
  }

  final Primary primary() {
    return primary;
  }

  /** The handle for a call; refused once closed. */
  final long open() {
    if (!owner.owns(this)) {
      throw CudaException.refused(
          "use", null, "the " + getClass().getSimpleName() + " is closed, or its context is");
    }
    return handle;
  }

  /** Gives the handle back to the driver, with the context current; a CUresult. */
  abstract int destroy(EntryPoints calls);

  /** Refuses to close what the context needs. */
  void checkUnused() {}

  /** Gives the resource back. Closing twice, or after the context, is no error. */
  @Override
  public final void close() {
    if (!primary.enterIfUsable()) {
      return;
    }
    try {
      if (owner.owns(this)) {
        primary.requireNoCapture("close of a " + getClass().getSimpleName());
        checkUnused();
      }
      if (owner.disown(this)) {
        primary.check(destroy(primary.calls), "closing a " + getClass().getSimpleName());
      }
    } finally {
      primary.exit();
    }
  }
}
