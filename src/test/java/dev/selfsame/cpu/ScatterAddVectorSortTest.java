package dev.selfsame.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The order of scatter-add's terms, against a stable sort of java.util, for any number of threads.
 */
class ScatterAddVectorSortTest {
  /** Around the number of positions from which threads share them; rows counted and sorted. */
  @ParameterizedTest
  @CsvSource({
    "262143, 1000",
    "262144, 1",
    "262144, 7",
    "262145, 1000",
    "300007, 50000",
    "262144, 262144",
    "262144, 262145",
    "40000, 300000",
    "70000, 2000000"
  })
  void isStableForAnyNumberOfThreads(int n, int rows) {
    var random = new SplittableRandom(n + rows);
    // Half of them to one row, so that its positions go on from block to block.
    int[] indices =
        IntStream.range(0, n)
            .map(i -> random.nextBoolean() ? rows / 3 : random.nextInt(rows))
            .toArray();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_INT, indices);
      for (int padding : new int[] {-1, rows / 3, rows - 1}) {
        int[] wanted =
            IntStream.range(0, n)
                .filter(i -> indices[i] != padding)
                .boxed()
                .sorted(Comparator.comparingInt(i -> indices[i]))
                .mapToInt(i -> i)
                .toArray();
        int[] wantedRows = Arrays.stream(wanted).map(i -> indices[i]).distinct().toArray();
        for (int threads : new int[] {1, 2, 3, 64}) {
          for (boolean lasting : new boolean[] {false, true}) {
            var sort =
                ScatterAddVectorSort.of(memory, n, rows, padding, lasting, Workers.of(threads));
            String what = "padding %d, %d threads".formatted(padding, threads);
            assertEquals(wanted.length, sort.terms(), what);
            assertArrayEquals(wanted, Arrays.copyOf(sort.order(), sort.terms()), what);
            assertArrayEquals(wantedRows, Arrays.copyOf(sort.rows(), sort.segments()), what);
            for (int s = 0; s < sort.segments(); s++) {
              int at = sort.starts()[s];
              assertEquals(wantedRows[s], indices[wanted[at]], what);
              assertEquals(s, sort.segmentOf(at), what);
            }
          }
        }
      }
    }
  }
}
