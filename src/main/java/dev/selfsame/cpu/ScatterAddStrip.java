package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/** Columns {@code first … end − 1} of rows of so many (op/ScatterAdd). */
record ScatterAddStrip(long first, long end, long columns) {
  /** Sets the strip of rows {@code from … to − 1} to +0. */
  void clear(MemorySegment dst, long from, long to) {
    boolean whole = end - first == columns;
    long rows = whole ? to - from : 1;
    for (long row = from; row < to; row += rows) {
      long at = (row * columns + first) * Float.BYTES;
      long bytes = rows * (end - first) * Float.BYTES;
      for (long j = 0; j < bytes; j += BlockScratch.ZEROS.byteSize()) {
        long piece = Math.min(BlockScratch.ZEROS.byteSize(), bytes - j);
        MemorySegment.copy(BlockScratch.ZEROS, 0, dst, at + j, piece);
      }
    }
  }
}
