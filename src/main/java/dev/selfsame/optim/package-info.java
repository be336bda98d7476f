/** Optimizers and learning-rate schedules over groups of parameters. */
@NullMarked
package dev.selfsame.optim;

import org.jspecify.annotations.NullMarked;
