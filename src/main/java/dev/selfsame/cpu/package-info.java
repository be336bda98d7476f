/**
 * Vector API kernels and the worker threads that run them. Kernels take memory segments and sizes,
 * never tensors, and give the bits of the scalar definition beside each operation.
 */
@NullMarked
package dev.selfsame.cpu;

import org.jspecify.annotations.NullMarked;
