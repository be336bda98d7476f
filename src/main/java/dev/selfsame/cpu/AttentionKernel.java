package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * What {@link AttentionHead} does with vectors beside products, for one width. A row is a panel's
 * queries: two vectors, {@link OutputTile#columns} numbers. Positions are in elements; memory is
 * native.
 */
interface AttentionKernel {
  /** x = x·c, and the maximum of each column. */
  void scaleAndMaximum(MemorySegment x, long at, int rows, float c, MemorySegment maxima);

  /** x = x·c − m of its column. */
  void subtract(MemorySegment x, long at, int rows, float c, MemorySegment m);

  /** sums += x, number by number. */
  void add(MemorySegment x, long at, MemorySegment sums, long sumsAt, int count);

  /** The 32 rows of lanes combined by halving: the sum is the first row. */
  void combine(MemorySegment lanes);

  /** x = x / l of its column, where l is 1 or more or NaN. */
  void divide(MemorySegment x, long at, int rows, MemorySegment l);

  /** sums = the chains Σ a·b over the rows. */
  void chains(MemorySegment a, MemorySegment b, int rows, MemorySegment sums);

  /** ds = p·(ds − e of its column). */
  void slopes(MemorySegment p, MemorySegment ds, long at, int rows, MemorySegment e);

  /** x = x·c. */
  void scale(MemorySegment x, int count, float c);

  /**
   * Takes terms into the chains of a tile that not all queries see: column i takes term j where i ≥
   * j − {@code first}.
   *
   * @param a term j of row r at {@code aAt + (j − from) * width + r}
   * @param width rows of the tile, 1 or more
   * @param b term j of column i at {@code bAt + (j − from) * columns + i}
   * @param from first term, no less than {@code first}
   * @param to end of the terms, at most {@code first + columns}
   * @param first the query in column 0
   * @param chains row r, column i at {@code at + r * columns + i}
   */
  void someColumns(
      float[] a,
      int aAt,
      int width,
      MemorySegment b,
      long bAt,
      int from,
      int to,
      int first,
      MemorySegment chains,
      long at);

  /** Puts the value in the columns i < {@code first} + r of each row r; first is 0 or more. */
  void hide(MemorySegment x, long at, int rows, int first, float value);

  /** Adds chains to totals in the columns i ≥ {@code first}. */
  void addSomeColumns(MemorySegment chains, MemorySegment totals, int rows, int first);

  /**
   * Takes terms into the chains of a tile that not all rows take: row r takes term t where t ≥ r +
   * {@code first}.
   *
   * @param a term t of row r at {@code t * width + r}
   * @param width rows of the tile in a
   * @param rows of them that are wanted
   * @param b term t of column i at {@code bAt + t * columns + i}
   * @param to end of the terms
   * @param chains row r, column i at {@code at + r * columns + i}
   */
  void someRows(
      float[] a,
      int width,
      int rows,
      MemorySegment b,
      long bAt,
      int first,
      int to,
      MemorySegment chains,
      long at);
}
