package dev.selfsame.io;

import dev.selfsame.DataException;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The header of a safetensors file: what is where.
 *
 * @param metadata strings by key
 * @param entries arrays by name, in the order of their bytes
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, Entry> entries) {
  /** The limit of the format. */
  static final long MAX_BYTES = 100_000_000;

  private static final String METADATA = "__metadata__";
  private static final Set<String> FIELDS = Set.of("dtype", "shape", "data_offsets");
  private static final Comparator<String> BY_UTF8 =
      (a, b) -> Arrays.compareUnsigned(utf8("name", a), utf8("name", b));

  /** Type and sizes of an array. */
  record Kind(ElementType type, Shape shape) {}

  /** An array's kind and the place of its bytes, counted from the end of the header. */
  record Entry(ElementType type, Shape shape, long begin, long end) {
    long byteSize() {
      return end - begin;
    }
  }

  /**
   * Lays arrays out one after the other: by descending type, so that each is aligned, then by name.
   */
  static SafetensorsHeader layOut(Map<String, String> metadata, Map<String, Kind> kinds) {
    var names = new ArrayList<String>(kinds.keySet());
    if (names.contains(METADATA)) {
      throw new SelfsameException("an array is named " + METADATA + ", which the format reserves");
    }
    Comparator<String> byType = Comparator.comparing(name -> kind(kinds, name).type());
    names.sort(byType.reversed().thenComparing(BY_UTF8));
    var entries = new LinkedHashMap<String, Entry>();
    long at = 0;
    for (String name : names) {
      Kind kind = kind(kinds, name);
      long bytes = Math.multiplyExact(kind.shape().elements(), (long) kind.type().bytes());
      entries.put(name, new Entry(kind.type(), kind.shape(), at, Math.addExact(at, bytes)));
      at += bytes;
    }
    SortedMap<String, String> sorted = new TreeMap<>(BY_UTF8);
    sorted.putAll(metadata);
    return new SafetensorsHeader(sorted, entries);
  }

  private static Kind kind(Map<String, Kind> kinds, String name) {
    Kind kind = kinds.get(name);
    if (kind == null) {
      throw new SelfsameException("array '" + name + "' is null");
    }
    return kind;
  }

  /** The JSON text, padded with spaces to a multiple of eight bytes. */
  byte[] json() {
    var parts = new ArrayList<String>();
    if (!metadata.isEmpty()) {
      var pairs = new ArrayList<String>();
      metadata.forEach((key, value) -> pairs.add(Json.quote(key) + ":" + Json.quote(value)));
      parts.add(Json.quote(METADATA) + ":{" + String.join(",", pairs) + "}");
    }
    entries.forEach((name, entry) ->
        parts.add(
            "%s:{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                .formatted(
                    Json.quote(name),
                    entry.type(),
                    Arrays.toString(entry.shape().sizes()).replace(" ", ""),
                    entry.begin(),
                    entry.end())));
    byte[] text = utf8("metadata", "{" + String.join(",", parts) + "}");
    byte[] padded = Arrays.copyOf(text, (text.length + 7) / 8 * 8);
    Arrays.fill(padded, text.length, padded.length, (byte) ' ');
    if (padded.length > MAX_BYTES) {
      throw new SelfsameException(
          "the header takes %d bytes; the format allows %d".formatted(padded.length, MAX_BYTES));
    }
    return padded;
  }

  /** Strict: half a surrogate pair is an error, not a question mark. */
  private static byte[] utf8(String what, String text) {
    try {
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      return Arrays.copyOf(bytes.array(), bytes.limit());
    } catch (CharacterCodingException e) {
      throw new SelfsameException(what + " '" + text + "' is not valid Unicode", e);
    }
  }

  /**
   * Parses and checks.
   *
   * @param file the file's name, for messages
   * @param json the header's bytes
   * @param dataBytes how many bytes follow the header
   */
  static SafetensorsHeader parse(String file, byte[] json, long dataBytes) {
    if (json[0] != '{') {
      throw new DataException(
          "%s: the header expected '{' first, found 0x%02x".formatted(file, json[0]));
    }
    Map<String, Object> root;
    try {
      root =
          Json.object(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString());
    } catch (Json.Malformed e) {
      throw new DataException(file + ": the header is not valid: " + e.getMessage(), e);
    } catch (CharacterCodingException e) {
      throw new DataException(file + ": the header is not UTF-8", e);
    }
    var metadata = new LinkedHashMap<String, String>();
    var entries = new ArrayList<Map.Entry<String, Entry>>();
    for (var field : root.entrySet()) {
      if (field.getKey().equals(METADATA)) {
        metadata(file, field.getValue(), metadata);
      } else {
        entries.add(Map.entry(field.getKey(), entry(file, field.getKey(), field.getValue())));
      }
    }
    entries.sort(
        Comparator.comparingLong((Map.Entry<String, Entry> e) -> e.getValue().begin())
            .thenComparingLong(e -> e.getValue().end()));
    var byName = new LinkedHashMap<String, Entry>();
    long at = 0;
    for (var named : entries) {
      Entry entry = named.getValue();
      if (entry.begin() != at) {
        throw new DataException(
            "%s: array '%s' begins at %d, which leaves a gap or overlaps; expected %d"
                .formatted(file, named.getKey(), entry.begin(), at));
      }
      at = entry.end();
      byName.put(named.getKey(), entry);
    }
    if (at != dataBytes) {
      throw new DataException(
          "%s: %s: the header expects %d bytes of arrays, found %d"
              .formatted(file, dataBytes < at ? "truncated" : "trailing bytes", at, dataBytes));
    }
    return new SafetensorsHeader(
        Collections.unmodifiableMap(metadata), Collections.unmodifiableMap(byName));
  }

  private static void metadata(String file, Object value, Map<String, String> into) {
    if (!(value instanceof Map<?, ?> map)) {
      throw new DataException(file + ": " + METADATA + " expected an object, found " + value);
    }
    map.forEach((key, text) -> {
      if (!(text instanceof String string)) {
        throw new DataException(
            "%s: %s '%s' expected a string, found %s".formatted(file, METADATA, key, text));
      }
      into.put((String) key, string);
    });
  }

  private static Entry entry(String file, String name, Object value) {
    String where = "%s: array '%s'".formatted(file, name);
    if (!(value instanceof Map<?, ?> map) || !map.keySet().equals(FIELDS)) {
      throw new DataException(
          where + " expected an object of dtype, shape and data_offsets, found " + value);
    }
    ElementType type = type(where, map.get("dtype"));
    long[] sizes = longs(where + ": shape", map.get("shape"));
    long[] offsets = longs(where + ": data_offsets", map.get("data_offsets"));
    if (offsets.length != 2 || offsets[0] > offsets[1]) {
      throw new DataException(
          where + ": data_offsets expected [begin, end], found " + Arrays.toString(offsets));
    }
    long bytes = type.bytes();
    try {
      for (long size : sizes) {
        bytes = Math.multiplyExact(bytes, size);
      }
    } catch (ArithmeticException e) {
      throw new DataException(
          where + ": shape " + Arrays.toString(sizes) + " is more bytes than 64 bits count", e);
    }
    if (bytes != offsets[1] - offsets[0]) {
      throw new DataException(
          "%s: %s %s takes %d bytes, but data_offsets are %s"
              .formatted(where, type, Arrays.toString(sizes), bytes, Arrays.toString(offsets)));
    }
    return new Entry(type, shape(where, sizes), offsets[0], offsets[1]);
  }

  private static Shape shape(String where, long[] sizes) {
    try {
      return Shape.of(sizes);
    } catch (SelfsameException e) {
      throw new DataException(where + ": " + e.getMessage(), e);
    }
  }

  private static ElementType type(String where, @Nullable Object name) {
    for (ElementType type : ElementType.values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    throw new DataException(
        "%s: dtype expected one of %s, found %s"
            .formatted(where, Arrays.toString(ElementType.values()), name));
  }

  private static long[] longs(String where, @Nullable Object value) {
    if (!(value instanceof List<?> list)) {
      throw new DataException(where + " expected a list of sizes, found " + value);
    }
    long[] out = new long[list.size()];
    for (int i = 0; i < out.length; i++) {
      if (!(list.get(i) instanceof Long number) || number < 0) {
        throw new DataException(where + " expected integers of 0 or more, found " + value);
      }
      out[i] = number;
    }
    return out;
  }
}
