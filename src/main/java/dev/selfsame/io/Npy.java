package dev.selfsame.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.selfsame.DataException;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * NumPy's npy files (format versions 1.0, 2.0 and 3.0; see {@code numpy.lib.format}): the magic
 * string, the header's length, the header as a Python dictionary, the elements. Row-major ("C
 * order") and little-endian only; anything else is a {@link DataException} that says so. Files
 * beyond 2 GB are fine.
 */
public final class Npy {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int ALIGNMENT = 64;
  private static final int MAX_HEADER = 1 << 20;

  /** Digits that NumPy leaves room for, so that an array can grow along its first axis in place. */
  private static final int GROWTH_DIGITS = 21;

  private static final String STRING = "'([^'\\\\]*)'|\"([^\"\\\\]*)\"";
  private static final Pattern FIELD =
      Pattern.compile(
          "\\s*(?:%s)\\s*:\\s*(?:%s|(True|False)|\\(([0-9,\\s]*)\\))\\s*"
              .formatted(STRING, STRING));

  private Npy() {}

  /**
   * Reads a file: the array is part of the mapped file until the arena is closed (a copy, if the
   * elements are not aligned in the file).
   *
   * @throws DataException if the file is missing, truncated, corrupt, in Fortran order or
   *     big-endian
   */
  public static StoredArray read(Path file, Arena arena) {
    return parse(file.toString(), FileBytes.map(file, arena), arena);
  }

  /**
   * Reads a file of F32 or I32 elements into a new tensor.
   *
   * @throws dev.selfsame.DTypeException if it has other elements
   */
  public static Tensor read(Path file, Scope scope, Device device) {
    try (Arena arena = Arena.ofConfined()) {
      return read(file, arena).toTensor(scope, device);
    }
  }

  private static StoredArray parse(String file, MemorySegment bytes, Arena arena) {
    if (bytes.byteSize() < 10) {
      throw new DataException(
          "%s: truncated: expected 10 bytes or more, found %d".formatted(file, bytes.byteSize()));
    }
    byte[] start = bytes.asSlice(0, 10).toArray(JAVA_BYTE);
    if (!Arrays.equals(start, 0, 6, MAGIC, 0, 6)) {
      throw new DataException(file + ": not an npy file: expected \\x93NUMPY first");
    }
    int major = start[6];
    if (major < 1 || major > 3 || start[7] != 0) {
      throw new DataException(
          "%s: format version %d.%d; expected 1.0, 2.0 or 3.0".formatted(file, major, start[7]));
    }
    int lengthBytes = major == 1 ? 2 : 4;
    long length = 0;
    for (int i = 0; i < lengthBytes && 8 + i < bytes.byteSize(); i++) {
      length |= (bytes.get(JAVA_BYTE, 8 + i) & 0xffL) << 8 * i;
    }
    long dataStart = 8 + lengthBytes + length;
    if (length > MAX_HEADER) {
      throw new DataException(
          "%s: the header's length is %d; expected at most %d".formatted(file, length, MAX_HEADER));
    }
    if (dataStart > bytes.byteSize()) {
      throw new DataException(
          "%s: truncated in the header: expected %d bytes, found %d"
              .formatted(file, length, Math.max(0, bytes.byteSize() - 8 - lengthBytes)));
    }
    var charset = major == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1;
    var header = new String(bytes.asSlice(8 + lengthBytes, length).toArray(JAVA_BYTE), charset);
    var kind = header(file, header);
    MemorySegment data = bytes.asSlice(dataStart);
    long expected;
    try {
      expected = Math.multiplyExact(kind.shape().elements(), (long) kind.type().bytes());
    } catch (ArithmeticException e) {
      throw new DataException(file + ": shape " + kind.shape() + " is too large", e);
    }
    if (data.byteSize() != expected) {
      throw new DataException(
          "%s: %s: %s %s expected %d bytes, found %d"
              .formatted(
                  file,
                  data.byteSize() < expected ? "truncated" : "trailing bytes",
                  kind.type(),
                  kind.shape(),
                  expected,
                  data.byteSize()));
    }
    return new StoredArray(
        kind.type(), kind.shape(), FileBytes.aligned(data, kind.type().bytes(), arena));
  }

  /** Reads {@code {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }}. */
  private static SafetensorsHeader.Kind header(String file, String header) {
    String text = header.strip();
    if (!text.startsWith("{") || !text.endsWith("}")) {
      throw malformed(file, header);
    }
    String fields = text.substring(1, text.length() - 1);
    String descr = null;
    String fortran = null;
    String shape = null;
    Matcher field = FIELD.matcher(fields);
    int at = 0;
    while (at < fields.length() && !fields.substring(at).isBlank()) {
      if (!field.find(at) || field.start() != at) {
        throw malformed(file, header);
      }
      String key = field.group(1) != null ? field.group(1) : field.group(2);
      String string = field.group(3) != null ? field.group(3) : field.group(4);
      if ("descr".equals(key) && descr == null && string != null) {
        descr = string;
      } else if ("fortran_order".equals(key) && fortran == null && field.group(5) != null) {
        fortran = field.group(5);
      } else if ("shape".equals(key) && shape == null && field.group(6) != null) {
        shape = field.group(6);
      } else {
        throw malformed(file, header);
      }
      at = field.end();
      if (at < fields.length() && fields.charAt(at++) != ',') {
        throw malformed(file, header);
      }
    }
    if (descr == null || fortran == null || shape == null) {
      throw malformed(file, header);
    }
    if (fortran.equals("True")) {
      throw new DataException(
          file
              + ": the array is in Fortran order; expected C order: save"
              + " numpy.ascontiguousarray(a)");
    }
    return new SafetensorsHeader.Kind(type(file, descr), shape(file, header, shape));
  }

  private static DataException malformed(String file, String header) {
    return new DataException(
        "%s: the header expected {'descr': …, 'fortran_order': …, 'shape': …} of one plain type, found %s"
            .formatted(
                file, header.length() > 200 ? header.substring(0, 200) + "…" : header.strip()));
  }

  private static ElementType type(String file, String descr) {
    for (ElementType type : ElementType.values()) {
      if (descr.equals(type.npy())) {
        return type;
      }
    }
    throw new DataException(
        "%s: elements are '%s'; expected little-endian, one of %s"
            .formatted(
                file,
                descr,
                Arrays.stream(ElementType.values())
                    .filter(type -> type.npy() != null)
                    .map(ElementType::npy)
                    .collect(Collectors.joining(" "))));
  }

  private static Shape shape(String file, String header, String text) {
    String sizes = text.strip();
    if (sizes.isEmpty()) {
      return Shape.of();
    }
    boolean comma = sizes.endsWith(",");
    String[] parts = (comma ? sizes.substring(0, sizes.length() - 1) : sizes).split(",", -1);
    if (parts.length == 1 && !comma) {
      throw malformed(file, header);
    }
    long[] out = new long[parts.length];
    try {
      for (int i = 0; i < out.length; i++) {
        out[i] = Long.parseLong(parts[i].strip());
      }
      return Shape.of(out);
    } catch (NumberFormatException e) {
      throw malformed(file, header);
    } catch (SelfsameException e) {
      throw new DataException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Writes an array, byte for byte as NumPy does. An existing file is replaced at once or, if
   * anything fails, left alone.
   */
  public static void write(Path file, StoredArray array) {
    write(file, array.type(), array.shape(), array.data());
  }

  /** Writes a tensor of any device. */
  public static void write(Path file, Tensor tensor) {
    write(file, ElementType.of(tensor.dtype()), tensor.shape(), FileBytes.ofTensor(tensor));
  }

  private static void write(Path file, ElementType type, Shape shape, MemorySegment data) {
    if (type.npy() == null) {
      throw new SelfsameException("npy has no elements of type " + type);
    }
    byte[] start = start(type.npy(), shape.sizes());
    FileBytes.replace(
        file,
        out -> {
          FileBytes.write(out, ByteBuffer.wrap(start));
          FileBytes.write(out, data);
        });
  }

  /** Everything before the elements, a multiple of 64 bytes. */
  private static byte[] start(String descr, long[] sizes) {
    String shape =
        LongStream.of(sizes).mapToObj(Long::toString).collect(Collectors.joining(", "))
            + (sizes.length == 1 ? "," : "");
    var header = new StringBuilder();
    header.append(
        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }".formatted(descr, shape));
    if (sizes.length > 0) {
      header.repeat(' ', GROWTH_DIGITS - Long.toString(sizes[0]).length());
    }
    boolean small = header.length() + 1 + ALIGNMENT <= 0xffff;
    int before = small ? 10 : 12;
    header.repeat(' ', ALIGNMENT - (before + header.length() + 1) % ALIGNMENT).append('\n');
    ByteBuffer start = ByteBuffer.allocate(before + header.length()).order(ByteOrder.LITTLE_ENDIAN);
    start.put(MAGIC).put((byte) (small ? 1 : 2)).put((byte) 0);
    if (small) {
      start.putShort((short) header.length());
    } else {
      start.putInt(header.length());
    }
    return start.put(header.toString().getBytes(StandardCharsets.ISO_8859_1)).array();
  }
}
