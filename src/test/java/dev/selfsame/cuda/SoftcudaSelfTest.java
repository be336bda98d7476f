package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Softcuda's own test (native/softcuda/test): the driver's entry points called from C++, and
 * kernels with planted mistakes that it has to name.
 */
class SoftcudaSelfTest {
  @Test
  void passes() throws Exception {
    Path program = Path.of("target/native/test/softcuda_test");
    assumeTrue(
        Files.exists(program), "NOT RUN: target/native/test has no softcuda_test (g++ absent)");
    Path library =
        Path.of("target/native/dev/selfsame/cuda")
            .resolve("linux-" + System.getProperty("os.arch").replace("amd64", "x86_64"))
            .resolve("libsoftcuda.so");
    Process process =
        new ProcessBuilder(
                List.of(
                    program.toAbsolutePath().toString(),
                    library.toAbsolutePath().toString(),
                    Path.of("target/native/test/test_kernels.so").toAbsolutePath().toString()))
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
  }
}
