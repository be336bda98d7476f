package dev.selfsame.cpu;

import static dev.selfsame.contract.Contract.BLOCK;
import static dev.selfsame.contract.Contract.LANES;
import static dev.selfsame.cpu.OutputTile.DEPTH;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.AttentionVector.Rows;
import dev.selfsame.cpu.AttentionVector.Sizes;
import java.lang.foreign.MemorySegment;

/**
 * One head of one sequence at a time: its packed operands, and the work on panels of queries. An
 * object belongs to a thread.
 *
 * <p>A panel's scores [keys, W] and all that is [D, W] have a column for each of W queries; columns
 * that only fill a panel up hold anything. Where causal queries of a panel see different keys, the
 * keys that all see go through full tiles and the rest, fewer than W, through {@link
 * AttentionKernel#someColumns}.
 */
final class AttentionHead {
  private final OutputTile tiles;
  private final GemmEnds ends;
  private final PanelPack pack;
  private final AttentionKernel vectors;
  private final ElementaryKernel exact;
  private final AttentionKeySums sums;
  private final int width;
  private final int most;

  // One row or one tile each, or a [D, W].
  private final MemorySegment maxima;
  private final MemorySegment divisors;
  private final MemorySegment lanes;

  // −0 for all lanes.
  private final MemorySegment absent;

  private final AttentionScratch partials = new AttentionScratch();
  private final AttentionScratch query = new AttentionScratch();
  private final AttentionScratch slope = new AttentionScratch();
  private final AttentionScratch outputs = new AttentionScratch();
  private final AttentionScratch chains = new AttentionScratch();
  private final AttentionScratch turned = new AttentionScratch();

  // Of all keys: tiles of rows for scores, tiles of columns for sums over keys.
  private final AttentionScratch keyRows = new AttentionScratch();
  private final AttentionScratch valueRows = new AttentionScratch();
  private final AttentionScratch columns = new AttentionScratch();

  // Of the panels in work.
  private final AttentionScratch scores = new AttentionScratch();
  private final AttentionScratch slopes = new AttentionScratch();

  private Sizes s = new Sizes(1, 1, 1, 1, 1, false, 1f);
  private int b;
  private int h;
  private int length;
  private int chunk;

  AttentionHead(int bits) {
    tiles = OutputTile.on(bits);
    ends = Lanes.kernel(GemmPanels.class, GemmEnds.class, bits);
    pack = PanelPack.on(bits);
    vectors = Lanes.kernel(AttentionPanels.class, AttentionKernel.class, bits);
    exact = VectorMath.on(bits);
    width = tiles.columns();
    most = tiles.rows();
    sums = new AttentionKeySums(tiles, ends, pack, vectors);
    maxima = new AttentionScratch().memory(width);
    divisors = new AttentionScratch().memory(width);
    lanes = new AttentionScratch().memory((long) LANES * width);
    absent = filled(LANES * width, -0f);
  }

  private static MemorySegment filled(int floats, float value) {
    MemorySegment memory = new AttentionScratch().memory(floats);
    for (int i = 0; i < floats; i++) {
      memory.setAtIndex(JAVA_FLOAT_UNALIGNED, i, value);
    }
    return memory;
  }

  /** Turns to head {@code head} of all heads of all sequences. */
  AttentionHead begin(Sizes sizes, int[] lengths, int head) {
    s = sizes;
    b = head / s.heads();
    h = head % s.heads();
    length = lengths[b];
    chunk = (int) Contract.chunk(s.keys());
    return this;
  }

  // ---- forward

  void forward(int from, int to, Rows q, Rows k, Rows v, Rows out, MemorySegment statistics) {
    int keys = s.seen(length, to);
    float[] kt = packRows(k, keys, keyRows);
    float[] vt = packColumns(v, keys);
    MemorySegment p = scores.memory((long) (keys + most) * width);
    MemorySegment o = outputs.memory((long) (s.dim() + most) * width);
    for (int i = from; i < to; i += width) {
      int count = Math.min(width, to - i);
      int full = s.seen(length, i + 1);
      int n = s.seen(length, i + count);
      product(kt, keys, n, turn(q, i, count, query), p, 0);
      softmax(p, i, full, n);
      long row = ((long) b * s.heads() + h) * s.queries() + i;
      long all = (long) s.batch() * s.heads() * s.queries();
      copy(maxima, 0, statistics, row, count);
      copy(divisors, 0, statistics, all + row, count);
      contract(vt, keys, p, 0, i, full, n, o);
      turnBack(o, out, i, count);
    }
  }

  /**
   * p = softmax of each column, its maxima and divisors. Scores of keys that a query does not see
   * take no part: −∞ is no maximum, and 0 adds nothing. What they are otherwise does not matter, so
   * it is what exp and division are quick with.
   */
  private void softmax(MemorySegment p, int i, int full, int n) {
    hide(p, i, full, 0, n, Float.NEGATIVE_INFINITY);
    vectors.scaleAndMaximum(p, 0, n, s.c(), maxima);
    int blocks = Math.ceilDiv(n, BLOCK);
    MemorySegment ofBlocks = partials.memory((long) blocks * width);
    for (int block = 0; block < blocks; block++) {
      fillLanes();
      int end = Math.min(n, (block + 1) * BLOCK);
      for (int j = block * BLOCK; j < end; j += LANES) {
        int rows = Math.min(LANES, end - j);
        long at = (long) j * width;
        vectors.subtract(p, at, rows, 1f, maxima);
        hide(p, i, full, j, j + rows, 0f);
        exact.exp(p, at, p, at, (long) rows * width);
        hide(p, i, full, j, j + rows, 0f);
        vectors.add(p, at, lanes, 0, rows * width);
      }
      vectors.combine(lanes);
      copy(lanes, 0, ofBlocks, (long) block * width, width);
    }
    if (blocks > 1) {
      fillLanes();
      for (int j = 0; j < blocks; j += LANES) {
        int rows = Math.min(LANES, blocks - j);
        vectors.add(ofBlocks, (long) j * width, lanes, 0, rows * width);
      }
      vectors.combine(lanes);
    }
    copy(lanes, 0, divisors, 0, width);
    hide(p, i, full, 0, n, 1f);
    vectors.divide(p, 0, n, divisors);
  }

  /** Adding a term to −0 leaves the term's bits, so lanes without an element take no part. */
  private void fillLanes() {
    copy(absent, 0, lanes, 0, LANES * width);
  }

  /** Puts a value in place of the scores, of keys from … to − 1, that a query does not see. */
  private void hide(MemorySegment p, int i, int full, int from, int to, float value) {
    int j = Math.max(from, full);
    if (j < to) {
      vectors.hide(p, (long) j * width, to - j, j - i, value);
    }
  }

  // ---- backward

  void gradient(
      Rows dout,
      Rows q,
      Rows k,
      Rows v,
      Rows out,
      MemorySegment statistics,
      Rows dq,
      Rows dk,
      Rows dv) {
    int keys = s.seen(length, s.queries());
    float[] kt = packRows(k, keys, keyRows);
    float[] vt = packRows(v, keys, valueRows);
    float[] kc = packColumns(k, keys);
    long panel = (long) (keys + most) * width;
    int group = sums.begin(s, b, h, keys);
    MemorySegment p = scores.memory(panel * (group / width));
    MemorySegment ds = slopes.memory(panel * (group / width));
    MemorySegment o = outputs.memory((long) (s.dim() + most) * width);
    long all = (long) s.batch() * s.heads() * s.queries();
    for (int first = 0; first < s.queries(); first += group) {
      int end = Math.min(first + group, s.queries());
      for (int i = first; i < end; i += width) {
        int count = Math.min(width, end - i);
        int full = s.seen(length, i + 1);
        int n = s.seen(length, i + count);
        long at = (i - first) / width * panel;
        long row = ((long) b * s.heads() + h) * s.queries() + i;
        product(kt, keys, n, turn(q, i, count, query), p, at);
        copy(statistics, row, maxima, 0, count);
        copy(statistics, all + row, divisors, 0, count);
        vectors.subtract(p, at, n, s.c(), maxima);
        exact.exp(p, at, p, at, (long) n * width);
        vectors.divide(p, at, n, divisors);
        MemorySegment g = turn(dout, i, count, slope);
        product(vt, keys, n, g, ds, at);
        vectors.chains(g, turn(out, i, count, query), s.dim(), lanes);
        vectors.slopes(p, ds, at, n, lanes);
        contract(kc, keys, ds, at, i, full, n, o);
        vectors.scale(o, s.dim() * width, s.c());
        turnBack(o, dq, i, count);
      }
      int n = s.seen(length, end);
      sums.add(p, ds, panel, first, end, n, q, dout);
    }
    sums.finish(dk, dv);
  }

  // ---- packing

  /** Tiles of keys: term d of key j of a tile of R at {@code tile * R * D + d * R + j}. */
  private float[] packRows(Rows x, int keys, AttentionScratch to) {
    float[] packed = to.array((long) (keys + most) * s.dim());
    for (int j = 0; j < keys; j += most) {
      int count = Math.min(most, keys - j);
      long at = x.at(b, j, h, s.dim());
      int j0 = j * s.dim();
      pack.transpose(x.memory(), at, x.step(), count, s.dim(), packed, j0, tiles.rows(count));
    }
    return packed;
  }

  /** Tiles of columns: key j of column d of a tile of R at {@code tile * R * keys + j * R + d}. */
  private float[] packColumns(Rows x, int keys) {
    float[] packed = columns.array((long) (s.dim() + most) * keys);
    for (int d = 0; d < s.dim(); d += most) {
      int count = Math.min(most, s.dim() - d);
      long at = x.at(b, 0, h, s.dim()) + d;
      int computed = tiles.rows(count);
      ends.packAdjacent(x.memory(), at, x.step(), count, computed, keys, packed, d * keys);
    }
    return packed;
  }

  /** Rows of queries as a panel [D, W]. */
  private MemorySegment turn(Rows x, int i, int count, AttentionScratch to) {
    int floats = s.dim() * width;
    float[] packed = turned.array(floats);
    long at = x.at(b, i, h, s.dim());
    pack.transpose(x.memory(), at, x.step(), count, s.dim(), packed, 0, width);
    MemorySegment panel = to.memory(floats);
    MemorySegment.copy(packed, 0, panel, JAVA_FLOAT_UNALIGNED, 0, floats);
    return panel;
  }

  /** A panel [D, W] to rows of queries. */
  private void turnBack(MemorySegment panel, Rows to, int i, int count) {
    float[] packed = turned.array((long) s.dim() * width);
    pack.transpose(panel, 0, width, s.dim(), count, packed, 0, s.dim());
    for (int c = 0; c < count; c++) {
      long at = to.at(b, i + c, h, s.dim());
      MemorySegment.copy(packed, c * s.dim(), to.memory(), JAVA_FLOAT_UNALIGNED, at << 2, s.dim());
    }
  }

  private static void copy(MemorySegment from, long at, MemorySegment to, long toAt, int count) {
    MemorySegment.copy(from, at << 2, to, toAt << 2, 4L * count);
  }

  // ---- products

  /** out = rows · panel: a row for each of the first n of the packed keys, and more. */
  private void product(
      float[] rows, int keys, int n, MemorySegment panel, MemorySegment out, long at) {
    for (int j = 0; j < n; j += most) {
      int computed = tiles.rows(Math.min(most, keys - j));
      long to = at + (long) j * width;
      int j0 = j * s.dim();
      tiles.tile(computed, rows, j0, panel, 0, width, s.dim(), false, out, to, width);
    }
  }

  /**
   * The sums over keys: totals [D, W] = columnsᵀ · w.
   *
   * @param keys that were packed
   * @param w panel [keys, W] at {@code at}
   * @param i query in column 0
   * @param full keys that all queries see
   * @param n keys that the last one sees
   */
  private void contract(
      float[] packed,
      int keys,
      MemorySegment w,
      long at,
      int i,
      int full,
      int n,
      MemorySegment totals) {
    for (int from = 0; from < n; from += chunk) {
      int to = Math.min(from + chunk, n);
      int whole = Math.clamp(full, from, to);
      MemorySegment c = from == 0 ? totals : chains.memory((long) (s.dim() + most) * width);
      for (int d = 0; d < s.dim(); d += most) {
        int computed = tiles.rows(Math.min(most, s.dim() - d));
        long tile = (long) d * width;
        if (whole == from) {
          c.asSlice(tile << 2, 4L * computed * width).fill((byte) 0);
        }
        for (int j = from; j < whole; j += DEPTH) {
          int depth = Math.min(DEPTH, whole - j);
          int a = d * keys + j * computed;
          long term = at + (long) j * width;
          tiles.tile(computed, packed, a, w, term, width, depth, j > from, c, tile, width);
        }
        if (whole < to) {
          int a = d * keys + whole * computed;
          long term = at + (long) whole * width;
          vectors.someColumns(packed, a, computed, w, term, whole, to, i, c, tile);
        }
      }
      if (from > 0) {
        // Queries before the chunk's first key have no chain in it.
        vectors.addSomeColumns(c, totals, s.dim(), s.causal() ? from - i : 0);
      }
    }
  }
}
