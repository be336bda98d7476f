package dev.selfsame.train;

/**
 * A property that a system is known for, and what was measured of it.
 *
 * @param claim what should hold, in words
 * @param measured the figures
 * @param holds whether they bear the claim out
 */
public record Finding(String claim, String measured, boolean holds) {}
