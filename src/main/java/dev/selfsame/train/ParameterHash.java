package dev.selfsame.train;

import dev.selfsame.Parameter;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * SHA-256 of all parameters: for each, in order, its name in UTF-8, its shape as text, and its
 * values as little-endian binary32. Equal hashes mean equal bits.
 */
public final class ParameterHash {
  private ParameterHash() {}

  /** The hash in hexadecimal. */
  public static String of(List<Parameter> parameters) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
    for (Parameter p : parameters) {
      digest.update((p.name() + " " + p.value().shape() + "\n").getBytes(StandardCharsets.UTF_8));
      float[] values = p.value().toFloatArray();
      ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES));
      MemorySegment.copy(
          MemorySegment.ofArray(values), 0, MemorySegment.ofBuffer(bytes), 0, bytes.capacity());
      if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
        throw new AssertionError("this platform is big-endian");
      }
      digest.update(bytes);
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
