package dev.selfsame.bench.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds functions in shared libraries that JavaCPP has already loaded but does not expose. */
final class NativeLibraries {
  private NativeLibraries() {}

  /** Lookups in the loaded libraries whose file names match, one a file; at least one. */
  static List<SymbolLookup> loaded(String fileNamePattern) {
    try (var maps = Files.lines(Path.of("/proc/self/maps"))) {
      List<SymbolLookup> found =
          maps.filter(line -> line.contains("/"))
              .map(line -> Path.of(line.substring(line.indexOf('/'))))
              .filter(path -> path.getFileName().toString().matches(fileNamePattern))
              .distinct()
              .map(path -> SymbolLookup.libraryLookup(path, Arena.global()))
              .toList();
      if (found.isEmpty()) {
        throw new IllegalStateException("no loaded library matches " + fileNamePattern);
      }
      return found;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static MethodHandle function(SymbolLookup library, String symbol, FunctionDescriptor type) {
    return Linker.nativeLinker()
        .downcallHandle(
            library
                .find(symbol)
                .orElseThrow(() -> new IllegalStateException("no symbol " + symbol)),
            type);
  }

  static RuntimeException wrap(Throwable t) {
    if (t instanceof Error e) {
      throw e;
    }
    return t instanceof RuntimeException r ? r : new IllegalStateException(t);
  }
}
