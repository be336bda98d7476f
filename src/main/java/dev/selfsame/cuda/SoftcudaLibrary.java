package dev.selfsame.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Finds softcuda's two shared libraries: the driver and the image of all kernels.
 *
 * <p>They are resources. Where those are plain files (a build tree) they are used in place; out of
 * a jar they are copied once per process into a temporary directory that only the owner can read,
 * and deleted at exit.
 */
final class SoftcudaLibrary {
  /**
   * A system property with the path of libsoftcuda.so; the kernels' image is looked for beside it.
   */
  static final String PROPERTY = "selfsame.softcuda";

  private static final String FOLDER = "linux-x86_64/";
  private static final String DRIVER = "libsoftcuda.so";
  private static final String KERNELS = "kernels.softcuda.so";
  private static @Nullable Path extracted;

  /** The path of libsoftcuda.so; throws with the reason if there is none. */
  static Path driver() {
    String property = System.getProperty(PROPERTY);
    if (property != null) {
      Path path = Path.of(property).toAbsolutePath();
      if (!Files.isRegularFile(path)) {
        throw missing("-D" + PROPERTY + "=" + property + " names no file");
      }
      return path;
    }
    return resource(DRIVER);
  }

  /** The path of the kernels' image. */
  static Path kernels() {
    String property = System.getProperty(PROPERTY);
    if (property != null) {
      Path path = Path.of(property).toAbsolutePath().resolveSibling(KERNELS);
      if (!Files.isRegularFile(path)) {
        throw missing("there is no " + path);
      }
      return path;
    }
    return resource(KERNELS);
  }

  private static CudaException missing(String what) {
    return CudaException.refused(
        "open softcuda",
        null,
        "softcuda is not usable: "
            + what
            + ". It is built from native/softcuda by native/build.sh, which needs g++; see"
            + " native/README.md");
  }

  private static Path resource(String name) {
    String os = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    URL url = SoftcudaLibrary.class.getResource(FOLDER + name);
    if (url == null) {
      throw missing(
          "the resource dev/selfsame/cuda/" + FOLDER + name + " is not there (this is " + os + ")");
    }
    if (!os.equals("Linux amd64")) {
      throw missing("it was built for Linux amd64, this is " + os);
    }
    try {
      return url.getProtocol().equals("file") ? Path.of(url.toURI()) : extract(url, name);
    } catch (IOException | URISyntaxException e) {
      throw missing("the resource " + url + " can't be read (" + e + ")");
    }
  }

  private static synchronized Path extract(URL url, String name) throws IOException {
    Path folder = extracted;
    if (folder == null) {
      folder = Files.createTempDirectory("selfsame-softcuda-"); // owner only
      folder.toFile().deleteOnExit();
      extracted = folder;
    }
    Path file = folder.resolve(name);
    if (!Files.exists(file)) {
      try (InputStream in = url.openStream()) {
        Files.copy(in, file);
      }
      file.toFile().deleteOnExit();
    }
    return file;
  }

  private SoftcudaLibrary() {}
}
