package dev.selfsame.data;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.SelfsameException;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * A long text cut into parallel streams that are read together, piece by piece: what truncated
 * backpropagation through time needs (Williams &amp; Peng 1990). Stream b of B has the tokens from
 * b·L on, with L = ⌊(n − 1) / B⌋; a piece is T consecutive tokens of every stream, each with the
 * one that follows it as target. The next piece goes on where this one ends, so a model's states
 * may be carried over; {@link #starts} says where they must not.
 */
public final class TextStreams {
  private final int[] tokens;
  private final int streams;
  private final int steps;
  private final int length;
  private final boolean whole;

  private TextStreams(int[] tokens, int streams, int steps, boolean whole) {
    length = streams < 1 ? 0 : (tokens.length - 1) / streams;
    if (steps < 1 || length < (whole ? 1 : steps)) {
      throw new SelfsameException(
          "%d streams of %d steps from a text of %d tokens; at least 1 of each, and %s"
              .formatted(
                  streams,
                  steps,
                  tokens.length,
                  whole
                      ? "more tokens than streams, are needed"
                      : "streams · steps + 1 tokens, are needed"));
    }
    this.tokens = tokens;
    this.streams = streams;
    this.steps = steps;
    this.whole = whole;
  }

  /** For training: pieces of T = {@code steps} only; what is left over of a stream is left out. */
  public static TextStreams training(int[] tokens, int streams, int steps) {
    return new TextStreams(tokens, streams, steps, false);
  }

  /** For evaluation: the streams to their ends; the last piece may be shorter. */
  public static TextStreams evaluation(int[] tokens, int streams, int steps) {
    return new TextStreams(tokens, streams, steps, true);
  }

  /** Pieces in an epoch. */
  public long perEpoch() {
    return whole ? Math.ceilDiv(length, steps) : length / steps;
  }

  /** Tokens that an epoch predicts. */
  public long predicted() {
    return streams * (whole ? length : perEpoch() * steps);
  }

  /** How many streams there are. */
  public int streams() {
    return streams;
  }

  /** Steps of a piece. */
  public int steps(long piece) {
    return Math.min(steps, length - first(piece));
  }

  /** Whether the streams begin with this piece: nothing may be carried into it. */
  public boolean starts(long piece) {
    return first(piece) == 0;
  }

  private int first(long piece) {
    if (piece < 0) {
      throw new SelfsameException("piece is " + piece + "; expected 0 or more");
    }
    return (int) (piece % perEpoch()) * steps;
  }

  /**
   * Writes a piece, step by step: row t·B + b is step t of stream b.
   *
   * @param piece number, from 0; epochs follow one another
   * @param inputs INT32 [steps(piece) · B], the tokens
   * @param targets INT32 likewise, those that follow
   */
  public void fill(long piece, Tensor inputs, Tensor targets) {
    int rows = steps(piece) * streams;
    requireRows("inputs", inputs, rows);
    requireRows("targets", targets, rows);
    int first = first(piece);
    int[] in = new int[rows];
    int[] next = new int[rows];
    for (int row = 0; row < rows; row++) {
      int at = row % streams * length + first + row / streams;
      in[row] = tokens[at];
      next[row] = tokens[at + 1];
    }
    inputs.copyFrom(MemorySegment.ofArray(in));
    targets.copyFrom(MemorySegment.ofArray(next));
  }

  private static void requireRows(String name, Tensor tensor, int rows) {
    if (tensor.dtype() != DType.I32) {
      throw new DTypeException("%s is %s; INT32 is needed".formatted(name, tensor.dtype()));
    }
    if (tensor.elements() != rows) {
      throw new ShapeException(
          "%s has shape %s; the piece has %d tokens".formatted(name, tensor.shape(), rows));
    }
  }
}
