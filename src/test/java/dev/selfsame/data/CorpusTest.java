package dev.selfsame.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.selfsame.DataException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {
  /** The hashes were computed with sha256sum from the files that the rule makes. */
  @Test
  void shippedTextIsTheStatedOne() throws Exception {
    Corpus corpus = Corpus.find("shipped");
    assertEquals(SHA_TRAIN, sha256(corpus.train()));
    assertEquals(SHA_VALID, sha256(corpus.valid()));
    assertEquals(SHA_TEST, sha256(corpus.test()));
    assertTrue(
        corpus.train().startsWith("The Fulton County Grand Jury said Friday an investigation of"));
    assertEquals(40, corpus.train().split("\n\n").length);
    assertEquals(5, corpus.valid().split("\n\n").length);
    assertEquals(5, corpus.test().split("\n\n").length);
  }

  @Test
  void shippedIsATenthOfTheWholeCorpus() {
    assumeTrue(Files.exists(Digits.cache().resolve("brown")), "NOT RUN: scripts/data brown");
    Corpus whole = Corpus.find("brown");
    assertEquals(929_728, whole.train().split("\\s+").length);
    String[] documents = whole.train().split("(?<=\n\n)");
    assertEquals(400, documents.length);
    var tenth = new StringBuilder();
    for (int d = 0; d < documents.length; d += 10) {
      tenth.append(documents[d]);
    }
    assertEquals(tenth.toString(), Corpus.shipped().train());
  }

  @Test
  void missingAndDamagedFilesAreNamed(@TempDir Path folder) throws Exception {
    var missing = assertThrows(DataException.class, () -> Corpus.brown(folder));
    assertTrue(missing.getMessage().contains(folder.resolve("train.txt").toString()));
    assertTrue(missing.getMessage().contains("scripts/data brown"));
    Files.writeString(folder.resolve("train.txt"), "cut short");
    var cut = assertThrows(DataException.class, () -> Corpus.brown(folder));
    assertTrue(cut.getMessage().contains("must end in a newline"), cut.getMessage());
    Files.write(folder.resolve("train.txt"), new byte[] {(byte) 0xff, '\n'});
    assertThrows(DataException.class, () -> Corpus.brown(folder));
    assertThrows(DataException.class, () -> Corpus.find("browm"));
  }

  private static String sha256(String text) throws Exception {
    byte[] digest =
        MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(digest);
  }

  private static final String SHA_TRAIN =
      "51a259775991f10f7be903fe179e445c0c389a480729c13bbfc474bb76d9c256";
  private static final String SHA_VALID =
      "7164b75734e7bf686b514ce174eb34c242d2f955b06a067aaf5ebde3e9219ac0";
  private static final String SHA_TEST =
      "70a8bd4d4f86045b7c1279dfbe7351bd04af9958163271aab561f4319cede615";
}
