/** Files: npy arrays, safetensors archives and IDX, checked before anything is used. */
@NullMarked
package dev.selfsame.io;

import org.jspecify.annotations.NullMarked;
