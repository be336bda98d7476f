package dev.selfsame.cli;

import dev.selfsame.SelfsameException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line, {@code selfsame}. */
@Command(
    name = "selfsame",
    description = "One computation, the selfsame bits on every device.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DevicesCommand.class,
      VerifyCommand.class,
      TrainCommand.class,
      SystemsCommand.class,
      StudyCommand.class,
      HelpCommand.class
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  selfsame devices",
      "  selfsame verify --quick",
      "  selfsame train lenet --device vector --against scalar --quick",
      "  selfsame study variance --quick",
      "  selfsame help verify",
      "",
      "Exit status: 0 good; 1 a mismatch or a failed run; 2 wrong usage."
    })
public final class Main implements Runnable {
  /** All is well. */
  static final int GOOD = 0;

  /** A mismatch, or a run that failed. */
  static final int FAILED = 1;

  /** Wrong options or arguments. */
  static final int USAGE = 2;

  @Spec private CommandSpec spec = CommandSpec.create();

  /** Runs a command and ends the process with its status. */
  public static void main(String[] args) {
    CommandLine line = commandLine();
    line.setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8));
    System.exit(line.execute(args));
  }

  /** The command line, ready to {@code execute}. */
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpAutoWidth(true);
    line.setExecutionExceptionHandler(Main::failed);
    return line;
  }

  private static int failed(Exception e, CommandLine line, CommandLine.ParseResult parsed) {
    if (e instanceof SelfsameException || e instanceof Failed) {
      line.getErr().println("selfsame: " + e.getMessage());
    } else {
      e.printStackTrace(line.getErr());
    }
    return FAILED;
  }

  /** A run that can't go on, with a message for people. */
  static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1;

    Failed(String message) {
      super(message);
    }
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }
}
