/** Files: npy arrays and safetensors archives, checked before anything is used. */
@NullMarked
package dev.selfsame.io;

import org.jspecify.annotations.NullMarked;
