package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.Nd4jPeer;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.Softmax;
import dev.selfsame.op.Unary;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongToDoubleFunction;

/** What ours and ND4J both have: matrix products, softmax, tanh; in a process without libtorch. */
final class Nd4jCases {
  private final Device device;
  private final Nd4jPeer peer;

  private Nd4jCases(Device device, Nd4jPeer peer) {
    this.device = device;
    this.peer = peer;
  }

  static Map<String, List<Planned>> all(Device device, Nd4jPeer peer) {
    var cases = new Nd4jCases(device, peer);
    List<Planned> products = new ArrayList<>();
    for (int n : new int[] {64, 128, 256, 512, 1024, 2048}) {
      products.add(cases.product(n, n, n, false, false));
    }
    products.add(cases.product(1024, 1024, 1024, false, true));
    products.add(cases.product(1024, 1024, 1024, true, false));
    products.add(cases.product(8192, 64, 256, false, false));
    products.add(cases.product(64, 120, 400, false, true));
    products.add(cases.product(1, 4096, 4096, false, true));
    Map<String, List<Planned>> suites = new LinkedHashMap<>();
    suites.put("nd4j-gemm", products);
    suites.put("nd4j-softmax", List.of(cases.softmax(4096, 1024), cases.softmax(16_384, 10)));
    suites.put("nd4j-tanh", List.of(cases.tanh(4096, 1024)));
    return suites;
  }

  private Planned product(int m, int n, int k, boolean transposeA, boolean transposeB) {
    String form = (transposeA ? "T" : "N") + (transposeB ? "T" : "N");
    String name = "%dx%dx%d %s".formatted(m, n, k, form);
    return new Planned(
        name,
        () -> {
          var memory = new CaseMemory(device);
          MemorySegment a = memory.normal(1, (long) m * k);
          MemorySegment b = memory.normal(2, (long) k * n);
          MemorySegment out = memory.zeros((long) m * n);
          var ourA = transposeA ? memory.floats(a, k, m).transpose() : memory.floats(a, m, k);
          var ourB = transposeB ? memory.floats(b, n, k).transpose() : memory.floats(b, k, n);
          var ourOut = memory.floats(out, m, n);
          Object theirA = transposeA ? peer.transpose(theirs(a, k, m)) : theirs(a, m, k);
          Object theirB = transposeB ? peer.transpose(theirs(b, n, k)) : theirs(b, k, n);
          Object theirOut = peer.product(m, n);
          Runnable our = () -> Gemm.gemm(ourA, ourB, ourOut);
          Runnable their = () -> peer.multiply(theirA, theirB, theirOut);
          Reference reference =
              index -> {
                long i = index / n;
                long j = index % n;
                double value = 0;
                double magnitude = 0;
                for (long t = 0; t < k; t++) {
                  double term =
                      (double) a.getAtIndex(JAVA_FLOAT, transposeA ? t * m + i : i * k + t)
                          * b.getAtIndex(JAVA_FLOAT, transposeB ? j * k + t : t * n + j);
                  value += term;
                  magnitude += Math.abs(term);
                }
                return new Reference.Term(value, magnitude);
              };
          BenchCase.Check check =
              control -> {
                our.run();
                their.run();
                MemorySegment theirs = MemorySegment.ofArray(peer.values(theirOut));
                return List.of(
                    DotProducts.againstFloat64("ours and float64", k, out, reference),
                    DotProducts.againstFloat64("ND4J and float64", k, theirs, reference));
              };
          return built(
              name,
              Rate.GFLOPS,
              new Work(2.0 * m * n * k, 4.0 * ((double) m * k + (double) k * n + (double) m * n)),
              our,
              their,
              check,
              memory);
        });
  }

  private Planned softmax(int rows, int n) {
    String name = "%dx%d".formatted(rows, n);
    return new Planned(
        name,
        () -> {
          var memory = new CaseMemory(device);
          MemorySegment x = memory.normal(1, (long) rows * n);
          MemorySegment out = memory.zeros((long) rows * n);
          var ourX = memory.floats(x, rows, n);
          var ourY = memory.floats(out, rows, n);
          Object theirY = theirs(out, rows, n);
          Runnable our = () -> Softmax.softmax(ourX, ourY);
          Runnable their = peer.softmax(theirs(x, rows, n), theirY);
          BenchCase.Check check =
              control -> {
                our.run();
                their.run();
                float[] theirs = peer.values(theirY);
                var reference = new SoftmaxReference(rows, n, x);
                var ourBound = reference.bound(SoftmaxReference.CORRECT);
                var theirBound = reference.bound(SoftmaxReference.ATEN);
                return compare(
                    out, theirs, reference::softmax, ourBound::softmax, theirBound::softmax);
              };
          var work = Work.bytes(8.0 * rows * n);
          return built(name, Rate.GBYTES, work, our, their, check, memory);
        });
  }

  private Planned tanh(int rows, int n) {
    String name = "%dx%d".formatted(rows, n);
    return new Planned(
        name,
        () -> {
          var memory = new CaseMemory(device);
          MemorySegment x = memory.normal(1, (long) rows * n);
          MemorySegment out = memory.zeros((long) rows * n);
          var ourX = memory.floats(x, rows, n);
          var ourY = memory.floats(out, rows, n);
          Object theirY = theirs(out, rows, n);
          Runnable our = () -> Elementwise.unary(Unary.TANH, ourX, ourY);
          Runnable their = peer.tanh(theirs(x, rows, n), theirY);
          var formula = ElementwiseReference.of(ElementwiseCases.Function.TANH);
          BenchCase.Check check =
              control -> {
                our.run();
                their.run();
                return compare(
                    out,
                    peer.values(theirY),
                    i -> formula.exact(x.getAtIndex(JAVA_FLOAT, i), 0),
                    i ->
                        formula.error(x.getAtIndex(JAVA_FLOAT, i), 0, ElementwiseReference.CORRECT),
                    i -> tanhByExp(x.getAtIndex(JAVA_FLOAT, i)));
              };
          var work = Work.bytes(8.0 * rows * n);
          return built(name, Rate.GBYTES, work, our, their, check, memory);
        });
  }

  /**
   * The error of (e − 1)/(e + 1), e = exp(2x) to one unit in the last place (2u): (e − 1) is off by
   * (2e + |e − 1|)·u, (e + 1) by (2e + e + 1)·u, the quotient by u. Near 0 little is left of the
   * relative accuracy.
   */
  private static double tanhByExp(double x) {
    double e = Math.exp(2 * x);
    double above = 2 * e + Math.abs(e - 1);
    double below = (3 * e + 1) * Math.abs(Math.tanh(x));
    return 1.01 * Bounds.U * ((above + below) / (e + 1) + Math.abs(Math.tanh(x)));
  }

  private static List<Agreement> compare(
      MemorySegment ours,
      float[] theirs,
      LongToDoubleFunction exact,
      LongToDoubleFunction ourBound,
      LongToDoubleFunction theirBound) {
    return List.of(
        Agreement.of(
            "ours and float64",
            theirs.length,
            i -> ours.getAtIndex(JAVA_FLOAT, i),
            exact,
            ourBound),
        Agreement.of("ND4J and float64", theirs.length, i -> theirs[(int) i], exact, theirBound));
  }

  private Object theirs(MemorySegment s, long rows, long columns) {
    return peer.matrix(s.toArray(JAVA_FLOAT), rows, columns);
  }

  private static BenchCase built(
      String name,
      Rate rate,
      Work work,
      Runnable our,
      Runnable their,
      BenchCase.Check check,
      CaseMemory memory) {
    return new BenchCase(
        name,
        rate,
        work,
        new Contender("selfsame", our),
        List.of(new Contender("ND4J", their)),
        check,
        memory);
  }
}
