package dev.selfsame.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Native memory that one thread uses for out-parameters and for the arguments of a launch: 8-byte
 * slots with a pointer array that is built once, and room for structures passed by value.
 */
final class CallBlock {
  static final int MAX_ARGS = 64;
  static final int STRUCT_BYTES = 4096;
  private static final ThreadLocal<CallBlock> LOCAL = ThreadLocal.withInitial(CallBlock::new);

  /** Four 8-byte out-parameters. */
  final MemorySegment out;

  final MemorySegment out2;
  final MemorySegment slots;
  final MemorySegment structs;

  /** The {@code void**} of cuLaunchKernel. */
  final MemorySegment pointers;

  /** The sizes of the arguments of the launch, in bytes. */
  final int[] sizes = new int[MAX_ARGS];

  /** A bit for each argument whose pointer leads to {@link #structs}. */
  private long structSlots;

  /** The launch that is being put together; a second one started meanwhile takes the block over. */
  @Nullable Launch owner;

  private CallBlock() {
    Arena arena = Arena.ofAuto();
    MemorySegment all = arena.allocate(32L + MAX_ARGS * 16L + STRUCT_BYTES, 64);
    out = all.asSlice(0, 16);
    out2 = all.asSlice(16, 16);
    slots = all.asSlice(32, MAX_ARGS * 8L);
    pointers = all.asSlice(32 + MAX_ARGS * 8L, MAX_ARGS * 8L);
    structs = all.asSlice(32 + MAX_ARGS * 16L, STRUCT_BYTES);
    for (int i = 0; i < MAX_ARGS; i++) {
      resetPointer(i);
    }
  }

  static CallBlock local() {
    return LOCAL.get();
  }

  void structs(int slot) {
    structSlots |= 1L << slot;
  }

  /** Points all arguments at their slots again. */
  void reset() {
    for (long left = structSlots; left != 0; left &= left - 1) {
      resetPointer(Long.numberOfTrailingZeros(left));
    }
    structSlots = 0;
  }

  private void resetPointer(int i) {
    pointers.setAtIndex(JAVA_LONG, i, slots.address() + 8L * i);
  }

  int outInt() {
    return out.get(JAVA_INT, 0);
  }

  long outLong() {
    return out.get(JAVA_LONG, 0);
  }
}
