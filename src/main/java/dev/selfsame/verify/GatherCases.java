package dev.selfsame.verify;

import dev.selfsame.Tensor;
import dev.selfsame.op.Gather;

/** FP32 and INT32 tables; one row and many; indices in all patterns. */
final class GatherCases {
  private GatherCases() {}

  static OpCase draw(Draw d) {
    int rows = d.size(130, 1100);
    int columns = d.size(70, 300);
    int n = d.size(130, 1100);
    Draw.Input table = d.floats("table", rows, columns);
    Draw.Input whole = d.ints("whole", rows, i -> i * 0x9e3779b9);
    Draw.Input indices = d.indices("indices", n, rows);
    return d.toCase(
        "",
        run -> {
          Tensor at = run.in(indices);
          Gather.gather(run.in(table), at, run.out("out", n, columns));
          Gather.gather(run.in(whole), at, run.outInts("whole out", n));
        });
  }
}
