package dev.selfsame.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.selfsame.DataException;
import dev.selfsame.Tensor;
import dev.selfsame.io.SafetensorsHeader.Kind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;

/**
 * A safetensors archive, opened for reading: named arrays and a map of strings (format: <a
 * href="https://huggingface.co/docs/safetensors">safetensors</a>): the header's length in eight
 * bytes, little-endian, the header in JSON, the arrays' bytes.
 *
 * <p>All of the header is checked when the file is opened: its length, its JSON, duplicate names,
 * types, sizes, and that the arrays cover the rest of the file without gap or overlap. Arrays are
 * parts of the mapped file, not copies (unless a foreign writer left one unaligned); they end with
 * {@link #close}. Files beyond 2 GB are fine. May be used by several threads.
 */
public final class Safetensors implements AutoCloseable {
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final Arena arena;
  private final MemorySegment bytes;
  private final SafetensorsHeader header;

  private Safetensors(Path file, Arena arena, MemorySegment bytes, SafetensorsHeader header) {
    this.file = file;
    this.arena = arena;
    this.bytes = bytes;
    this.header = header;
  }

  /**
   * Opens and checks a file.
   *
   * @throws DataException if it is missing, truncated or corrupt
   */
  public static Safetensors open(Path file) {
    Arena arena = Arena.ofShared();
    boolean good = false;
    try {
      MemorySegment mapped = FileBytes.map(file, arena);
      if (mapped.byteSize() < 8) {
        throw new DataException(
            "%s: truncated: expected 8 bytes for the header's length, found %d"
                .formatted(file, mapped.byteSize()));
      }
      long length = mapped.get(LENGTH, 0);
      long rest = mapped.byteSize() - 8;
      if (length < 2 || length > SafetensorsHeader.MAX_BYTES || length > rest) {
        throw new DataException(
            "%s: the header's length is %s; expected 2 to %d"
                .formatted(
                    file,
                    Long.toUnsignedString(length),
                    Math.min(rest, SafetensorsHeader.MAX_BYTES)));
      }
      byte[] json = mapped.asSlice(8, length).toArray(JAVA_BYTE);
      MemorySegment data = mapped.asSlice(8 + length);
      var header = SafetensorsHeader.parse(file.toString(), json, data.byteSize());
      good = true;
      return new Safetensors(file, arena, data, header);
    } finally {
      if (!good) {
        arena.close();
      }
    }
  }

  /** The arrays' names, in the order of their bytes in the file. */
  public Set<String> names() {
    return header.entries().keySet();
  }

  /** The strings stored beside the arrays; empty if there are none. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /**
   * An array by name.
   *
   * @throws DataException if there is none of that name
   */
  public StoredArray get(String name) {
    SafetensorsHeader.Entry entry = header.entries().get(name);
    if (entry == null) {
      throw new DataException(
          "%s: no array '%s'; it has %s".formatted(file, name, header.entries().keySet()));
    }
    MemorySegment part = bytes.asSlice(entry.begin(), entry.byteSize());
    return new StoredArray(
        entry.type(), entry.shape(), FileBytes.aligned(part, entry.type().bytes(), arena));
  }

  /** Copies the array {@code name} into a tensor of the same type and shape, on any device. */
  public void read(String name, Tensor into) {
    StoredArray array = get(name);
    if (array.type() != ElementType.of(into.dtype()) || !array.shape().equals(into.shape())) {
      throw new DataException(
          "%s: array '%s' is %s %s; expected %s %s"
              .formatted(file, name, array.type(), array.shape(), into.dtype(), into.shape()));
    }
    into.copyFrom(array.data());
  }

  /** Unmaps the file; its arrays can't be used any more. */
  @Override
  public void close() {
    arena.close();
  }

  /**
   * Writes arrays. The bytes of the file depend on names, types, shapes, elements and metadata
   * only, and are those of the reference writer where metadata has at most one key: arrays by
   * descending type, then by name (UTF-8); metadata keys by name; no space in the JSON but the
   * padding to eight bytes. An existing file is replaced at once or, if anything fails, left alone.
   */
  public static void write(
      Path file, Map<String, String> metadata, Map<String, StoredArray> arrays) {
    var kinds = new LinkedHashMap<String, Kind>();
    arrays.forEach((name, array) -> kinds.put(name, new Kind(array.type(), array.shape())));
    write(file, SafetensorsHeader.layOut(metadata, kinds), name -> at(arrays, name).data());
  }

  /** {@link #write} for tensors; those on CUDA devices are copied to the host one by one. */
  public static void writeTensors(
      Path file, Map<String, String> metadata, Map<String, Tensor> tensors) {
    var kinds = new LinkedHashMap<String, Kind>();
    tensors.forEach((name, tensor) ->
        kinds.put(name, new Kind(ElementType.of(tensor.dtype()), tensor.shape())));
    write(
        file,
        SafetensorsHeader.layOut(metadata, kinds),
        name -> FileBytes.ofTensor(at(tensors, name)));
  }

  private static <T> T at(Map<String, T> map, String name) {
    return Objects.requireNonNull(map.get(name), name);
  }

  private static void write(
      Path file, SafetensorsHeader header, Function<String, MemorySegment> data) {
    byte[] json = header.json();
    ByteBuffer start = ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN);
    start.putLong(json.length).put(json).flip();
    FileBytes.replace(
        file,
        out -> {
          FileBytes.write(out, start);
          for (String name : header.entries().keySet()) {
            FileBytes.write(out, data.apply(name));
          }
        });
  }
}
