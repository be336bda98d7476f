package dev.selfsame.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.DataException;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.op.Devices;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
  private static final String ONE = "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}";

  @TempDir Path folder;

  private static byte[] file(String header, int dataBytes) {
    byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    return bytes.putLong(json.length).put(json).array();
  }

  private void refused(byte[] bytes, String part) throws IOException {
    Path file = Files.write(folder.resolve("bad.safetensors"), bytes);
    var e = assertThrows(DataException.class, () -> Safetensors.open(file).close());
    assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  private static SequencedMap<String, StoredArray> some() {
    var arrays = new LinkedHashMap<String, StoredArray>();
    arrays.put("z.bias", StoredArray.of(new float[] {1f, -0f, Float.NaN}, 3));
    arrays.put("steps", StoredArray.of(new int[] {-1, 7}, 2));
    arrays.put("a.weight", StoredArray.of(new float[] {0.5f, 2f, Float.MIN_VALUE, -3f}, 2, 2));
    arrays.put("empty", StoredArray.of(new float[0], 0, 4));
    arrays.put("scalar", StoredArray.of(new float[] {9f}));
    arrays.put(
        "long",
        new StoredArray(ElementType.I64, Shape.of(1), MemorySegment.ofArray(new long[] {5L})));
    arrays.put(
        "bytes",
        new StoredArray(ElementType.U8, Shape.of(3), MemorySegment.ofArray(new byte[] {1, 2, 3})));
    return arrays;
  }

  @Test
  void readsWhatItWrote() {
    Path file = folder.resolve("some.safetensors");
    Map<String, String> metadata = Map.of("step", "12", "quote \"", "ä\n\ud83d\ude00");
    Safetensors.write(file, metadata, some());
    try (Safetensors in = Safetensors.open(file)) {
      assertEquals(metadata, in.metadata());
      assertEquals(
          List.of("long", "a.weight", "empty", "scalar", "z.bias", "steps", "bytes"),
          List.copyOf(in.names()));
      some()
          .forEach((name, expected) -> {
            StoredArray found = in.get(name);
            assertEquals(expected.type(), found.type());
            assertEquals(expected.shape(), found.shape());
            assertEquals(-1, expected.data().mismatch(found.data()), name);
            assertTrue(found.data().isReadOnly());
            assertEquals(0, found.data().address() % expected.type().bytes());
          });
      var e = assertThrows(DataException.class, () -> in.get("nope"));
      assertTrue(e.getMessage().contains("no array 'nope'; it has [long, "), e.getMessage());
    }
  }

  @Test
  void writesTheseBytes() throws IOException {
    Path file = folder.resolve("golden.safetensors");
    var arrays = new LinkedHashMap<String, StoredArray>();
    arrays.put("n", StoredArray.of(new int[] {1, -2}, 2));
    arrays.put("w", StoredArray.of(new float[] {1f, -2f}, 2, 1));
    Safetensors.write(file, Map.of("format", "pt"), arrays);
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
            + "\"n\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}}";
    ByteBuffer expected = ByteBuffer.allocate(8 + 144 + 16).order(ByteOrder.LITTLE_ENDIAN);
    expected.putLong(144).put((header + " ".repeat(144 - header.length())).getBytes());
    expected.putFloat(1f).putFloat(-2f).putInt(1).putInt(-2);
    assertArrayEquals(expected.array(), Files.readAllBytes(file));
  }

  @Test
  void bytesDoNotDependOnTheOrderGiven() throws IOException {
    Path forth = folder.resolve("forth");
    Path back = folder.resolve("back");
    var reversed = new LinkedHashMap<String, StoredArray>();
    some().sequencedEntrySet().reversed().forEach(e -> reversed.put(e.getKey(), e.getValue()));
    Safetensors.write(forth, Map.of("a", "1", "b", "2"), some());
    Safetensors.write(back, new LinkedHashMap<>(Map.of("b", "2", "a", "1")), reversed);
    assertEquals(-1, Files.mismatch(forth, back));
    Safetensors.write(back, Map.of(), Map.of());
    assertArrayEquals(file("{}      ", 0), Files.readAllBytes(back));
  }

  @Test
  void carriesTensors() {
    Path file = folder.resolve("tensors.safetensors");
    try (Scope scope = Scope.open()) {
      Tensor w = Tensor.of(scope, Device.scalar(), new float[] {1f, 2f, 3f, 4f, 5f, 6f}, 2, 3);
      Tensor n = Tensor.of(scope, Device.scalar(), new int[] {3, -4}, 2);
      Safetensors.writeTensors(file, Map.of(), Map.of("w", w, "n", n));
      try (Safetensors in = Safetensors.open(file)) {
        Tensor copy = in.get("w").toTensor(scope, Device.scalar());
        assertArrayEquals(w.toFloatArray(), copy.toFloatArray());
        Tensor into = Tensor.zeros(scope, Device.scalar(), 2, 3);
        in.read("w", into);
        assertArrayEquals(w.toFloatArray(), into.toFloatArray());
        Tensor other = Tensor.zeros(scope, Device.scalar(), 3, 2);
        var e = assertThrows(DataException.class, () -> in.read("w", other));
        assertTrue(e.getMessage().endsWith("'w' is F32 [2, 3]; expected F32 [3, 2]"));
        assertThrows(DataException.class, () -> in.read("n", into));
        assertArrayEquals(new float[6], other.toFloatArray());
        Tensor ints = Tensor.empty(scope, Device.scalar(), DType.I32, Shape.of(2));
        in.read("n", ints);
        assertArrayEquals(new int[] {3, -4}, ints.toIntArray());
      }
    }
    Safetensors.write(file, Map.of(), some());
    try (Scope scope = Scope.open();
        Safetensors in = Safetensors.open(file)) {
      var e =
          assertThrows(DTypeException.class, () -> in.get("long").toTensor(scope, Device.scalar()));
      assertEquals("elements are I64; tensors take F32 and I32", e.getMessage());
    }
  }

  @Test
  void carriesTensorsOfEveryDevice() throws IOException {
    Path expected = folder.resolve("control");
    float[] values = {1f, -0f, Float.MIN_VALUE, Float.NEGATIVE_INFINITY};
    Safetensors.write(expected, Map.of(), Map.of("w", StoredArray.of(values, 2, 2)));
    for (Device device : Devices.tested()) {
      Path file = folder.resolve("tensors");
      try (Scope scope = Scope.open()) {
        Tensor w = Tensor.of(scope, device, values, 2, 2);
        Safetensors.writeTensors(file, Map.of(), Map.of("w", w));
        assertEquals(-1, Files.mismatch(expected, file), device.toString());
        Tensor copy = Tensor.zeros(scope, device, 2, 2);
        try (Safetensors in = Safetensors.open(file)) {
          in.read("w", copy);
          assertArrayEquals(values, in.get("w").toTensor(scope, device).toFloatArray());
        }
        assertArrayEquals(values, copy.toFloatArray());
        Npy.write(file, w);
        assertArrayEquals(values, Npy.read(file, scope, device).toFloatArray());
      }
    }
  }

  @Test
  void refusesUseAfterClose() {
    Path file = folder.resolve("closed");
    Safetensors.write(file, Map.of(), some());
    Safetensors in = Safetensors.open(file);
    StoredArray array = in.get("z.bias");
    in.close();
    assertThrows(IllegalStateException.class, () -> array.data().get(ValueLayout.JAVA_INT, 0));
  }

  @Test
  void refusesAnyTruncationAndTrailingBytes() throws IOException {
    Path file = folder.resolve("whole");
    Safetensors.write(file, Map.of("k", "v"), some());
    byte[] whole = Files.readAllBytes(file);
    for (int n = 0; n < whole.length; n++) {
      refused(java.util.Arrays.copyOf(whole, n), n < 8 ? "truncated" : "");
    }
    refused(java.util.Arrays.copyOf(whole, whole.length - 1), "truncated");
    refused(java.util.Arrays.copyOf(whole, whole.length + 1), "trailing bytes");
    refused(file(ONE, 7), "truncated: the header expects 8 bytes of arrays, found 7");
    refused(file(ONE, 9), "trailing bytes: the header expects 8 bytes of arrays, found 9");
  }

  @ParameterizedTest
  @CsvSource({
    "-1, the header's length is 18446744073709551615",
    "0, the header's length is 0; expected 2 to",
    "1, the header's length is 1",
    "100000001, the header's length is 100000001",
    "9223372036854775807, the header's length is",
    "2, not valid",
  })
  void refusesHeaderLengths(long length, String part) throws IOException {
    byte[] bytes = file(ONE, 8);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    refused(bytes, part);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'a':1} | array 'a' expected an object",
        "[] | expected '{' first",
        "{'a':{'dtype':'F32','shape':[2]}} | expected an object of dtype, shape and data_offsets",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'x':1}} | expected an object of"
            + " dtype",
        "{'a':{'dtype':'f32','shape':[2],'data_offsets':[0,8]}} | dtype expected one of [BOOL, U8",
        "{'a':{'dtype':1,'shape':[2],'data_offsets':[0,8]}} | dtype expected one of",
        "{'a':{'dtype':'F32','shape':2,'data_offsets':[0,8]}} | shape expected a list",
        "{'a':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}} | shape expected integers of 0",
        "{'a':{'dtype':'F32','shape':['2'],'data_offsets':[0,8]}} | shape expected integers of 0",
        "{'a':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]}} | not valid",
        "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}} | takes 12 bytes, but data_offsets",
        "{'a':{'dtype':'F64','shape':[2],'data_offsets':[0,8]}} | takes 16 bytes, but data_offsets",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}} | data_offsets expected [begin",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0]}} | data_offsets expected [begin",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8,9]}} | data_offsets expected [begin",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}} | integers of 0 or more",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[4,12]}} | begins at 4, which leaves a gap",
        "{'a':{'dtype':'F32','shape':[4],'data_offsets':[0,16]}} | truncated",
        "{'a':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,8]}} | more bytes"
            + " than",
        "{'a':{'dtype':'U8','shape':[9223372036854775807,2,0],'data_offsets':[0,0]}} | more bytes"
            + " than",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}"
            + " | duplicate key",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'b':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}"
            + " | array 'b' begins at 0, which leaves a gap or overlaps; expected 4",
        "{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,3]},'b':{'dtype':'U8','shape':[4],'data_offsets':[4,8]}}"
            + " | array 'b' begins at 4",
        "{'__metadata__':{'k':1},'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | 'k'"
            + " expected a string, found 1",
        "{'__metadata__':[],'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | expected an"
            + " object, found []",
      })
  void refusesHeaders(String header, String part) throws IOException {
    refused(file(header, 8), part);
  }

  @Test
  void refusesHeadersThatAreNotUtf8() throws IOException {
    byte[] bytes = file(ONE, 8);
    bytes[8 + 2] = (byte) 0xff;
    refused(bytes, "not UTF-8");
  }

  @Test
  void copiesArraysThatAreNotAligned() throws IOException {
    byte[] bytes = file(ONE.replace("}}", "}} "), 8);
    byte[] odd = file(ONE.replace("}}", "}}  "), 8);
    assertFalse((bytes.length - odd.length) % 4 == 0);
    for (byte[] b : new byte[][] {bytes, odd}) {
      ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).putFloat(b.length - 4, 2.5f);
      Path file = Files.write(folder.resolve("odd"), b);
      try (Safetensors in = Safetensors.open(file)) {
        MemorySegment data = in.get("a").data();
        assertEquals(0, data.address() % 4);
        assertTrue(data.isReadOnly());
        assertEquals(2.5f, data.get(ValueLayout.JAVA_FLOAT, 4));
      }
    }
  }

  @Test
  void refusesToWriteBadNames() {
    Path file = folder.resolve("names");
    var array = StoredArray.of(new float[1], 1);
    for (String name : new String[] {"__metadata__", "half \ud83d"}) {
      assertThrows(
          SelfsameException.class, () -> Safetensors.write(file, Map.of(), Map.of(name, array)));
    }
    assertThrows(
        SelfsameException.class,
        () -> Safetensors.write(file, Map.of("k", "\udc00"), Map.of("a", array)));
    assertFalse(Files.exists(file));
  }

  /** A tensor that is closed when its turn comes stands for any failure in mid-write. */
  @Test
  void failedWritesLeaveTheOldFileAndNothingElse() throws IOException {
    Path file = folder.resolve("kept");
    Safetensors.write(file, Map.of(), some());
    byte[] before = Files.readAllBytes(file);
    StoredArray closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = new StoredArray(ElementType.F32, Shape.of(2), arena.allocate(8));
    }
    var arrays = some();
    arrays.put("zz", closed);
    assertThrows(IllegalStateException.class, () -> Safetensors.write(file, Map.of(), arrays));
    assertArrayEquals(before, Files.readAllBytes(file));
    try (var files = Files.list(folder)) {
      assertEquals(List.of(file), files.toList());
    }
    Path nowhere = folder.resolve("no-such-folder").resolve("f");
    var e = assertThrows(DataException.class, () -> Safetensors.write(nowhere, Map.of(), some()));
    assertTrue(e.getMessage().startsWith(nowhere + ": cannot be written"), e.getMessage());
    assertThrows(DataException.class, () -> Safetensors.write(folder, Map.of(), some()));
  }

  @Test
  void namesAMissingFile() {
    Path file = folder.resolve("not-there");
    var e = assertThrows(DataException.class, () -> Safetensors.open(file).close());
    assertEquals(file + ": no such file", e.getMessage());
    assertThrows(DataException.class, () -> Safetensors.open(folder).close());
  }
}
