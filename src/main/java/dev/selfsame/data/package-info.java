/** Datasets, the one that ships and those that a script brings, and their batches. */
@NullMarked
package dev.selfsame.data;

import org.jspecify.annotations.NullMarked;
