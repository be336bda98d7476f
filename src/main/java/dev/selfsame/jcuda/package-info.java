/**
 * Meeting JCuda (org.jcuda) in one process: its pointers and streams as ours and ours as its, on
 * the device's primary context; and cuBLAS through JCublas for those who want its speed and can do
 * without equal bits. Optional: nothing else of the library uses this package, and JCuda is not
 * needed to run the library.
 */
@NullMarked
package dev.selfsame.jcuda;

import org.jspecify.annotations.NullMarked;
