package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TextStreamsTest {
  private static final int[] TEXT = IntStream.range(0, 24).map(i -> 100 + i).toArray();

  private static int[][] piece(TextStreams streams, long piece) {
    try (Scope scope = Scope.open()) {
      Shape rows = Shape.of((long) streams.steps(piece) * streams.streams());
      Tensor in = Tensor.empty(scope, Device.scalar(), DType.I32, rows);
      Tensor next = Tensor.empty(scope, Device.scalar(), DType.I32, rows);
      streams.fill(piece, in, next);
      return new int[][] {in.toIntArray(), next.toIntArray()};
    }
  }

  /** 24 tokens: two streams of 11, which begin at tokens 0 and 11. */
  @Test
  void piecesGoOnWhereTheLastOneEnded() {
    TextStreams streams = TextStreams.training(TEXT, 2, 4);
    assertEquals(2, streams.perEpoch());
    assertEquals(16, streams.predicted());
    int[][] first = piece(streams, 0);
    assertArrayEquals(new int[] {100, 111, 101, 112, 102, 113, 103, 114}, first[0]);
    assertArrayEquals(new int[] {101, 112, 102, 113, 103, 114, 104, 115}, first[1]);
    assertArrayEquals(new int[] {104, 115, 105, 116, 106, 117, 107, 118}, piece(streams, 1)[0]);
    assertTrue(streams.starts(0));
    assertFalse(streams.starts(1));
    assertTrue(streams.starts(2));
    assertArrayEquals(first[0], piece(streams, 2)[0]);
  }

  @Test
  void evaluationReadsTheStreamsToTheirEnds() {
    TextStreams streams = TextStreams.evaluation(TEXT, 2, 4);
    assertEquals(3, streams.perEpoch());
    assertEquals(3, streams.steps(2));
    assertEquals(22, streams.predicted());
    assertArrayEquals(new int[] {109, 120, 110, 121, 111, 122}, piece(streams, 2)[1]);
  }

  @Test
  void badInputIsNamed() {
    refused(
        "8 streams of 4 steps from a text of 24 tokens", () -> TextStreams.training(TEXT, 8, 4));
    refused("0 streams", () -> TextStreams.evaluation(TEXT, 0, 4));
    refused("of 0 steps", () -> TextStreams.evaluation(TEXT, 2, 0));
    refused("from a text of 1 tokens", () -> TextStreams.evaluation(new int[1], 1, 1));
    TextStreams streams = TextStreams.training(TEXT, 2, 4);
    refused("piece is -1", () -> streams.steps(-1));
    try (Scope scope = Scope.open()) {
      Tensor right = Tensor.empty(scope, Device.scalar(), DType.I32, Shape.of(8));
      Tensor few = Tensor.empty(scope, Device.scalar(), DType.I32, Shape.of(7)).fill(5);
      Tensor floats = Tensor.empty(scope, Device.scalar(), 8);
      assertThrows(ShapeException.class, () -> streams.fill(0, right, few));
      assertThrows(DTypeException.class, () -> streams.fill(0, floats, right));
      assertArrayEquals(new int[] {5, 5, 5, 5, 5, 5, 5}, few.toIntArray());
    }
  }

  private static void refused(String words, Runnable call) {
    String message = assertThrows(SelfsameException.class, call::run).getMessage();
    assertTrue(message.contains(words), message);
  }
}
