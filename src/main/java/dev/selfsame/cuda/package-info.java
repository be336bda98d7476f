/**
 * The CUDA driver through the foreign function interface: contexts, memory, streams, modules and
 * launches. Knows nothing of tensors.
 */
@NullMarked
package dev.selfsame.cuda;

import org.jspecify.annotations.NullMarked;
