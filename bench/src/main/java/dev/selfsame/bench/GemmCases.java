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

/**
 * Matrix products: squares, transposed forms, tall, wide, deep and flat ones, few rows, batches.
 */
final class GemmCases {
  /** out [m, n] = op(a)·op(b), once or for a batch; a transposed operand is [k, m] or [n, k]. */
  record Product(int batch, int m, int n, int k, boolean transposeA, boolean transposeB) {
    /** One product, in a form such as NT: b transposed. */
    static Product of(int m, int n, int k, String form) {
      return new Product(1, m, n, k, form.charAt(0) == 'T', form.charAt(1) == 'T');
    }

    String name() {
      String form = (transposeA ? "T" : "N") + (transposeB ? "T" : "N");
      return "%s%dx%dx%d %s".formatted(batch == 1 ? "" : batch + " of ", m, n, k, form);
    }

    long sizeA() {
      return (long) batch * m * k;
    }

    long sizeB() {
      return (long) batch * k * n;
    }

    long results() {
      return (long) batch * m * n;
    }

    Work work() {
      return new Work(2.0 * results() * k, 4.0 * (sizeA() + sizeB() + results()));
    }
  }

  private GemmCases() {}

  static List<Planned> all(Device device) {
    List<Product> shapes = new ArrayList<>();
    for (int n : new int[] {64, 128, 256, 512, 1024, 2048}) {
      shapes.add(Product.of(n, n, n, "NN"));
    }
    for (int n : new int[] {256, 512, 1024}) {
      for (String form : new String[] {"NT", "TN", "TT"}) {
        shapes.add(Product.of(n, n, n, form));
      }
    }
    // Tall, wide, deep, flat.
    shapes.add(Product.of(8192, 64, 256, "NN"));
    shapes.add(Product.of(8192, 64, 256, "NT"));
    shapes.add(Product.of(64, 8192, 256, "NN"));
    shapes.add(Product.of(64, 8192, 256, "TN"));
    shapes.add(Product.of(64, 64, 16384, "NN"));
    shapes.add(Product.of(64, 64, 16384, "TN"));
    shapes.add(Product.of(1024, 1024, 32, "NN"));
    // A linear layer on one row and on eight, weights [out, in] and [in, out].
    for (int rows : new int[] {1, 8}) {
      shapes.add(Product.of(rows, 1024, 1024, "NT"));
      shapes.add(Product.of(rows, 4096, 4096, "NT"));
      shapes.add(Product.of(rows, 4096, 4096, "NN"));
    }
    // LeNet's first linear layer; many small ones, as in attention.
    shapes.add(Product.of(64, 120, 400, "NT"));
    shapes.add(new Product(64, 64, 64, 64, false, false));
    shapes.add(new Product(96, 128, 128, 64, false, true));
    return planned(shapes, device);
  }

  /** Sizes around vectors, tiles and chunks, in all transposed forms. */
  static List<Planned> odd(Device device) {
    List<Product> odd = new ArrayList<>();
    for (int form = 0; form < 4; form++) {
      for (int[] s :
          new int[][] {
            {1, 1, 1}, {1, 17, 513}, {31, 1, 100}, {13, 33, 1025}, {97, 65, 511}, {129, 255, 17000}
          }) {
        odd.add(new Product(1, s[0], s[1], s[2], (form & 1) != 0, (form & 2) != 0));
        odd.add(new Product(3, s[0], s[1], s[2], (form & 1) != 0, (form & 2) != 0));
      }
    }
    return planned(odd, device);
  }

  private static List<Planned> planned(List<Product> shapes, Device device) {
    return shapes.stream().map(s -> new Planned(s.name(), () -> build(s, device))).toList();
  }

  private static BenchCase build(Product s, Device device) {
    var memory = new CaseMemory(device);
    MemorySegment a = memory.normal(1, s.sizeA());
    MemorySegment b = memory.normal(2, s.sizeB());
    MemorySegment out = memory.zeros(s.results());
    MemorySegment torchOut = memory.zeros(s.results());
    MemorySegment blasOut = memory.zeros(s.results());
    var ourA = ours(memory, a, s.transposeA(), s.batch(), s.m(), s.k());
    var ourB = ours(memory, b, s.transposeB(), s.batch(), s.k(), s.n());
    var ourOut = ours(memory, out, false, s.batch(), s.m(), s.n());
    Tensor theirA = theirs(a, s.transposeA(), s.batch(), s.m(), s.k());
    Tensor theirB = theirs(b, s.transposeB(), s.batch(), s.k(), s.n());
    Tensor theirOut = theirs(torchOut, false, s.batch(), s.m(), s.n());

    Runnable ours = () -> Gemm.gemm(ourA, ourB, ourOut);
    Runnable torch =
        s.batch() == 1
            ? () -> TorchPeer.matmul(theirA, theirB, theirOut)
            : () -> TorchPeer.batchedMatmul(theirA, theirB, theirOut);
    Runnable blas = () -> sgemm(s, a, b, blasOut);
    BenchCase.Check check =
        control -> {
          ours.run();
          if (control) {
            Inputs.change(a);
          }
          torch.run();
          blas.run();
          MemorySegment magnitudes = memory.zeros(s.results());
          sgemm(
              s,
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

  /** OpenBLAS has no batches of its own here: one call for each product. */
  private static void sgemm(Product s, MemorySegment a, MemorySegment b, MemorySegment out) {
    for (int i = 0; i < s.batch(); i++) {
      OpenBlasPeer.sgemm(
          s.transposeA(),
          s.transposeB(),
          s.m(),
          s.n(),
          s.k(),
          slice(a, s, i),
          slice(b, s, i),
          slice(out, s, i));
    }
  }

  private static MemorySegment slice(MemorySegment all, Product s, int i) {
    long bytes = all.byteSize() / s.batch();
    return all.asSlice(i * bytes, bytes);
  }

  private static dev.selfsame.Tensor ours(
      CaseMemory memory, MemorySegment s, boolean transposed, int batch, int rows, int columns) {
    int outer = transposed ? columns : rows;
    int inner = transposed ? rows : columns;
    var stored =
        batch == 1 ? memory.floats(s, outer, inner) : memory.floats(s, batch, outer, inner);
    return transposed ? stored.transpose() : stored;
  }

  private static Tensor theirs(
      MemorySegment s, boolean transposed, int batch, int rows, int columns) {
    int outer = transposed ? columns : rows;
    int inner = transposed ? rows : columns;
    Tensor stored =
        batch == 1 ? TorchPeer.floats(s, outer, inner) : TorchPeer.floats(s, batch, outer, inner);
    if (!transposed) {
      return stored;
    }
    try (stored) {
      return stored.transpose(-2, -1);
    }
  }

  private static Reference reference(Product s, MemorySegment a, MemorySegment b) {
    return index -> {
      long i = index / s.n() % s.m();
      long j = index % s.n();
      long product = index / s.n() / s.m();
      long startA = product * s.m() * s.k();
      long startB = product * s.k() * s.n();
      double value = 0;
      double magnitude = 0;
      for (long k = 0; k < s.k(); k++) {
        long atA = startA + (s.transposeA() ? k * s.m() + i : i * s.k() + k);
        long atB = startB + (s.transposeB() ? j * s.k() + k : k * s.n() + j);
        double term = (double) a.getAtIndex(JAVA_FLOAT, atA) * b.getAtIndex(JAVA_FLOAT, atB);
        value += term;
        magnitude += Math.abs(term);
      }
      return new Reference.Term(value, magnitude);
    };
  }
}
