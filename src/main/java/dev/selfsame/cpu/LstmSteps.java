package dev.selfsame.cpu;

import dev.selfsame.contract.Contract;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a forward pass of long short-term memory for some samples of a batch. A task of a
 * step takes some blocks of units, their products and all that is elementwise, so that gates are
 * still in a cache when they are needed. A block is as many units as two vectors have lanes ({@link
 * LstmWeights}).
 *
 * <p>Products go to where the gates will be: their cache lines are fetched while tiles compute.
 * Where units fill no panel or samples no tile, they go to scratch. With 512 bits, few inputs and
 * samples that fill tiles of eight rows, what the inputs add goes there first, and the tiles of the
 * hidden products add theirs as they end, so that no loop reads both.
 *
 * <p>A step waits for all units of the step before; threads that share it meet there.
 */
final class LstmSteps implements LongConsumer {
  /** Tasks of a step that threads share, at least, where it has so many blocks. */
  private static final int TASKS = 8;

  /** Most inputs whose products are computed where the gates are summed. */
  private static final int FEW = 8;

  private final RecurrentSizes z;
  private final LstmWeights weights;
  private final LstmCells cells;
  private final OutputTile tile;
  private final @Nullable LstmTile eight;
  private final @Nullable LstmTile summing;
  private final PanelPack pack;
  private final Workers workers;
  private final boolean shared;
  private final MemorySegment x;
  private final MemorySegment h;
  private final MemorySegment c;
  private final MemorySegment gates;
  private final MemorySegment part;
  private final long first;
  private final int count;
  private final int together;
  private final int units;
  private final int height;
  private final int samples;
  private final int blocks;
  private final long tasks;

  // The step, its phase, and the rows that its products read.
  private long t;
  private boolean projecting;
  private int rows;
  private int partRows;
  private float[] packed = {};

  /**
   * @param part what the inputs add to the gates of {@code together} steps, written
   * @param shared whether threads share each step
   */
  LstmSteps(
      int bits,
      RecurrentSizes z,
      LstmWeights weights,
      MemorySegment x,
      MemorySegment h,
      MemorySegment c,
      MemorySegment gates,
      MemorySegment part,
      long first,
      long count,
      long together,
      boolean shared,
      Workers workers) {
    this.z = z;
    this.weights = weights;
    this.cells = LstmCells.on(bits);
    this.tile = OutputTile.on(bits);
    this.eight = bits == 512 ? LstmTile.on(bits) : null;
    this.pack = PanelPack.on(bits);
    this.workers = workers;
    this.shared = shared;
    this.x = x;
    this.h = h;
    this.c = c;
    this.gates = gates;
    this.part = part;
    this.first = first;
    this.count = (int) count;
    this.together = (int) together;
    units = LstmWeights.units(bits);
    boolean eights = count % LstmTile.ROWS == 0;
    summing = eights && z.inputs() <= FEW && z.hidden() <= OutputTile.DEPTH ? eight : null;
    // Batches that leave a rest of a few rows beside the highest tiles.
    boolean lower = count % tile.rows() <= 4 && eights;
    height = summing != null || lower && eight != null ? LstmTile.ROWS : tile.rows();
    // Elementary functions of few units cost their calls, those of many the first-level cache.
    int most = summing != null ? LstmScratch.UNITS : LstmScratch.UNITS / 2;
    int fitting = most / units;
    samples = count <= fitting ? (int) count : fitting / height * height;
    int fitted = most / (samples * units);
    blocks = shared ? Math.clamp(weights.blocks() / TASKS, 1, fitted) : fitted;
    tasks = Math.ceilDiv(weights.blocks(), blocks);
  }

  /** Floats of the inputs' part for some rows. */
  static long partFloats(int bits, RecurrentSizes z, long rows) {
    // The last tile may be higher than its rows.
    return z.inputs() <= FEW ? 0 : (rows + OutputTile.on(bits).rows()) * LstmWeights.width(bits, z);
  }

  /** Takes all steps. */
  void run() {
    for (t = 0; t < z.steps(); t++) {
      if (z.inputs() > FEW && t % together == 0) {
        pack(x, count * (int) Math.min(together, z.steps() - t), z.inputs());
        partRows = computed(rows);
        projecting = true;
        share(weights.blocks());
        projecting = false;
      }
      pack(h, count, z.hidden());
      share(tasks);
    }
  }

  /** The rows of a matrix from this step on, as tiles read them. */
  private void pack(MemorySegment from, int rows, long terms) {
    this.rows = rows;
    int k = (int) terms;
    long at = (t * z.batch() + first) * k;
    packed = LstmScratch.mine().rows(computed(rows) * k);
    for (int r = 0; r < rows; r += height) {
      int some = Math.min(height, rows - r);
      pack.transpose(from, at + (long) r * k, k, some, k, packed, r * k, tile.rows(some));
    }
  }

  private void share(long tasks) {
    if (shared) {
      workers.run(tasks, this);
    } else {
      for (long i = 0; i < tasks; i++) {
        // Every other step goes the other way round: it begins with the weights that the step
        // before read last. The second-level cache still has them where it doesn't hold all.
        accept(t % 2 == 0 ? i : tasks - 1 - i);
      }
    }
  }

  /** Rows that tiles compute where {@code wanted} are wanted. */
  private int computed(int wanted) {
    int rest = wanted % height;
    return wanted - rest + (rest == 0 ? 0 : tile.rows(rest));
  }

  /** One task of a phase. */
  @Override
  public void accept(long task) {
    if (projecting) {
      MemorySegment w = weights.inputs();
      long at = task * partRows * 4 * units;
      products((int) task, 0, rows, z.inputs(), w, part, at, units);
      return;
    }
    int begin = (int) task * blocks;
    int some = Math.min(blocks, weights.blocks() - begin);
    for (int n = 0; n < count; n += samples) {
      step(begin, some, n, Math.min(samples, count - n));
    }
  }

  /** Products, gates, cells and states of some blocks and samples. */
  private void step(int begin, int some, int n, int taken) {
    LstmScratch scratch = LstmScratch.mine();
    long sample = t * z.batch() + first + n;
    for (int i = 0; i < some; i++) {
      int block = begin + i;
      long j = (long) block * units;
      boolean inPlace = gates.isNative() && j + units <= z.hidden() && computed(taken) == taken;
      MemorySegment to = inPlace ? gates : scratch.products;
      long at = inPlace ? sample * 4 * z.hidden() + j : 0;
      long gate = inPlace ? z.hidden() : units;
      if (summing != null) {
        sumsByTiles(
            summing,
            block,
            n,
            taken,
            sample,
            to,
            at,
            gate,
            scratch.arguments,
            i * taken,
            some * taken);
      } else {
        products(block, n, taken, z.hidden(), weights.hidden(), to, at, gate);
        sums(block, n, taken, sample, to, at, gate, scratch.arguments, i * taken, some * taken);
      }
    }
    long j = (long) begin * units;
    cells.cells(
        scratch, some, taken, z.hidden(), j, gates, c, h, sample * z.hidden() + j, z.state());
  }

  /** Arguments of a block's gates. */
  private void sums(
      int block,
      int n,
      int taken,
      long sample,
      MemorySegment products,
      long at,
      long gate,
      MemorySegment arguments,
      int row,
      int rows) {
    int k = (int) z.inputs();
    long panel = 4L * block * units;
    MemorySegment in = part;
    long inAt = ((long) block * partRows + t % together * count + n) * 4 * units;
    if (k <= FEW) {
      in = LstmScratch.mine().inputs;
      inAt = 0;
      for (int g = 0; g < 4; g++) {
        long gateAt = (long) g * units;
        cells.inputs(
            x,
            sample * k,
            k,
            weights.inputs(),
            (panel + gateAt) * k,
            in,
            gateAt,
            4L * units,
            taken);
      }
    }
    cells.sums(in, inAt, weights.bias(), panel, products, at, gate, arguments, row, rows, taken);
  }

  /** Arguments of a block's gates by tiles that add, for few inputs. */
  private void sumsByTiles(
      LstmTile tile,
      int block,
      int n,
      int taken,
      long sample,
      MemorySegment inputs,
      long at,
      long gate,
      MemorySegment arguments,
      int row,
      int rows) {
    int few = (int) z.inputs();
    int k = (int) z.hidden();
    for (int g = 0; g < 4; g++) {
      long panel = (4L * block + g) * units;
      long in = at + g * gate;
      cells.inputs(
          x, sample * few, few, weights.inputs(), panel * few, inputs, in, 4 * gate, taken);
      boolean isG = g == 2; // its arguments lie behind all others'
      long to = isG ? (3L * rows + row) * units : (3L * row + Math.min(g, 2)) * units;
      long step = isG ? units : 3L * units;
      for (int r = 0; r < taken; r += LstmTile.ROWS) {
        int a = (n + r) * k;
        tile.sums(
            packed,
            a,
            weights.hidden(),
            panel * k,
            k,
            inputs,
            in + 4 * r * gate,
            4 * gate,
            weights.bias(),
            panel,
            arguments,
            to + r * step,
            step);
      }
    }
  }

  /**
   * The products of some rows with a block's panels.
   *
   * @param row where the rows begin among the packed ones
   * @param at where out takes the first row's gate i
   * @param gate from a gate to the next one; four of them from row to row
   */
  private void products(
      int block,
      int row,
      int wanted,
      long k,
      MemorySegment b,
      MemorySegment out,
      long at,
      long gate) {
    long chunk = Contract.chunk(k);
    boolean half = (long) block * units + units / 2 >= z.hidden();
    for (int g = 0; g < 4; g++) {
      long panel = (4L * block + g) * units * k;
      for (long from = 0; from < k; from += OutputTile.DEPTH) {
        int depth = (int) Math.min(OutputTile.DEPTH, k - from);
        boolean goesOn = from % chunk != 0;
        boolean total = from < chunk;
        MemorySegment to = total ? out : LstmScratch.mine().chains(computed(wanted) * (long) units);
        long toAt = total ? at + g * gate : 0;
        long step = total ? 4 * gate : units;
        for (int r = 0; r < wanted; r += height) {
          int high = tile.rows(Math.min(height, wanted - r));
          int rowsAt = (row + r) * (int) k + (int) from * high;
          long bAt = panel + from * units;
          if (half) {
            tile.half(
                high, packed, rowsAt, b, bAt, units, depth, goesOn, to, toAt + r * step, step);
          } else if (eight != null && high == LstmTile.ROWS && !goesOn) {
            eight.tile(packed, rowsAt, b, bAt, depth, to, toAt + r * step, step);
          } else {
            tile.tile(
                high, packed, rowsAt, b, bAt, units, depth, goesOn, to, toAt + r * step, step);
          }
        }
        if (!total && (from + depth == k || (from + depth) % chunk == 0)) {
          cells.addChains(out, at + g * gate, 4 * gate, to, wanted);
        }
      }
    }
  }
}
