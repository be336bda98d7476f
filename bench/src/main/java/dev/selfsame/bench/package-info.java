/**
 * Benchmarks of Selfsame's ops against libtorch and OpenBLAS, and a cross-check of their values.
 *
 * <p>Every case is checked before it is timed: our result and the peer's against each other and
 * against float64, within a bound derived in {@link dev.selfsame.bench.Bounds}. Ratios come from
 * {@link dev.selfsame.bench.Pair}, which alternates ours and theirs in one process; an op's own
 * figures from the JMH classes. {@code scripts/bench --help} shows the commands.
 */
package dev.selfsame.bench;
