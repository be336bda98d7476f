package dev.selfsame.cli;

import dev.selfsame.study.Chart;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A study's picture: its charts side by side. */
final class StudyPlot {
  private static final int WIDTH = 620;
  private static final int HEIGHT = 460;

  /** Apart also for those who see red and green as one (Okabe and Ito 2008). */
  private static final Color[] COLORS = {
    new Color(0, 114, 178),
    new Color(213, 94, 0),
    new Color(0, 158, 115),
    new Color(204, 121, 167),
    new Color(90, 90, 90),
    new Color(230, 159, 0)
  };

  private StudyPlot() {}

  /** Writes a PNG; returns why it could not, or empty. */
  static Optional<String> write(Path file, List<Chart> charts) {
    System.setProperty("java.awt.headless", "true");
    try {
      BufferedImage picture =
          new BufferedImage(WIDTH * charts.size(), HEIGHT, BufferedImage.TYPE_INT_RGB);
      Graphics2D paint = picture.createGraphics();
      for (int i = 0; i < charts.size(); i++) {
        Chart chart = charts.get(i);
        BufferedImage panel =
            chart.categories().isEmpty()
                ? BitmapEncoder.getBufferedImage(lines(chart))
                : BitmapEncoder.getBufferedImage(bars(chart));
        paint.drawImage(panel, i * WIDTH, 0, null);
      }
      paint.dispose();
      try (OutputStream to = Files.newOutputStream(file)) {
        ImageIO.write(picture, "png", to);
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(file + ": " + e.getMessage());
    } catch (LinkageError | RuntimeException e) {
      // Java's font code fails like this where the system has no fonts.
      return Optional.of("drawing needs the system's fontconfig and a font (" + e + ")");
    }
  }

  private static void style(AxesChartStyler styler) {
    styler.setLegendPosition(Styler.LegendPosition.OutsideS);
    styler.setLegendLayout(Styler.LegendLayout.Vertical);
    styler.setLegendBorderColor(Color.WHITE);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setPlotBorderColor(Color.LIGHT_GRAY);
    styler.setPlotGridLinesColor(new Color(225, 225, 225));
    styler.setChartTitleBoxVisible(false);
    styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 14));
    styler.setAxisTitleFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
    styler.setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    styler.setSeriesColors(COLORS);
    styler.setLocale(Locale.ROOT);
  }

  private static XYChart lines(Chart chart) {
    XYChart drawn =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(chart.title())
            .xAxisTitle(chart.x())
            .yAxisTitle(chart.y())
            .build();
    style(drawn.getStyler());
    drawn.getStyler().setXAxisLogarithmic(chart.logX());
    drawn.getStyler().setYAxisLogarithmic(chart.logY());
    if (chart.logY()) {
      // Whole decades: only those are labelled.
      drawn.getStyler().setYAxisMin(decade(chart, false));
      drawn.getStyler().setYAxisMax(decade(chart, true));
    }
    for (Chart.Series series : chart.series()) {
      XYSeries line = drawn.addSeries(series.name(), series.x(), series.y());
      boolean theory = series.style() == Chart.Style.THEORY;
      line.setMarker(theory ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
      line.setLineWidth(theory ? 1.4f : 2f);
      if (theory) {
        line.setLineStyle(
            new BasicStroke(
                1.4f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10f, new float[] {6f, 5f}, 0f));
      }
    }
    drawn.getStyler().setMarkerSize(6);
    return drawn;
  }

  private static double decade(Chart chart, boolean above) {
    DoubleSummaryStatistics y =
        chart.series().stream()
            .flatMap(series -> series.y().stream())
            .mapToDouble(Double::doubleValue)
            .summaryStatistics();
    // A touch beyond the decade does not open the next one.
    return above
        ? StrictMath.pow(10, Math.ceil(StrictMath.log10(y.getMax()) - 0.01))
        : StrictMath.pow(10, Math.floor(StrictMath.log10(y.getMin()) + 0.01));
  }

  private static CategoryChart bars(Chart chart) {
    CategoryChart drawn =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(chart.title())
            .xAxisTitle(chart.x())
            .yAxisTitle(chart.y())
            .build();
    style(drawn.getStyler());
    for (Chart.Series series : chart.series()) {
      drawn.addSeries(series.name(), chart.categories(), series.y());
    }
    return drawn;
  }
}
