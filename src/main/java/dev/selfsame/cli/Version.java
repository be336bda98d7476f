package dev.selfsame.cli;

import dev.selfsame.contract.Contract;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** Which build this is. */
final class Version implements IVersionProvider {
  /** Set by the launcher: the commit of the checkout that it runs from. */
  static final String COMMIT_PROPERTY = "selfsame.commit";

  @Override
  public String[] getVersion() {
    return new String[] {
      "selfsame " + version() + ", commit " + commit(),
      "numerics contract " + Contract.VERSION,
      "Java " + Runtime.version() + ", " + System.getProperty("java.vm.name")
    };
  }

  /** The version of the jar; on the class path from its Maven properties. */
  static String version() {
    ModuleDescriptor module = Version.class.getModule().getDescriptor();
    if (module != null && module.rawVersion().isPresent()) {
      return module.rawVersion().get();
    }
    try (InputStream in =
        Version.class.getResourceAsStream("/META-INF/maven/dev.selfsame/selfsame/pom.properties")) {
      Properties properties = new Properties();
      if (in != null) {
        properties.load(in);
      }
      return properties.getProperty("version", "unknown");
    } catch (IOException e) {
      return "unknown";
    }
  }

  /** The commit, with {@code -dirty} if files differ from it; unknown outside of a checkout. */
  static String commit() {
    String commit = System.getProperty(COMMIT_PROPERTY, "");
    return commit.isBlank() ? "unknown" : commit;
  }
}
