package dev.selfsame.op;

import dev.selfsame.ClosedException;
import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.Conv2dVector;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot of a convolution's filters, arranged once as the kernels read them, for filters that
 * many {@link Conv2d#forward(Tensor, PackedFilters, Tensor, Activation, Conv2d.Geometry, Tensor)
 * forward} calls use: inference, and layers with much weight beside few pixels. Results have the
 * same bits as with the tensor.
 *
 * <p>It is a copy: what is written to the tensor afterwards does not reach it, on any device. After
 * an update, pack again; {@link #requireCurrent} tells whether that was forgotten. It holds the
 * filters twice where the device is a {@link Device.Vector}.
 */
public final class PackedFilters implements AutoCloseable {
  private static final String OP = "packed filters";

  private final Scope scope;
  private final boolean owner;
  private final int groups;
  private final Tensor weight;
  private final float @Nullable [] panels;

  private PackedFilters(Tensor w, int groups, Scope scope, boolean owner) {
    this.scope = scope;
    this.owner = owner;
    this.groups = groups;
    weight = w.to(scope, w.device());
    panels =
        w.device() instanceof Device.Vector v
            ? Conv2dVector.on(v.bits())
                .packFilters(
                    weight.memory(),
                    groups,
                    w.size(0) / groups,
                    w.size(1),
                    w.size(2),
                    w.size(3),
                    v.workers())
            : null;
  }

  /**
   * Packs filters; the caller closes them.
   *
   * @param w [K, C/groups, R, S]
   * @param groups of the convolution; divides K
   * @throws ShapeException if the shape doesn't fit
   */
  public static PackedFilters of(Tensor w, int groups) {
    check(w, groups);
    Scope scope = Scope.open();
    try {
      return new PackedFilters(w, groups, scope, true);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * Packs filters that a scope closes.
   *
   * @param scope their owner
   * @param w [K, C/groups, R, S]
   * @param groups of the convolution; divides K
   * @throws ShapeException if the shape doesn't fit
   */
  public static PackedFilters of(Scope scope, Tensor w, int groups) {
    check(w, groups);
    if (scope.isClosed()) {
      throw new ClosedException(OP + ": the scope is closed; filters can't be packed in it");
    }
    return new PackedFilters(w, groups, scope, false);
  }

  private static void check(Tensor w, int groups) {
    Check.input(OP, "w", w, w);
    Check.rank(OP, "w", w, 4, "[K, C/groups, R, S]");
    Check.notEmpty(OP, "w", w);
    if (groups < 1 || w.size(0) % groups != 0) {
      throw new ShapeException(
          OP + ": groups is " + groups + "; at least 1 that divides K of w " + w.shape());
    }
  }

  /** The device that they are for. */
  public Device device() {
    return weight.device();
  }

  /** Whether they, or the scope that owns them, were closed. */
  public boolean isClosed() {
    return scope.isClosed();
  }

  /** Releases the memory, unless a scope owns it. */
  @Override
  public void close() {
    if (owner) {
      scope.close();
    }
  }

  /**
   * Checks that a tensor still has the values that were packed; reads all of them.
   *
   * @throws ShapeException if the shape is another one
   * @throws IllegalStateException if a value's bits are others; the message names the first
   */
  public void requireCurrent(Tensor w) {
    Tensor packed = weight(w);
    Check.shape(OP, "w", w, packed.shape());
    try (Scope local = Scope.open()) {
      var now = w.to(local, Device.scalar()).memory();
      var then = packed.to(local, Device.scalar()).memory();
      long at = now.mismatch(then);
      if (at >= 0) {
        throw new IllegalStateException(
            OP
                + ": element "
                + at / DType.F32.bytes()
                + " of w "
                + w.shape()
                + " was changed after packing; pack the filters again");
      }
    }
  }

  /** The snapshot. */
  Tensor weight(Tensor destination) {
    if (isClosed()) {
      throw new ClosedException(OP + ": they were closed");
    }
    Check.input(OP, "the packed w", weight, destination);
    return weight;
  }

  int groups() {
    return groups;
  }

  /** As {@link Conv2dVector#packFilters} leaves them, where it packs. */
  float @Nullable [] panels() {
    return panels;
  }
}
