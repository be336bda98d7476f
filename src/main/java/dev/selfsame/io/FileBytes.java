package dev.selfsame.io;

import dev.selfsame.DataException;
import dev.selfsame.Device;
import dev.selfsame.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/** Whole files: mapped for reading, replaced at once for writing. Sizes are {@code long}. */
final class FileBytes {
  private static final long STEP = 1 << 20;

  private FileBytes() {}

  /** What fills a new file. */
  interface Body {
    void write(FileChannel out) throws IOException;
  }

  /**
   * The file, mapped read-only until the arena is closed. The file must not be cut short meanwhile;
   * replacing it (as {@link #replace} does) is safe.
   */
  static MemorySegment map(Path file, Arena arena) {
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      return in.map(MapMode.READ_ONLY, 0, in.size(), arena);
    } catch (NoSuchFileException e) {
      throw new DataException(file + ": no such file", e);
    } catch (IOException e) {
      throw new DataException(file + ": cannot be read: " + e, e);
    }
  }

  /** Part of a mapped file, copied only if its address isn't aligned for its elements. */
  static MemorySegment aligned(MemorySegment part, int alignment, Arena arena) {
    if (part.address() % alignment == 0) {
      return part;
    }
    return arena.allocate(part.byteSize(), alignment).copyFrom(part).asReadOnly();
  }

  /**
   * Writes a file that is either complete or not there: a temporary file beside it, forced to disk,
   * then renamed over it. If anything fails, an existing file keeps its contents.
   */
  static void replace(Path file, Body body) {
    Path target = file.toAbsolutePath();
    Path folder = target.getParent();
    Path name = target.getFileName();
    if (folder == null || name == null || Files.isDirectory(target)) {
      throw new DataException(file + ": not the name of a file");
    }
    Path temporary =
        folder.resolve(
            "." + name + "." + ProcessHandle.current().pid() + "-" + System.nanoTime() + ".tmp");
    try {
      try (FileChannel out =
          FileChannel.open(
              temporary, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE))) {
        body.write(out);
        out.force(true);
      }
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException | UncheckedIOException e) {
      throw new DataException(file + ": cannot be written: " + e, e);
    } finally {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException e) {
        // The failure that led here, if any, is the one to report; a stray temporary file does no
        // harm.
      }
    }
  }

  /** Writes all of {@code data}, in steps. */
  static void write(FileChannel out, MemorySegment data) throws IOException {
    MemorySegment staging =
        data.isNative() ? MemorySegment.NULL : MemorySegment.ofArray(new byte[(int) STEP]);
    for (long at = 0; at < data.byteSize(); at += STEP) {
      MemorySegment step = data.asSlice(at, Math.min(STEP, data.byteSize() - at));
      if (!data.isNative()) {
        // Arrays other than byte[] have no byte buffer.
        step = staging.asSlice(0, step.byteSize()).copyFrom(step);
      }
      write(out, step.asByteBuffer());
    }
  }

  /** A tensor's elements on the host: its own memory, or a copy of a CUDA tensor's. */
  static MemorySegment ofTensor(Tensor tensor) {
    if (!(tensor.device() instanceof Device.Cuda)) {
      return tensor.memory();
    }
    MemorySegment host =
        Arena.ofAuto().allocate(tensor.elements() * tensor.dtype().bytes(), tensor.dtype().bytes());
    tensor.copyTo(host);
    return host;
  }

  /** Writes what remains in {@code bytes}. */
  static void write(FileChannel out, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }
}
