package dev.selfsame.bench.gpu;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.bench.Work;
import dev.selfsame.bench.gpu.GpuCase.Differences;
import dev.selfsame.bench.gpu.GpuCase.Ready;
import dev.selfsame.op.AdamW;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.LayerNorm;
import dev.selfsame.op.ScatterAdd;
import dev.selfsame.op.Softmax;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The cases of the GPU benchmark: large ones for a card, small ones for softcuda. */
final class GpuCases {
  private static final AdamW.Hyper HYPER =
      new AdamW.Hyper(1e-3, 0.9, 0.999, 1e-8, 0.01, 10, AdamW.Decay.DECOUPLED);

  private final boolean small;
  private final List<GpuCase> cases = new ArrayList<>();

  private GpuCases(boolean small) {
    this.small = small;
  }

  /** All cases; the copy first, since it is the limit of many others. */
  static List<GpuCase> all(boolean small) {
    GpuCases g = new GpuCases(small);
    g.copy(small ? 1 << 18 : 1L << 28);
    for (int n : small ? new int[] {64, 100} : new int[] {1024, 4096, 8192}) {
      g.gemm(n);
    }
    g.cases.addAll(GpuConvCases.all(small));
    for (boolean hot : new boolean[] {false, true}) {
      g.scatterAdd(hot, small ? 512 : 65_536, small ? 32 : 256, small ? 300 : 50_000);
      if (!small) {
        g.scatterAdd(hot, 1 << 20, 128, 200_000);
      }
    }
    g.adamW(1, small ? 5000 : 1 << 26);
    g.adamW(small ? 16 : 512, small ? 300 : 1 << 16);
    for (int rows : small ? new int[] {8} : new int[] {4096, 65_536}) {
      g.softmax(rows, small ? 200 : 1024);
      g.layerNorm(rows, small ? 200 : 1024);
    }
    return List.copyOf(g.cases);
  }

  private void add(
      String suite, String name, Work work, Map<String, Object> sizes, GpuCase.Setup setup) {
    cases.add(new GpuCase(suite, suite + " " + name, work, sizes, setup));
  }

  /** Bytes read and bytes written both count. */
  private void copy(long words) {
    add(
        "copy",
        (words >> 18) + " MiB",
        Work.bytes(8.0 * words),
        Map.of("words", words),
        (scope, device) -> {
          Tensor host = GpuInputs.values(scope, 1, words);
          Tensor from = host.to(scope, device);
          Tensor to = Tensor.empty(scope, device, words);
          return ready(
              () -> to.copyFrom(from), () -> new Differences().add("copy", host, to).first());
        });
  }

  private void gemm(int n) {
    add(
        "gemm",
        n + "x" + n + "x" + n,
        new Work(2.0 * n * n * n, 12.0 * n * n),
        Map.of("m", n, "n", n, "k", n),
        (scope, device) -> {
          Tensor ha = GpuInputs.values(scope, 1, n, n);
          Tensor hb = GpuInputs.values(scope, 2, n, n);
          Tensor a = ha.to(scope, device);
          Tensor b = hb.to(scope, device);
          Tensor out = Tensor.empty(scope, device, n, n);
          return new Ready() {
            @Override
            public void run() {
              Gemm.gemm(a, b, out);
            }

            /** A row alone has the bits that it has among others, so three rows are enough. */
            @Override
            public Optional<String> difference() {
              Differences found = new Differences();
              for (int row : new int[] {0, n / 2 + 1, n - 1}) {
                Tensor expected = Tensor.empty(scope, ha.device(), 1, n);
                Gemm.gemm(ha.slice(row, row + 1), hb, expected);
                found.add("row " + row, expected, out.slice(row, row + 1));
              }
              return found.first();
            }

            @Override
            public List<Tensor> product() {
              return List.of(a, b, out);
            }
          };
        });
  }

  /** Bytes: the source and its indices once, each row that is touched read and written. */
  private void scatterAdd(boolean hot, int n, int columns, int rows) {
    double touched = hot ? 1 : rows * (1 - Math.exp(-n / (double) rows));
    add(
        "scatter-add",
        (hot ? "hot " : "uniform ") + n + "x" + columns + " into " + rows,
        Work.bytes(4.0 * n * columns + 4.0 * n + 8.0 * touched * columns),
        Map.of("n", n, "columns", columns, "rows", rows, "hot", hot),
        (scope, device) -> {
          Tensor hs = GpuInputs.values(scope, 1, n, columns);
          Tensor hi = GpuInputs.indices(scope, n, rows, hot);
          Tensor hd = GpuInputs.values(scope, 3, rows, columns);
          Tensor src = hs.to(scope, device);
          Tensor indices = hi.to(scope, device);
          Tensor dst = hd.to(scope, device);
          return ready(
              () -> ScatterAdd.scatterAdd(src, indices, dst),
              () -> {
                ScatterAdd.scatterAdd(hs, hi, hd);
                return new Differences().add("dst", hd, dst).first();
              });
        });
  }

  /** Four reads and three writes a parameter. */
  private void adamW(int tensors, int each) {
    add(
        "adamw",
        tensors + " x " + each,
        Work.bytes(28.0 * tensors * each),
        Map.of("tensors", tensors, "each", each),
        (scope, device) -> {
          List<List<Tensor>> host = new ArrayList<>();
          List<List<Tensor>> card = new ArrayList<>();
          for (int role = 0; role < 4; role++) {
            List<Tensor> onHost = new ArrayList<>();
            List<Tensor> onCard = new ArrayList<>();
            for (int i = 0; i < tensors; i++) {
              long seed = 4L * i + role;
              Tensor t =
                  role == 3
                      ? GpuInputs.positives(scope, seed, each)
                      : GpuInputs.values(scope, seed, each);
              onHost.add(t);
              onCard.add(t.to(scope, device));
            }
            host.add(onHost);
            card.add(onCard);
          }
          return ready(
              () -> step(card),
              () -> {
                step(host);
                Differences found = new Differences();
                for (int role : new int[] {0, 2, 3}) {
                  for (int i = 0; i < tensors; i++) {
                    String what = List.of("p", "g", "m", "v").get(role) + i;
                    found.add(what, host.get(role).get(i), card.get(role).get(i));
                  }
                }
                return found.first();
              });
        });
  }

  private static void step(List<List<Tensor>> t) {
    AdamW.step(t.get(0), t.get(1), t.get(2), t.get(3), HYPER);
  }

  private void softmax(int rows, int columns) {
    add(
        "softmax",
        rows + "x" + columns,
        Work.bytes(8.0 * rows * columns),
        Map.of("rows", rows, "columns", columns),
        (scope, device) -> {
          Tensor hx = GpuInputs.values(scope, 1, rows, columns);
          Tensor x = hx.to(scope, device);
          Tensor y = Tensor.empty(scope, device, rows, columns);
          return ready(
              () -> Softmax.softmax(x, y),
              () -> {
                Tensor expected = Tensor.empty(scope, hx.device(), rows, columns);
                Softmax.softmax(hx, expected);
                return new Differences().add("y", expected, y).first();
              });
        });
  }

  private void layerNorm(int rows, int columns) {
    add(
        "layer-norm",
        rows + "x" + columns,
        Work.bytes(8.0 * rows * columns),
        Map.of("rows", rows, "columns", columns),
        (scope, device) -> {
          Tensor hx = GpuInputs.values(scope, 1, rows, columns);
          Tensor hg = GpuInputs.values(scope, 2, columns);
          Tensor hb = GpuInputs.values(scope, 3, columns);
          Tensor x = hx.to(scope, device);
          Tensor gamma = hg.to(scope, device);
          Tensor beta = hb.to(scope, device);
          List<Tensor> out = normOutputs(scope, device, rows, columns);
          return ready(
              () -> norm(x, gamma, beta, out),
              () -> {
                List<Tensor> expected = normOutputs(scope, hx.device(), rows, columns);
                norm(hx, hg, hb, expected);
                return new Differences()
                    .add("y", expected.get(0), out.get(0))
                    .add("mean", expected.get(1), out.get(1))
                    .add("rstd", expected.get(2), out.get(2))
                    .first();
              });
        });
  }

  private static List<Tensor> normOutputs(Scope scope, Device device, int rows, int columns) {
    return List.of(
        Tensor.empty(scope, device, rows, columns),
        Tensor.empty(scope, device, DType.F32, Shape.of(rows)),
        Tensor.empty(scope, device, DType.F32, Shape.of(rows)));
  }

  private static void norm(Tensor x, Tensor gamma, Tensor beta, List<Tensor> out) {
    LayerNorm.forward(x, gamma, beta, 1e-5f, out.get(0), out.get(1), out.get(2));
  }

  static Ready ready(Runnable run, java.util.function.Supplier<Optional<String>> difference) {
    return new Ready() {
      @Override
      public void run() {
        run.run();
      }

      @Override
      public Optional<String> difference() {
        return difference.get();
      }
    };
  }
}
