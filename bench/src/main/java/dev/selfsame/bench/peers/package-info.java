/** The libraries we measure ourselves against, on memory shared without a copy. */
package dev.selfsame.bench.peers;
