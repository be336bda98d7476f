package dev.selfsame.jcuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.selfsame.cuda.Driver;
import dev.selfsame.cuda.Softcuda;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;

/** A JVM of its own, in which the loader finds softcuda as libcuda.so.1. */
final class JCudaProcess {
  private final Path folder;

  JCudaProcess(Path folder) throws IOException {
    this.folder = folder;
    String missing = Softcuda.probe();
    if (missing != null) {
      System.err.println("NOT RUN on softcuda: " + missing);
    }
    assumeTrue(missing == null, missing);
    assumeTrue(System.getProperty("os.arch").equals("amd64"));
  }

  /** Compiles a library into the folder where the loader looks first. */
  void library(String name, String source) throws IOException, InterruptedException {
    Path file = Files.writeString(folder.resolve(name + ".cpp"), source);
    // JCublas asks for symbols of a version that is named as the library.
    Path versions = Files.writeString(folder.resolve("versions"), name + " { global: *; };");
    try {
      Process compiler =
          new ProcessBuilder(
                  "g++",
                  "-O1",
                  "-shared",
                  "-fPIC",
                  "-Wl,-soname," + name,
                  "-Wl,--version-script=" + versions,
                  file.toString(),
                  "-o",
                  folder.resolve(name).toString())
              .inheritIO()
              .start();
      assertEquals(0, compiler.waitFor());
    } catch (IOException e) {
      System.err.println("NOT RUN: g++ is absent: " + e.getMessage());
      assumeTrue(false);
    }
  }

  /** Runs a main to its good end; what it printed. */
  String run(Class<?> main, String... arguments) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dselfsame.softcuda=" + Softcuda.driver().library(),
                "-Djava.io.tmpdir=" + folder,
                "-cp",
                classPath(main),
                main.getName()));
    command.addAll(Arrays.asList(arguments));
    ProcessBuilder child = new ProcessBuilder(command);
    child.environment().put("LD_LIBRARY_PATH", folder.toString());
    Path output = folder.resolve("output.txt");
    Path driver = folder.resolve("libcuda.so.1");
    Files.createSymbolicLink(driver, Path.of(Softcuda.driver().library()));
    int exit = child.redirectErrorStream(true).redirectOutput(output.toFile()).start().waitFor();
    Files.delete(driver);
    String text = Files.readString(output, StandardCharsets.UTF_8);
    assertEquals(0, exit, text);
    return text;
  }

  /** The class path of this JVM; under Surefire, the module path as well. */
  private static String classPath(Class<?> main) {
    return String.join(
        File.pathSeparator,
        location(main),
        location(Driver.class),
        location(JCudaDriver.class),
        location(JCublas2.class),
        System.getProperty("surefire.real.class.path", System.getProperty("java.class.path")),
        System.getProperty("jdk.module.path", ""));
  }

  private static String location(Class<?> type) {
    return new File(type.getProtectionDomain().getCodeSource().getLocation().getPath()).toString();
  }
}
