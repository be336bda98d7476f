package dev.selfsame.bench;

/** One implementation of a case's work; a run does all of it once and leaves the result behind. */
public record Contender(String name, Runnable run) {}
