package dev.selfsame.cpu;

import java.lang.foreign.MemorySegment;

/**
 * The memory of tensors that one fused call works on, by number: asked for when it is needed, since
 * a list of it would be an object that grows with their number.
 */
public interface Column {
  /** All of a tensor's elements. */
  MemorySegment of(int tensor);
}
