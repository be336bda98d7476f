/** Layers and losses. The same parameter object used in two places is one shared weight. */
@NullMarked
package dev.selfsame.nn;

import org.jspecify.annotations.NullMarked;
