package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.OpenBlasPeer;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.Gemm;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Matrix products: squares, transposed forms, tall and wide ones. */
final class GemmCases {
  /** out [m, n] = op(a)·op(b); a transposed operand is stored [k, m] or [n, k]. */
  record Product(int m, int n, int k, boolean transposeA, boolean transposeB) {
    String name() {
      String form = (transposeA ? "T" : "N") + (transposeB ? "T" : "N");
      return "%dx%dx%d %s".formatted(m, n, k, form);
    }

    Work work() {
      return new Work(2.0 * m * n * k, 4.0 * ((double) m * k + (double) k * n + (double) m * n));
    }
  }

  private static final List<Product> SHAPES =
      List.of(
          new Product(64, 64, 64, false, false),
          new Product(128, 128, 128, false, false),
          new Product(256, 256, 256, false, false),
          new Product(256, 256, 256, false, true),
          new Product(256, 256, 256, true, false),
          new Product(512, 512, 512, false, false),
          new Product(512, 512, 512, false, true),
          new Product(512, 512, 512, true, false),
          new Product(1024, 1024, 1024, false, false),
          new Product(1024, 1024, 1024, false, true),
          new Product(1024, 1024, 1024, true, false),
          new Product(8192, 64, 256, false, false),
          new Product(64, 8192, 256, false, false),
          new Product(64, 64, 16384, false, false));

  private GemmCases() {}

  static List<Planned> all(Device device) {
    return planned(SHAPES, device);
  }

  /** Sizes around vectors, tiles and chunks, in all transposed forms. */
  static List<Planned> odd(Device device) {
    List<Product> odd = new ArrayList<>();
    for (int form = 0; form < 4; form++) {
      for (int[] s :
          new int[][] {
            {1, 1, 1}, {1, 17, 513}, {31, 1, 100}, {13, 33, 1025}, {97, 65, 511}, {129, 255, 17000}
          }) {
        odd.add(new Product(s[0], s[1], s[2], (form & 1) != 0, (form & 2) != 0));
      }
    }
    return planned(odd, device);
  }

  private static List<Planned> planned(List<Product> shapes, Device device) {
    return shapes.stream().map(s -> new Planned(s.name(), () -> build(s, device))).toList();
  }

  private static BenchCase build(Product s, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment a = memory.normal(1, (long) s.m() * s.k());
    MemorySegment b = memory.normal(2, (long) s.k() * s.n());
    MemorySegment out = memory.zeros((long) s.m() * s.n());
    MemorySegment torchOut = memory.zeros((long) s.m() * s.n());
    MemorySegment blasOut = memory.zeros((long) s.m() * s.n());
    var ourA =
        s.transposeA()
            ? memory.floats(a, s.k(), s.m()).transpose()
            : memory.floats(a, s.m(), s.k());
    var ourB =
        s.transposeB()
            ? memory.floats(b, s.n(), s.k()).transpose()
            : memory.floats(b, s.k(), s.n());
    var ourOut = memory.floats(out, s.m(), s.n());
    Tensor theirA = theirs(a, s.transposeA(), s.m(), s.k());
    Tensor theirB = theirs(b, s.transposeB(), s.k(), s.n());
    Tensor theirOut = TorchPeer.floats(torchOut, s.m(), s.n());

    Runnable ours = () -> Gemm.gemm(ourA, ourB, ourOut);
    Runnable torch = () -> TorchPeer.matmul(theirA, theirB, theirOut);
    Runnable blas =
        () ->
            OpenBlasPeer.sgemm(s.transposeA(), s.transposeB(), s.m(), s.n(), s.k(), a, b, blasOut);
    BenchCase.Check check =
        control -> {
          ours.run();
          if (control) {
            Inputs.change(a);
          }
          torch.run();
          blas.run();
          MemorySegment magnitudes = memory.zeros((long) s.m() * s.n());
          OpenBlasPeer.sgemm(
              s.transposeA(),
              s.transposeB(),
              s.m(),
              s.n(),
              s.k(),
              Inputs.magnitudes(memory.arena(), a),
              Inputs.magnitudes(memory.arena(), b),
              magnitudes);
          List<Agreement> all = new ArrayList<>();
          Reference reference = reference(s, a, b);
          all.addAll(DotProducts.compare(s.k(), out, "libtorch", torchOut, magnitudes, reference));
          all.add(
              DotProducts.compare(s.k(), out, "OpenBLAS", blasOut, magnitudes, reference)
                  .getFirst());
          return all;
        };
    return new BenchCase(
        s.name(),
        Rate.GFLOPS,
        s.work(),
        new Contender("selfsame", ours),
        List.of(new Contender("libtorch", torch), new Contender("OpenBLAS", blas)),
        check,
        () -> {
          List.of(theirA, theirB, theirOut).forEach(Tensor::close);
          memory.run();
        });
  }

  private static Tensor theirs(MemorySegment memory, boolean transposed, int rows, int columns) {
    if (!transposed) {
      return TorchPeer.floats(memory, rows, columns);
    }
    try (Tensor stored = TorchPeer.floats(memory, columns, rows)) {
      return stored.t();
    }
  }

  private static Reference reference(Product s, MemorySegment a, MemorySegment b) {
    return index -> {
      long i = index / s.n();
      long j = index % s.n();
      double value = 0;
      double magnitude = 0;
      for (long k = 0; k < s.k(); k++) {
        double term =
            (double) a.getAtIndex(JAVA_FLOAT, s.transposeA() ? k * s.m() + i : i * s.k() + k)
                * b.getAtIndex(JAVA_FLOAT, s.transposeB() ? j * s.k() + k : k * s.n() + j);
        value += term;
        magnitude += Math.abs(term);
      }
      return new Reference.Term(value, magnitude);
    };
  }
}
