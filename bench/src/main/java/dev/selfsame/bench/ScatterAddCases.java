package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.Inputs.Pattern;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.ScatterAdd;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongToDoubleFunction;
import org.bytedeco.pytorch.Tensor;

/** Scatter-add of rows: as an accumulation, and as the gradient of an embedding. */
final class ScatterAddCases {
  private static final int TERMS = 65_536;
  private static final int WIDTH = 256;
  private static final int ROWS = 50_000;

  private ScatterAddCases() {}

  /** What is asked for. */
  enum Kind {
    ADD,
    /** With the plan of an earlier call on the same indices; libtorch has no such thing. */
    PLANNED,
    /** Into zeros. */
    EMBEDDING_GRADIENT
  }

  /** src [n, d] into dst [rows, d]. */
  record Scatter(Pattern pattern, int n, int d, int rows, Kind kind) {
    String name() {
      return "%s %dx%d into %d%s"
          .formatted(
              pattern.name().toLowerCase(Locale.ROOT).replace('_', ' '),
              n,
              d,
              rows,
              switch (kind) {
                case ADD -> "";
                case PLANNED -> " planned";
                case EMBEDDING_GRADIENT -> " embedding";
              });
    }

    boolean embeddingGradient() {
      return kind == Kind.EMBEDDING_GRADIENT;
    }
  }

  static List<Planned> all(Device device) {
    List<Scatter> cases = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      for (Pattern pattern : Pattern.values()) {
        if (kind != Kind.PLANNED || pattern == Pattern.UNIFORM || pattern == Pattern.ZIPF) {
          cases.add(new Scatter(pattern, TERMS, WIDTH, ROWS, kind));
        }
      }
    }
    // Narrow and wide rows, as many values.
    for (int width : new int[] {8, 64, 1024}) {
      for (Pattern pattern : new Pattern[] {Pattern.UNIFORM, Pattern.HOT}) {
        cases.add(new Scatter(pattern, TERMS * WIDTH / width, width, ROWS, Kind.ADD));
      }
    }
    return planned(cases, device);
  }

  /** Sizes around lanes and runs. */
  static List<Planned> odd(Device device) {
    List<Scatter> cases = new ArrayList<>();
    for (Pattern pattern : Pattern.values()) {
      for (int[] s :
          new int[][] {{1, 1, 1}, {31, 7, 3}, {1025, 17, 33}, {1024, 100, 50}, {40_000, 3, 2}}) {
        for (Kind kind : Kind.values()) {
          cases.add(new Scatter(pattern, s[0], s[1], s[2], kind));
        }
      }
    }
    return planned(cases, device);
  }

  private static List<Planned> planned(List<Scatter> cases, Device device) {
    return cases.stream().map(s -> new Planned(s.name(), () -> build(s, device))).toList();
  }

  private static BenchCase build(Scatter s, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment src = memory.normal(1, (long) s.n() * s.d());
    MemorySegment before =
        s.embeddingGradient()
            ? memory.zeros((long) s.rows() * s.d())
            : memory.normal(2, (long) s.rows() * s.d());
    MemorySegment indices = Inputs.indices(memory.arena(), 3, s.pattern(), s.n(), s.rows());
    MemorySegment ourDst = memory.copy(before);
    MemorySegment theirDst = memory.copy(before);
    var ourSrc = memory.floats(src, s.n(), s.d());
    var ourIndices = memory.ints(indices, s.n());
    var ourOut = memory.floats(ourDst, s.rows(), s.d());
    Tensor theirSrc = TorchPeer.floats(src, s.n(), s.d());
    Tensor theirIndices = TorchPeer.longs(Inputs.widened(memory.arena(), indices), s.n());
    Tensor theirOut = TorchPeer.floats(theirDst, s.rows(), s.d());

    Runnable ours =
        switch (s.kind()) {
          case ADD -> () -> ScatterAdd.scatterAdd(ourSrc, ourIndices, ourOut);
          case PLANNED -> {
            var plan = ScatterAdd.plan(memory.scope(), ourIndices, s.rows());
            yield () -> ScatterAdd.scatterAdd(ourSrc, plan, ourOut);
          }
          case EMBEDDING_GRADIENT -> () -> ScatterAdd.scatter(ourSrc, ourIndices, ourOut);
        };
    Runnable theirs =
        s.embeddingGradient()
            ? () -> TorchPeer.embeddingGradient(theirSrc, theirIndices, s.rows()).close()
            : () -> TorchPeer.indexAdd(theirOut, theirIndices, theirSrc);
    int[] counts = counts(s, indices);
    BenchCase.Check check =
        control -> {
          ourDst.copyFrom(before);
          theirDst.copyFrom(before);
          ours.run();
          if (control) {
            Inputs.change(src);
          }
          if (s.embeddingGradient()) {
            try (Tensor t = TorchPeer.embeddingGradient(theirSrc, theirIndices, s.rows())) {
              theirDst.copyFrom(TorchPeer.memory(t));
            }
          } else {
            theirs.run();
          }
          return compare(s, src, before, indices, counts, ourDst, theirDst);
        };
    long touched = 0;
    for (int count : counts) {
      touched += count > 0 ? 1 : 0;
    }
    // Each source row and its index is read once, each row that receives something is read and
    // written once; a
    // gradient is written in full and need not be read.
    double bytes =
        4.0 * s.n() * (s.d() + 1) + 4.0 * s.d() * (s.embeddingGradient() ? s.rows() : 2 * touched);
    return new BenchCase(
        s.name(),
        Rate.GBYTES,
        Work.bytes(bytes),
        new Contender("selfsame", ours),
        List.of(
            new Contender(
                s.embeddingGradient() ? "embedding_dense_backward" : "index_add_", theirs)),
        check,
        () -> {
          List.of(theirSrc, theirIndices, theirOut).forEach(Tensor::close);
          memory.run();
        });
  }

  private static int[] counts(Scatter s, MemorySegment indices) {
    int[] counts = new int[s.rows()];
    for (int i = 0; i < s.n(); i++) {
      counts[indices.getAtIndex(JAVA_INT, i)]++;
    }
    return counts;
  }

  /**
   * A row of n terms and its old value: γ_n·Σ|terms|, see {@link Bounds}. All in float64, row by
   * row.
   */
  private static List<Agreement> compare(
      Scatter s,
      MemorySegment src,
      MemorySegment before,
      MemorySegment indices,
      int[] counts,
      MemorySegment ours,
      MemorySegment theirs) {
    int total = s.rows() * s.d();
    double[] exact = new double[total];
    double[] magnitude = new double[total];
    for (int i = 0; i < total; i++) {
      exact[i] = before.getAtIndex(JAVA_FLOAT, i);
      magnitude[i] = Math.abs(exact[i]);
    }
    for (int i = 0; i < s.n(); i++) {
      int row = indices.getAtIndex(JAVA_INT, i);
      for (int j = 0; j < s.d(); j++) {
        double term = src.getAtIndex(JAVA_FLOAT, (long) i * s.d() + j);
        exact[row * s.d() + j] += term;
        magnitude[row * s.d() + j] += Math.abs(term);
      }
    }
    LongToDoubleFunction bound =
        i -> {
          int n = counts[(int) (i / s.d())];
          return n == 0 ? 0 : Bounds.gamma(n) * magnitude[(int) i] * (1 + 0x1p-28);
        };
    return List.of(
        Agreement.of(
            "ours and libtorch",
            total,
            i -> ours.getAtIndex(JAVA_FLOAT, i),
            i -> theirs.getAtIndex(JAVA_FLOAT, i),
            i -> 2 * bound.applyAsDouble(i)),
        Agreement.of(
            "ours and float64",
            total,
            i -> ours.getAtIndex(JAVA_FLOAT, i),
            i -> exact[(int) i],
            bound),
        Agreement.of(
            "libtorch and float64",
            total,
            i -> theirs.getAtIndex(JAVA_FLOAT, i),
            i -> exact[(int) i],
            bound));
  }
}
