package dev.selfsame.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the machine can do at most, measured in the same run as the cases.
 *
 * @param fmaGflops fused multiply-adds on registers, all threads
 * @param bandwidth what bare loops move
 */
public record Limits(double fmaGflops, List<Bandwidth> bandwidth) {
  /** A bare loop that moves bytes. */
  public enum Loop {
    /** One array read. */
    READ,
    /** One read, one written. */
    COPY,
    /** Two read, one written. */
    TRIAD,
    /** One read, three read and written: AdamW's shape. */
    UPDATE
  }

  /**
   * @param bytes that all threads together read and write in one pass
   * @param gbytes per second
   */
  public record Bandwidth(Loop loop, double bytes, double gbytes) {}

  /** The limit of one case, in the unit of its rate, and what sets it. */
  public record Limit(double value, String by) {}

  /**
   * The roofline (Williams, Waterman &amp; Patterson 2009): the peak, or as much as the bandwidth
   * for this many bytes can feed.
   *
   * @param loop whose bandwidth counts
   */
  Limit of(Work work, Rate rate, Loop loop) {
    double nanosForBytes = work.bytes() / bandwidth(loop, work.bytes());
    double nanosForFlops = work.flops() / fmaGflops;
    double nanos = Math.max(nanosForBytes, nanosForFlops);
    String by =
        nanosForFlops >= nanosForBytes
            ? "FMA peak"
            : loop.name().toLowerCase(Locale.ROOT) + " bandwidth";
    return new Limit(Spread.round(work.in(rate) / nanos), by);
  }

  /** The higher of both, one by one; measured for the same loops and sizes. */
  Limits better(Limits other) {
    List<Bandwidth> best = new ArrayList<>();
    for (int i = 0; i < bandwidth.size(); i++) {
      Bandwidth a = bandwidth.get(i);
      Bandwidth b = other.bandwidth.get(i);
      best.add(a.gbytes() >= b.gbytes() ? a : b);
    }
    return new Limits(Math.max(fmaGflops, other.fmaGflops), best);
  }

  /** Between two sizes in proportion to the logarithm; beyond the outer ones, theirs. */
  public double bandwidth(Loop loop, double bytes) {
    List<Bandwidth> measured = bandwidth.stream().filter(b -> b.loop() == loop).toList();
    Bandwidth below = measured.getFirst();
    for (Bandwidth above : measured) {
      if (bytes <= above.bytes()) {
        if (bytes <= below.bytes()) {
          return below.gbytes();
        }
        double share = Math.log(bytes / below.bytes()) / Math.log(above.bytes() / below.bytes());
        return below.gbytes() + share * (above.gbytes() - below.gbytes());
      }
      below = above;
    }
    return below.gbytes();
  }
}
