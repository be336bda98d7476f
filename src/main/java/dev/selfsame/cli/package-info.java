/** The command line, {@code selfsame}. */
@NullMarked
package dev.selfsame.cli;

import org.jspecify.annotations.NullMarked;
