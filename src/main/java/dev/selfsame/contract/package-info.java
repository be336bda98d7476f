/**
 * The numerics contract as plain scalar Java: lengths, sum trees, elementary functions and random
 * numbers. It depends on nothing else in Selfsame; every kernel of every device is held to it.
 */
@NullMarked
package dev.selfsame.contract;

import org.jspecify.annotations.NullMarked;
