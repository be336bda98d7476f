package dev.selfsame.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.contract.Contract;
import dev.selfsame.train.Systems;
import dev.selfsame.train.Trainer;
import dev.selfsame.train.TrainingSystem;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The bits themselves, kept: SHA-256 of what every op gives on fixed cases, and of a short training
 * run. One line serves all devices. A line that changes means that the contract changed: give it a
 * new version and say why in the commit. After adding an op or changing the cases, {@code mvn test
 * -Dtest=GoldenTest -Dselfsame.golden=write} writes the file anew; look at the difference before
 * committing it.
 */
class GoldenTest {
  private static final String RESOURCE = "golden.properties";
  private static final Path SOURCE = Path.of("src/test/resources/dev/selfsame/verify", RESOURCE);
  private static final long SEED = 20_261_121;
  private static final int CASES = 12;

  @Test
  void opsAndTrainingGiveTheKeptBits() throws IOException {
    Map<String, String> found = new TreeMap<>();
    found.put("contract", Integer.toString(Contract.VERSION));
    for (OpUnderTest op : OpsUnderTest.all()) {
      String onScalar = hash(op, Device.scalar());
      assertEquals(onScalar, hash(op, Device.vector()), op + " on the vector device");
      found.put("op." + op.name(), onScalar);
    }
    for (TrainingSystem system : Systems.ALL) {
      found.put("train." + system.name(), trained(system));
    }
    if ("write".equals(System.getProperty("selfsame.golden"))) {
      Files.createDirectories(Objects.requireNonNull(SOURCE.getParent()));
      Files.writeString(SOURCE, text(found));
      return;
    }
    assertEquals(kept(), text(found), "the bits changed; see this test's comment");
  }

  private static String trained(TrainingSystem system) {
    TrainingSystem.Settings settings = system.settings(1, 100);
    return Trainer.train(
            new Trainer.Plan(system, settings, Device.vector(), List.of(), 0, 5, null, false, true),
            new Trainer.Listener() {})
        .hash();
  }

  private static String hash(OpUnderTest op, Device device) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
    for (int number = 0; number < CASES; number++) {
      try (Scope scope = Scope.open()) {
        Run run = new Run(scope, device);
        op.draw(SEED, number).body().on(run);
        for (Run.Output output : run.finish()) {
          if (output.isOutput()) {
            digest.update(bytes(output));
          }
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Big-endian; every NaN as the canonical one. */
  private static ByteBuffer bytes(Run.Output output) {
    ByteBuffer bytes = ByteBuffer.allocate(output.count() * Integer.BYTES);
    for (int i = 0; i < output.count(); i++) {
      int bits = output.bits()[output.from() + i];
      boolean nan = output.isFloat() && Float.isNaN(Float.intBitsToFloat(bits));
      bytes.putInt(nan ? 0x7fc00000 : bits);
    }
    return bytes.flip();
  }

  private static String text(Map<String, String> lines) {
    StringBuilder text = new StringBuilder();
    lines.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    return text.toString();
  }

  private static String kept() throws IOException {
    try (InputStream in = GoldenTest.class.getResourceAsStream(RESOURCE)) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
