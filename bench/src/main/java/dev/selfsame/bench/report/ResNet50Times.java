package dev.selfsame.bench.report;

import dev.selfsame.bench.ConvShape;
import dev.selfsame.bench.ResNet50;
import dev.selfsame.bench.RunRecord.CaseResult;
import java.util.Map;
import java.util.Optional;

/**
 * Milliseconds of one pass over all convolutions of ResNet-50.
 *
 * @param complete whether the record has every layer
 */
record ResNet50Times(double ours, double peers, boolean complete) {
  static ResNet50Times of(Source source, String suite, int images) {
    double ours = 0;
    double peers = 0;
    for (Map.Entry<ConvShape, Integer> layer : ResNet50.layers(images).entrySet()) {
      Optional<CaseResult> found = source.find(suite, layer.getKey().name());
      if (found.isEmpty()) {
        return new ResNet50Times(0, 0, false);
      }
      CaseResult c = found.get();
      double work = layer.getValue() * layer.getKey().work().flops() / 1e6;
      ours += work / c.ours().median();
      peers +=
          work / c.theirs().stream().mapToDouble(p -> p.rate().median()).max().orElse(Double.NaN);
    }
    return new ResNet50Times(ours, peers, true);
  }
}
