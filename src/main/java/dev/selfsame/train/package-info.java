/**
 * Runnable systems, and the trainer that runs one on several devices in lockstep.
 *
 * <p>A system's code uses the layer API only; it is the example of how to write one.
 */
@NullMarked
package dev.selfsame.train;

import org.jspecify.annotations.NullMarked;
