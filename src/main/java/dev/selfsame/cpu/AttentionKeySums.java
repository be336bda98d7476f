package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import dev.selfsame.cpu.AttentionVector.Rows;
import dev.selfsame.cpu.AttentionVector.Sizes;
import java.lang.foreign.MemorySegment;

/**
 * The sums over queries of one head's gradient: dk and dv. Their chains stay in memory, tile by
 * tile, while groups of queries come in ascending order; at the end of a chunk they are added to
 * the totals.
 */
final class AttentionKeySums {
  /** Floats of the weights of a group of queries: 512 KB. */
  private static final int GROUP_FLOATS = 1 << 17;

  /** Most queries of a group; divides every chunk. */
  private static final int GROUP = 256;

  private final OutputTile tiles;
  private final GemmEnds ends;
  private final PanelPack pack;
  private final AttentionKernel vectors;
  private final int width;
  private final int most;
  private final AttentionScratch weights = new AttentionScratch();
  private final AttentionScratch operand = new AttentionScratch();
  private final Sum ofKeys = new Sum();
  private final Sum ofValues = new Sum();

  private Sizes s = new Sizes(1, 1, 1, 1, 1, false, 1f);
  private int b;
  private int h;
  private int keys;
  private int panels;
  private int tile;
  private int chunk;

  AttentionKeySums(OutputTile tiles, GemmEnds ends, PanelPack pack, AttentionKernel vectors) {
    this.tiles = tiles;
    this.ends = ends;
    this.pack = pack;
    this.vectors = vectors;
    width = tiles.columns();
    most = tiles.rows();
  }

  /** Chains and totals: tile after tile of keys, in it panel after panel of columns. */
  private static final class Sum {
    private final AttentionScratch chainScratch = new AttentionScratch();
    private final AttentionScratch totalScratch = new AttentionScratch();
    private MemorySegment chains = MemorySegment.NULL;
    private MemorySegment totals = MemorySegment.NULL;

    void begin(long floats, boolean pieces) {
      chains = chainScratch.memory(floats);
      totals = pieces ? totalScratch.memory(floats) : chains;
    }
  }

  /**
   * Turns to a head.
   *
   * @return queries that {@link #add} takes at a time, a multiple of the panels' width
   */
  int begin(Sizes sizes, int sequence, int head, int seenKeys) {
    s = sizes;
    b = sequence;
    h = head;
    keys = seenKeys;
    panels = Math.ceilDiv(s.dim(), width);
    tile = most * width;
    chunk = (int) Contract.chunk(s.queries());
    ofKeys.begin(floats(), s.queries() > chunk);
    ofValues.begin(floats(), s.queries() > chunk);
    int group = GROUP;
    while (group > width && (long) group * keys > GROUP_FLOATS) {
      group /= 2;
    }
    return group;
  }

  private long floats() {
    return (long) Math.ceilDiv(keys, most) * panels * tile;
  }

  /**
   * Takes queries first … end − 1 as terms.
   *
   * @param p weights, a panel [keys, W] after the other, {@code panel} floats apart
   * @param ds their slopes, likewise
   * @param n keys that the last query sees
   */
  void add(
      MemorySegment p, MemorySegment ds, long panel, int first, int end, int n, Rows q, Rows dout) {
    boolean begins = first % chunk == 0;
    boolean finishes = end % chunk == 0 || end == s.queries();
    add(ofValues, p, panel, first, end, n, dout, begins, finishes);
    add(ofKeys, ds, panel, first, end, n, q, begins, finishes);
  }

  private void add(
      Sum sum,
      MemorySegment w,
      long panel,
      int first,
      int end,
      int n,
      Rows x,
      boolean begins,
      boolean finishes) {
    int terms = end - first;
    if (begins && s.causal()) {
      // Keys that no query sees, and chains that queries enter one by one.
      sum.chains.asSlice(0, floats() << 2).fill((byte) 0);
    }
    MemorySegment columns = operand.memory((long) panels * terms * width);
    long of = x.at(b, first, h, s.dim());
    ends.packColumns(x.memory(), of, x.step(), s.dim(), terms, columns, 0, (long) terms * width);
    float[] rows = weights.array((long) (terms + width) * most);
    for (int j = 0; j < n; j += most) {
      // Of a tile's keys, those that no query of the group sees take no term, but keep their place.
      int count = Math.min(most, keys - j);
      int computed = tiles.rows(count);
      for (int t = 0; t < terms; t += width) {
        long at = t / width * panel + (long) j * width;
        int some = Math.min(width, terms - t);
        pack.transpose(w, at, width, count, some, rows, t * computed, computed);
      }
      // The last key's first query: from there on, all rows take all terms.
      int whole = s.causal() ? Math.clamp(j + count - 1 - first, 0, terms) : 0;
      for (int d = 0; d < panels; d++) {
        long chain = ((long) (j / most) * panels + d) * tile;
        long at = (long) d * terms * width;
        if (whole > 0) {
          vectors.someRows(rows, computed, count, columns, at, j - first, whole, sum.chains, chain);
        }
        if (whole < terms) {
          tiles.tile(
              computed,
              rows,
              whole * computed,
              columns,
              at + (long) whole * width,
              width,
              terms - whole,
              !begins || whole > 0,
              sum.chains,
              chain,
              width);
        }
      }
    }
    if (finishes && s.queries() > chunk) {
      fold(sum, (end - 1) / chunk * chunk, n);
    }
  }

  /** The chunk that began with query {@code from} is over; n keys have a term in it. */
  private void fold(Sum sum, int from, int n) {
    for (int j = 0; j < n; j++) {
      // Causal keys from here on were not seen before.
      boolean first = from == 0 || s.causal() && j >= from;
      for (int d = 0; d < panels; d++) {
        long at = at(j, d);
        if (first) {
          MemorySegment.copy(sum.chains, at << 2, sum.totals, at << 2, 4L * width);
        } else {
          vectors.add(sum.chains, at, sum.totals, at, width);
        }
      }
    }
  }

  private long at(int key, int panel) {
    return ((long) (key / most) * panels + panel) * tile + (long) (key % most) * width;
  }

  /** Writes the gradients; a key that no query sees has +0. */
  void finish(Rows dk, Rows dv) {
    vectors.scale(ofKeys.totals, Math.toIntExact(floats()), s.c());
    write(ofKeys.totals, dk);
    write(ofValues.totals, dv);
  }

  private void write(MemorySegment totals, Rows to) {
    for (int j = 0; j < s.keys(); j++) {
      long row = to.at(b, j, h, s.dim()) << 2;
      if (j >= keys) {
        to.memory().asSlice(row, 4L * s.dim()).fill((byte) 0);
        continue;
      }
      for (int d = 0; d < panels; d++) {
        int count = Math.min(width, s.dim() - d * width);
        MemorySegment.copy(totals, at(j, d) << 2, to.memory(), row + 4L * d * width, 4L * count);
      }
    }
  }
}
