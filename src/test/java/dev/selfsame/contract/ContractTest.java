package dev.selfsame.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ContractTest {
  @Test
  void chunkIs512UpTo16384Terms() {
    for (long k : new long[] {0, 1, 511, 512, 513, 16_383, 16_384}) {
      assertEquals(512, Contract.chunk(k));
    }
  }

  @Test
  void longerContractionsHaveAtMost32Chunks() {
    assertEquals(1024, Contract.chunk(16_385));
    assertEquals(1024, Contract.chunk(32_768));
    assertEquals(1536, Contract.chunk(32_769));
    for (long k = 1; k > 0 && k < 1L << 60; k = k * 3 + 1) {
      assertTrue(Math.ceilDiv(k, Contract.chunk(k)) <= Contract.MAX_CHUNKS);
      assertEquals(0, Contract.chunk(k) % 512);
    }
  }

  @Test
  void negativeLengthIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Contract.chunk(-1));
  }
}
