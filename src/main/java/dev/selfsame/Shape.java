package dev.selfsame;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Sizes of a tensor's axes, outermost first; memory is row-major and dense.
 *
 * <p>An axis may be 0 (an empty tensor: no updates, no rows); operations that need at least one
 * element say so themselves. The element count always fits in a {@code long} with four bytes an
 * element.
 */
public final class Shape {
  private final long[] sizes;
  private final long elements;

  private Shape(long[] sizes) {
    // Of the sizes that are not 0: so the elements of a row can be counted, too.
    long count = 1;
    boolean empty = false;
    for (int axis = 0; axis < sizes.length; axis++) {
      if (sizes[axis] < 0) {
        throw new ShapeException(
            "size of axis "
                + axis
                + " is "
                + sizes[axis]
                + " in "
                + text(sizes)
                + "; sizes are >= 0");
      }
      if (sizes[axis] != 0 && count > Long.MAX_VALUE / 4 / sizes[axis]) {
        throw new ShapeException(
            "shape " + text(sizes) + " has more elements than a 64-bit byte size can count");
      }
      if (sizes[axis] == 0) {
        empty = true;
      } else {
        count *= sizes[axis];
      }
    }
    this.sizes = sizes;
    this.elements = empty ? 0 : count;
  }

  /**
   * A shape of the given sizes; none for a single value of rank 0.
   *
   * @throws ShapeException if a size is negative or the byte size overflows
   */
  public static Shape of(long... sizes) {
    return new Shape(sizes.clone());
  }

  /** Number of axes. */
  public int rank() {
    return sizes.length;
  }

  /**
   * Size of an axis; negative axes count from the last one.
   *
   * @throws ShapeException if there is no such axis
   */
  public long size(int axis) {
    int at = axis < 0 ? axis + sizes.length : axis;
    if (at < 0 || at >= sizes.length) {
      throw new ShapeException(
          "axis " + axis + " of shape " + this + "; it has " + sizes.length + " axes");
    }
    return sizes[at];
  }

  /** Number of elements: the product of the sizes. */
  public long elements() {
    return elements;
  }

  /** Whether these are the sizes: {@code equals(Shape.of(sizes))} without an object. */
  public boolean is(long... sizes) {
    return Arrays.equals(this.sizes, sizes);
  }

  /** A copy of the sizes. */
  public long[] sizes() {
    return sizes.clone();
  }

  /** Elements in one step of the outermost axis: the product of all sizes but the first. */
  public long rowElements() {
    long count = 1;
    for (int axis = 1; axis < sizes.length; axis++) {
      count *= sizes[axis];
    }
    return count;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape that && Arrays.equals(sizes, that.sizes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sizes);
  }

  /** The sizes in brackets, such as {@code [64, 1, 28, 28]}. */
  @Override
  public String toString() {
    return text(sizes);
  }

  private static String text(long[] sizes) {
    return Arrays.stream(sizes)
        .mapToObj(Long::toString)
        .collect(Collectors.joining(", ", "[", "]"));
  }
}
