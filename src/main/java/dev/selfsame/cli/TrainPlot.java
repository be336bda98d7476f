package dev.selfsame.cli;

import dev.selfsame.train.Trainer;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Loss and score of a training run over its steps, as a picture. */
final class TrainPlot {
  private TrainPlot() {}

  /** Writes a PNG; returns why it could not, or empty. */
  static Optional<String> write(Path file, Trainer.Report report) {
    System.setProperty("java.awt.headless", "true");
    try {
      BufferedImage image = BitmapEncoder.getBufferedImage(chart(report));
      try (OutputStream to = Files.newOutputStream(file)) {
        ImageIO.write(image, "png", to);
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (LinkageError | RuntimeException e) {
      // Java's font code fails like this where the system has no fonts.
      return Optional.of("drawing needs the system's fontconfig and a font (" + e + ")");
    }
  }

  private static XYChart chart(Trainer.Report report) {
    XYChart chart =
        new XYChartBuilder()
            .width(900)
            .height(500)
            .xAxisTitle("step")
            .yAxisTitle("training loss")
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideS);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setYAxisMin(0, 0.0);
    chart.getStyler().setXAxisMin(0.0);
    chart.setYAxisGroupTitle(1, report.measure().axis());
    chart.getStyler().setYAxisGroupPosition(1, Styler.YAxisPosition.Right);
    float[] losses = report.losses();
    int window = Math.max(1, losses.length / 200);
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    for (int from = 0; from < losses.length; from += window) {
      int to = Math.min(losses.length, from + window);
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += losses[i];
      }
      x.add((double) (report.firstStep() + to));
      y.add(sum / (to - from));
    }
    if (!x.isEmpty()) {
      String label = window == 1 ? "loss" : "loss, mean of " + window + " steps";
      XYSeries loss = chart.addSeries(label, x, y);
      loss.setMarker(SeriesMarkers.NONE);
    }
    if (!report.evaluations().isEmpty()) {
      XYSeries score =
          chart.addSeries(
              report.measure().name(),
              report.evaluations().stream().map(e -> (double) e.step()).toList(),
              report.evaluations().stream().map(e -> report.measure().onAxis(e.score())).toList());
      score.setYAxisGroup(1);
      if (report.measure().percent()) {
        double lowest =
            report.evaluations().stream().mapToDouble(e -> 100 * e.score()).min().orElse(0);
        chart.getStyler().setYAxisMin(1, Math.max(0, Math.floor(lowest / 5) * 5 - 5));
        chart.getStyler().setYAxisMax(1, 100.0);
      }
      score.setMarker(SeriesMarkers.CIRCLE);
    }
    return chart;
  }
}
