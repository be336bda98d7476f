package dev.selfsame;

import java.lang.foreign.Arena;
import java.lang.ref.Cleaner;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Lifetime of tensors: all tensors made in a scope are closed with it.
 *
 * <pre>{@code
 * try (Scope scope = Scope.open()) {
 *   Tensor x = Tensor.zeros(scope, Device.vector(), 64, 784);
 * } // x is closed here
 * }</pre>
 *
 * <p>A scope may be used by several threads, but closing it while a kernel still works on its
 * tensors is an error of the caller. With {@code -Dselfsame.leaks=true} a scope that becomes
 * unreachable while open is reported on the system logger with the place where it was opened and,
 * as suppressed exceptions, the places where its open tensors were made.
 */
public final class Scope implements AutoCloseable {
  private static final boolean TRACK_LEAKS = Boolean.getBoolean("selfsame.leaks");

  /** Hears of leaks; tests listen here, too. */
  static volatile BiConsumer<String, Throwable> leakListener =
      (message, site) ->
          System.getLogger("dev.selfsame.leaks").log(System.Logger.Level.WARNING, message, site);

  private static final Cleaner CLEANER = Cleaner.create();

  private final Set<Storage> storages = new LinkedHashSet<>();
  private final @Nullable LeakReport leak;
  private @Nullable Arena arena;
  private boolean closed;

  private Scope(boolean trackLeaks) {
    if (trackLeaks) {
      leak = new LeakReport(new Throwable("opened here"));
      CLEANER.register(this, leak);
    } else {
      leak = null;
    }
  }

  /** Opens a scope; close it with try-with-resources. */
  public static Scope open() {
    return open(TRACK_LEAKS);
  }

  static Scope open(boolean trackLeaks) {
    return new Scope(trackLeaks);
  }

  /** Whether {@link #close} was called. */
  public synchronized boolean isClosed() {
    return closed;
  }

  /** Bytes that the open tensors of this scope own; views and wrapped memory count nothing. */
  public synchronized long liveBytes() {
    return storages.stream().mapToLong(Storage::ownedBytes).sum();
  }

  /**
   * Hands a tensor and its views to another scope, which then closes them.
   *
   * @throws ClosedException if either scope is closed or the tensor is not this scope's
   */
  public void move(Tensor tensor, Scope to) {
    Storage storage = tensor.storage();
    if (to == this && storage.scope() == this) {
      return;
    }
    synchronized (this) {
      if (storage.scope() != this || !storages.contains(storage)) {
        throw new ClosedException(
            "tensor " + tensor + " belongs to another scope; only its owner can move it");
      }
      if (storage.exported()) {
        throw new ClosedException(
            "tensor "
                + tensor
                + " can't move: its memory was handed out with this scope's lifetime");
      }
    }
    to.add(storage);
    remove(storage);
    storage.moved(to);
  }

  /** Closes every tensor of this scope. A second call does nothing. */
  @Override
  public void close() {
    Storage[] all;
    Arena handedOut;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      if (leak != null) {
        leak.closed = true;
      }
      all = storages.toArray(Storage[]::new);
      storages.clear();
      handedOut = arena;
    }
    // Handed-out segments die before their memory can be reused.
    if (handedOut != null) {
      handedOut.close();
    }
    RuntimeException failure = null;
    for (int i = all.length - 1; i >= 0; i--) {
      try {
        all[i].release();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  synchronized void add(Storage storage) {
    if (closed) {
      throw new ClosedException("the scope is closed; a tensor can't be made in it");
    }
    storages.add(storage);
    if (leak != null) {
      leak.sites.put(storage.key(), new Throwable("a tensor was made or moved here"));
    }
  }

  synchronized void remove(Storage storage) {
    storages.remove(storage);
    if (leak != null) {
      leak.sites.remove(storage.key());
    }
  }

  /** Lifetime of segments that leave the library; made on first use. */
  synchronized Arena arena() {
    if (closed) {
      throw new ClosedException("the scope is closed; its memory can't be handed out");
    }
    Arena a = arena;
    if (a == null) {
      a = Arena.ofShared();
      arena = a;
    }
    return a;
  }

  /**
   * Reports a scope that was dropped while open. Holds no reference to the scope itself, nor to its
   * storages, which refer to the scope: with one, no scope would ever be unreachable.
   */
  private static final class LeakReport implements Runnable {
    private static final int MOST_SITES = 8;

    private final Throwable site;
    private final Map<Object, Throwable> sites = Collections.synchronizedMap(new LinkedHashMap<>());
    private volatile boolean closed;

    LeakReport(Throwable site) {
      this.site = site;
    }

    @Override
    public void run() {
      if (!closed) {
        sites.values().stream().limit(MOST_SITES).forEach(site::addSuppressed);
        leakListener.accept(
            "a scope with " + sites.size() + " open tensors was never closed", site);
      }
    }
  }
}
