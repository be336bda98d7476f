/** Benchmarks on a GPU, timed by its own events, and the check of a whole GPU machine. */
package dev.selfsame.bench.gpu;
