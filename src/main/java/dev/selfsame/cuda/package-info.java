/**
 * The CUDA driver through the Foreign Function and Memory API: libraries, contexts, memory,
 * modules, launches.
 *
 * <p>Only the driver API ({@code libcuda.so.1}) is bound, never the runtime or a maths library. The
 * same bindings drive softcuda, the software device of this project: only the path of the library
 * differs. This package knows addresses, bytes and kernels; it knows no tensor.
 */
@NullMarked
package dev.selfsame.cuda;

import org.jspecify.annotations.NullMarked;
