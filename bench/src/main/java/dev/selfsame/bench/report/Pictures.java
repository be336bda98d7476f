package dev.selfsame.bench.report;

import dev.selfsame.bench.Limits;
import dev.selfsame.bench.RunRecord.CaseResult;
import dev.selfsame.bench.RunRecord.SuiteResult;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import javax.imageio.ImageIO;
import org.knowm.xchart.AnnotationLine;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.HorizontalBarChart;
import org.knowm.xchart.HorizontalBarChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Bars of ratios, and rooflines, as PNG. */
final class Pictures {
  private static final int WIDTH = 1000;
  private static final Color[] BARS = {
    new Color(0x1b6ca8), new Color(0xe08e2b), new Color(0x7fb2d9), new Color(0xf0c48a)
  };
  private static final Color EQUAL = new Color(0x444444);
  private static final Color TARGET = new Color(0x2e8b57);

  /** A longer bar is cut off here. */
  private static final double LONGEST = 3;

  private Pictures() {}

  /** Ratio to the fastest peer, case by case; a bar for each number of threads. */
  static void ratios(Path file, String suite, List<Source> sources) {
    Set<String> names = new LinkedHashSet<>();
    for (Source source : sources) {
      source.suite(suite).orElseThrow().cases().forEach(c -> names.add(c.name()));
    }
    bars(
        file,
        suite + ": the fastest peer's time over ours",
        List.copyOf(names),
        sources,
        (source, name) -> source.find(suite, name).map(CaseResult::worstRatio).orElse(Double.NaN),
        Targets.lineOf(suite));
  }

  /** Geometric means of all suites. */
  static void summary(Path file, List<String> suites, List<Source> sources) {
    bars(
        file,
        "the fastest peer's time over ours, geometric means",
        suites,
        sources,
        (source, suite) -> source.suite(suite).map(Targets::geometricMean).orElse(Double.NaN),
        Double.NaN);
  }

  private interface Value {
    double of(Source source, String name);
  }

  private static void bars(
      Path file,
      String title,
      List<String> names,
      List<Source> sources,
      Value value,
      double target) {
    int height = 130 + names.size() * (10 + 16 * sources.size());
    HorizontalBarChart chart =
        new HorizontalBarChartBuilder().width(WIDTH).height(height).title(title).build();
    var style = chart.getStyler();
    common(style);
    style.setAvailableSpaceFill(0.85);
    style.setLabelsVisible(true);
    style.setLabelsFont(font(12));
    style.setLabelsPosition(0.5);
    style.setXAxisMin(0.0);
    style.setXAxisDecimalPattern("0.00");
    // The one hint serves both axes: below the height of a case, or labels of cases are left out.
    style.setXAxisTickMarkSpacingHint(20);
    double longest = Math.max(1, Double.isNaN(target) ? 1 : target);
    List<String> labels = names.stream().map(n -> label(n, sources, value)).toList();
    for (Source source : sources) {
      List<Double> ratios = new ArrayList<>();
      for (String name : names) {
        double ratio = value.of(source, name);
        ratios.add(Double.isNaN(ratio) ? ratio : Math.min(LONGEST, round(ratio)));
        longest = Double.isNaN(ratio) ? longest : Math.max(longest, ratios.getLast());
      }
      var series = chart.addSeries(source.label(), ratios, labels);
      series.setFillColor(BARS[sources.indexOf(source) % BARS.length]);
    }
    style.setXAxisMax(Math.min(LONGEST, Math.ceil(longest * 5 + 0.5) / 5));
    style.setAnnotationLineColor(EQUAL);
    style.setAnnotationLineStroke(new BasicStroke(2));
    chart.addAnnotation(new AnnotationLine(1.0, true, false));
    if (!Double.isNaN(target) && target != 1.0) {
      chart.addAnnotation(new AnnotationLine(target, true, false));
    }
    write(file, chart);
  }

  /** With the true ratio beside the name, where the bar is cut off. */
  private static String label(String name, List<Source> sources, Value value) {
    double most =
        sources.stream()
            .mapToDouble(s -> value.of(s, name))
            .filter(r -> r > LONGEST)
            .max()
            .orElse(0);
    return most == 0 ? name : "%s (to %.1f)".formatted(name, most);
  }

  /** Operations per second over operations per byte, for what is counted in operations. */
  static void roofline(Path file, Source source) {
    Limits limits = source.record().limits();
    XYChart chart =
        new XYChartBuilder()
            .width(1200)
            .height(700)
            .title("roofline, %s: ours and the fastest peer".formatted(source.label()))
            .xAxisTitle("FLOP per byte of operands and result")
            .yAxisTitle("GFLOP/s")
            .build();
    var style = chart.getStyler();
    common(style);
    style.setXAxisLogarithmic(true);
    style.setYAxisLogarithmic(true);
    style.setLegendPosition(Styler.LegendPosition.OutsideE);
    style.setLegendLayout(Styler.LegendLayout.Vertical);
    style.setMarkerSize(8);
    style.setYAxisMin(1.0);
    double peak = limits.fmaGflops();
    double slow = limits.bandwidth(Limits.Loop.TRIAD, 1L << 29);
    double fast = limits.bandwidth(Limits.Loop.TRIAD, 1L << 20);
    double least = Math.clamp(1 / slow, 0.05, 0.25);
    double most = 1000;
    roof(chart, "FMA peak, %.0f GFLOP/s".formatted(peak), Color.BLACK, peak / fast, most, peak, 0);
    roof(chart, "triad, 1 MB: %.0f GB/s".formatted(fast), Color.GRAY, least, peak / fast, 0, fast);
    roof(
        chart,
        "triad, 512 MB: %.1f GB/s".formatted(slow),
        Color.LIGHT_GRAY,
        least,
        peak / slow,
        0,
        slow);
    Color[] colors = {
      BARS[0], BARS[1], TARGET, new Color(0x9b3d8f), new Color(0xc0392b), new Color(0x7f6a3f)
    };
    int next = 0;
    for (SuiteResult suite : source.record().suites()) {
      List<CaseResult> cases =
          suite.cases().stream()
              .filter(c -> c.flops() > 0 && c.bytes() > 0 && c.unit().equals("GFLOP/s"))
              .toList();
      if (!cases.isEmpty()) {
        Color color = colors[next++ % colors.length];
        points(chart, suite.suite(), cases, color, SeriesMarkers.CIRCLE, c -> c.ours().median());
        Color pale = new Color(color.getRed(), color.getGreen(), color.getBlue(), 140);
        points(
            chart,
            suite.suite() + ", peer",
            cases,
            pale,
            SeriesMarkers.CROSS,
            c -> c.theirs().stream().mapToDouble(p -> p.rate().median()).max().orElse(Double.NaN));
      }
    }
    write(file, chart);
  }

  /** A horizontal roof, or a slanted one through {@code bandwidth} GFLOP/s at 1 FLOP a byte. */
  private static void roof(
      XYChart chart,
      String name,
      Color color,
      double from,
      double to,
      double height,
      double bandwidth) {
    double[] y =
        bandwidth == 0
            ? new double[] {height, height}
            : new double[] {from * bandwidth, to * bandwidth};
    XYSeries s = chart.addSeries(name, new double[] {from, to}, y);
    s.setMarker(SeriesMarkers.NONE);
    s.setLineColor(color);
    s.setLineStyle(new BasicStroke(2));
  }

  private interface Rate {
    double of(CaseResult c);
  }

  private static void points(
      XYChart chart, String name, List<CaseResult> cases, Color color, Marker marker, Rate rate) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    for (CaseResult c : cases) {
      if (!Double.isNaN(rate.of(c))) {
        x.add(c.flops() / c.bytes());
        y.add(rate.of(c));
      }
    }
    XYSeries s = chart.addSeries(name, x, y);
    s.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
    s.setMarker(marker);
    s.setMarkerColor(color);
  }

  private static double round(double ratio) {
    return Math.round(100 * ratio) / 100.0;
  }

  private static void common(AxesChartStyler style) {
    style.setChartBackgroundColor(Color.WHITE);
    style.setPlotBorderVisible(false);
    style.setChartTitleBoxVisible(false);
    style.setChartTitleFont(font(16));
    style.setAxisTickLabelsFont(font(13));
    style.setAxisTitleFont(font(14));
    style.setLegendFont(font(13));
    style.setLegendBorderColor(Color.WHITE);
    style.setLegendPosition(Styler.LegendPosition.OutsideS);
    style.setLegendLayout(Styler.LegendLayout.Horizontal);
  }

  private static Font font(int size) {
    return new Font(Font.SANS_SERIF, Font.PLAIN, size);
  }

  private static void write(Path file, Chart<?, ?> chart) {
    try {
      BufferedImage image = BitmapEncoder.getBufferedImage(chart);
      Files.createDirectories(file.toAbsolutePath().getParent());
      ImageIO.write(image, "png", file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
