package dev.selfsame.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.selfsame.DTypeException;
import dev.selfsame.DataException;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.SelfsameException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NpyTest {
  @TempDir Path folder;

  private static byte[] file(int major, String header, int dataBytes) {
    byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
    int before = major == 1 ? 10 : 12;
    ByteBuffer out =
        ByteBuffer.allocate(before + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    out.put("\u0093NUMPY".getBytes(StandardCharsets.ISO_8859_1)).put((byte) major).put((byte) 0);
    if (major == 1) {
      out.putShort((short) text.length);
    } else {
      out.putInt(text.length);
    }
    return out.put(text).array();
  }

  private StoredArray read(byte[] bytes) throws IOException {
    Path file = Files.write(folder.resolve("f.npy"), bytes);
    return Npy.read(file, Arena.ofAuto());
  }

  private void refused(byte[] bytes, String part) {
    var e = assertThrows(DataException.class, () -> read(bytes));
    assertTrue(e.getMessage().startsWith(folder.resolve("f.npy") + ": "), e.getMessage());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @ParameterizedTest
  @EnumSource
  void readsWhatItWrote(ElementType type) {
    Path file = folder.resolve("a.npy");
    for (long[] sizes : new long[][] {{}, {0}, {1}, {5}, {2, 3}, {0, 7}, {1, 2, 3, 4}}) {
      Shape shape = Shape.of(sizes);
      byte[] bytes = new byte[(int) shape.elements() * type.bytes()];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) (37 * i + 11);
      }
      var array = new StoredArray(type, shape, MemorySegment.ofArray(bytes));
      if (type == ElementType.BF16) {
        var e = assertThrows(SelfsameException.class, () -> Npy.write(file, array));
        assertEquals("npy has no elements of type BF16", e.getMessage());
        continue;
      }
      Npy.write(file, array);
      try (Arena arena = Arena.ofConfined()) {
        StoredArray found = Npy.read(file, arena);
        assertEquals(type, found.type());
        assertEquals(shape, found.shape());
        assertEquals(-1, array.data().mismatch(found.data()));
        assertTrue(found.data().isReadOnly());
      }
    }
  }

  /** The bytes of numpy.save (NumPy 2.4). */
  @Test
  void writesTheseBytes() throws IOException {
    Path file = folder.resolve("golden.npy");
    Npy.write(file, StoredArray.of(new float[] {1f, -2f, 0.5f, 0f, 3f, -0f}, 2, 3));
    String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    ByteBuffer expected = ByteBuffer.allocate(128 + 24).order(ByteOrder.LITTLE_ENDIAN);
    expected.put("\u0093NUMPY\u0001\u0000v\u0000".getBytes(StandardCharsets.ISO_8859_1));
    expected.put((header + " ".repeat(117 - header.length()) + "\n").getBytes());
    for (float f : new float[] {1f, -2f, 0.5f, 0f, 3f, -0f}) {
      expected.putFloat(f);
    }
    assertArrayEquals(expected.array(), Files.readAllBytes(file));
  }

  @Test
  void carriesTensors() {
    Path file = folder.resolve("t.npy");
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(scope, Device.scalar(), new float[] {1f, Float.NaN, -0f, 4f}, 4, 1);
      Npy.write(file, x);
      Tensor y = Npy.read(file, scope, Device.scalar());
      assertEquals(x.shape(), y.shape());
      assertArrayEquals(x.toFloatArray(), y.toFloatArray());
      Npy.write(file, Tensor.of(scope, Device.scalar(), new int[] {5, -6}, 2));
      assertArrayEquals(new int[] {5, -6}, Npy.read(file, scope, Device.scalar()).toIntArray());
      var longs = new StoredArray(ElementType.I64, Shape.of(1), MemorySegment.ofArray(new long[1]));
      Npy.write(file, longs);
      assertThrows(DTypeException.class, () -> Npy.read(file, scope, Device.scalar()));
    }
  }

  @Test
  void readsAllVersionsAndSpellings() throws IOException {
    for (int major = 1; major <= 3; major++) {
      for (String header :
          new String[] {
            "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1), }          \n",
            "{\"shape\":(2,1),\"fortran_order\":False,\"descr\":\"<i4\"}",
            "{'shape': (2, 1,), 'descr': '<i4' , 'fortran_order': False}\n",
          }) {
        byte[] bytes = file(major, header, 8);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length - 4, -9);
        StoredArray array = read(bytes);
        assertEquals(ElementType.I32, array.type());
        assertEquals(Shape.of(2, 1), array.shape());
        assertEquals(0, array.data().address() % 4);
        assertEquals(-9, array.data().toArray(java.lang.foreign.ValueLayout.JAVA_INT)[1]);
      }
    }
  }

  @Test
  void refusesAnyTruncationAndTrailingBytes() {
    for (int major = 1; major <= 3; major++) {
      byte[] whole = file(major, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 8);
      for (int n = 0; n < whole.length; n++) {
        refused(Arrays.copyOf(whole, n), "truncated");
      }
      refused(
          Arrays.copyOf(whole, whole.length + 1),
          "trailing bytes: F32 [2] expected 8 bytes, found 9");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), } | Fortran order; expected C"
            + " order",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), } | elements are '>f4'; expected"
            + " little-endian, one of |b1",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), } | elements are '<c8'",
        "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,), } | elements are '<M8[s]'",
        "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), } | of one plain type",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2), } | the header expected",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,), } | the header expected",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2,), } | the header expected",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), } | the header expected",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2], } | the header expected",
        "{'descr': '<f4', 'fortran_order': False, } | the header expected",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), } | the header"
            + " expected",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 'y', } | the header expected",
        "{'descr': '<f4', 'fortran_order': 'False', 'shape': (2,), } | the header expected",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (2,), } | the header expected",
        "'descr': '<f4', 'fortran_order': False, 'shape': (2,) | the header expected",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), } | the header"
            + " expected",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000000000000,), } | too large",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000), } | more"
            + " elements",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } | truncated: F32 [3] expected 12"
            + " bytes, found 8",
      })
  void refusesHeaders(String header, String part) {
    refused(file(1, header + "\n", 8), part);
  }

  @Test
  void refusesOtherFiles() {
    refused("PK\u0003\u0004 an npz, perhaps".getBytes(), "not an npy file");
    refused(file(4, "{}", 0), "format version 4.0");
    byte[] minor = file(1, "{}", 0);
    minor[7] = 1;
    refused(minor, "format version 1.1");
    byte[] huge = file(2, "{}", 0);
    huge[11] = 0x7f;
    refused(huge, "the header's length is 2130706434");
    Path file = folder.resolve("not-there");
    var e = assertThrows(DataException.class, () -> Npy.read(file, Arena.ofAuto()));
    assertEquals(file + ": no such file", e.getMessage());
  }

  @Test
  void arraysHoldExactlyTheirElements() {
    assertThrows(ShapeException.class, () -> StoredArray.of(new float[3], 2, 2));
  }
}
