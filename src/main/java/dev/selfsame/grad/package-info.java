/** A small reverse-mode tape. Gradient rules are a few lines each and call operations only. */
@NullMarked
package dev.selfsame.grad;

import org.jspecify.annotations.NullMarked;
