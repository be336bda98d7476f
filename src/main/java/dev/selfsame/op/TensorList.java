package dev.selfsame.op;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import dev.selfsame.cpu.Column;
import dev.selfsame.cuda.CudaContext;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Columns of tensors that one fused call works on: row t holds one tensor of each column, all of
 * one shape (a parameter, its gradient, its moments). The work is cut into pieces of {@link #PIECE}
 * elements that never cross a tensor's end.
 */
final class TensorList {
  /**
   * Elements of a piece: one thread block's share, and a task's on the CPU. Twin: PIECE in
   * tensor_list.cuh.
   */
  static final int PIECE = 4096;

  /** A thread's room to sort where memory starts and where it ends. */
  private static final ThreadLocal<long[][]> BOUNDS = ThreadLocal.withInitial(() -> new long[2][0]);

  /** A thread's plan, kept for its next call: mostly of the same tensors. */
  private static final ThreadLocal<long[]> FIRST_PIECE = ThreadLocal.withInitial(() -> new long[1]);

  private final List<List<Tensor>> columns;
  private final long[] firstPiece;

  private TensorList(List<List<Tensor>> columns, long[] firstPiece) {
    this.columns = columns;
    this.firstPiece = firstPiece;
  }

  /**
   * Checks the columns: of one length, shapes equal in each row, FP32, contiguous, on one device,
   * and no memory named twice, neither within a row nor in two rows.
   *
   * @param names of the columns, for messages
   */
  static TensorList of(String op, List<String> names, List<List<Tensor>> columns) {
    return of(op, names, columns, 0);
  }

  /**
   * The same for columns of which the first are only read, and may share memory with each other.
   *
   * @param read how many are only read
   */
  static TensorList of(String op, List<String> names, List<List<Tensor>> columns, int read) {
    List<Tensor> first = columns.get(0);
    for (int c = 1; c < columns.size(); c++) {
      if (columns.get(c).size() != first.size()) {
        throw new ShapeException(
            op
                + ": "
                + names.get(c)
                + " has "
                + columns.get(c).size()
                + " tensors, but "
                + names.get(0)
                + " has "
                + first.size());
      }
    }
    long[] firstPiece = FIRST_PIECE.get();
    if (firstPiece.length != first.size() + 1) {
      firstPiece = new long[first.size() + 1];
      FIRST_PIECE.set(firstPiece);
    }
    for (int t = 0; t < first.size(); t++) {
      for (int c = 0; c < columns.size(); c++) {
        Tensor tensor = columns.get(c).get(t);
        if (!fits(tensor, first.get(t), first.get(0).device())) {
          // Only now: thousands of names a call would cost more than the update of small tensors.
          String name = names.get(c) + "[" + t + "]";
          Check.plain(op, name, tensor, DType.F32);
          Check.device(op, name, tensor, first.get(0).device());
          Check.shape(op, name, tensor, first.get(t).shape());
        }
      }
      firstPiece[t + 1] = firstPiece[t] + (first.get(t).elements() + PIECE - 1) / PIECE;
    }
    if (!areApart(columns)) {
      requireApart(op, names, columns, read);
    }
    return new TensorList(columns, firstPiece);
  }

  private static boolean fits(Tensor tensor, Tensor first, Device device) {
    return !tensor.isClosed()
        && tensor.dtype() == DType.F32
        && !tensor.isTransposed()
        && tensor.device().equals(device)
        && tensor.shape().equals(first.shape());
  }

  /**
   * Whether all memory is off the heap and nowhere shared: intervals are apart if and only if their
   * starts and their ends, each sorted by themselves, take turns.
   */
  private static boolean areApart(List<List<Tensor>> columns) {
    int most = columns.size() * columns.get(0).size();
    long[][] bounds = BOUNDS.get();
    if (bounds[0].length < most) {
      bounds[0] = new long[most];
      bounds[1] = new long[most];
    }
    long[] starts = bounds[0];
    long[] ends = bounds[1];
    int count = 0;
    for (List<Tensor> column : columns) {
      for (Tensor tensor : column) {
        if (tensor.elements() == 0) {
          continue;
        }
        if (tensor.device() instanceof Device.Cuda) {
          starts[count] = tensor.address();
        } else {
          MemorySegment memory = tensor.memory();
          if (!memory.isNative()) {
            return false;
          }
          starts[count] = memory.address();
        }
        ends[count] = starts[count] + tensor.elements() * Float.BYTES;
        count++;
      }
    }
    Arrays.sort(starts, 0, count);
    Arrays.sort(ends, 0, count);
    for (int i = 1; i < count; i++) {
      if (starts[i] < ends[i - 1]) {
        return false;
      }
    }
    return true;
  }

  /** A place in the columns, where its memory begins, and whether it is written. */
  private record Place(String name, Tensor tensor, long start, boolean written) {
    long end() {
      return start + tensor.elements() * Float.BYTES;
    }
  }

  private static void requireApart(
      String op, List<String> names, List<List<Tensor>> columns, int read) {
    List<Place> direct = new ArrayList<>();
    List<Place> heap = new ArrayList<>();
    for (int c = 0; c < columns.size(); c++) {
      for (int t = 0; t < columns.get(c).size(); t++) {
        Tensor tensor = columns.get(c).get(t);
        String name = names.get(c) + "[" + t + "]";
        boolean written = c >= read;
        if (tensor.elements() == 0) {
          continue;
        }
        if (tensor.device() instanceof Device.Cuda) {
          direct.add(new Place(name, tensor, tensor.address(), written));
        } else if (tensor.memory().isNative()) {
          direct.add(new Place(name, tensor, tensor.memory().address(), written));
        } else {
          heap.add(new Place(name, tensor, 0, written));
        }
      }
    }
    direct.sort(Comparator.comparingLong(Place::start));
    // Sorted by address, memory that is shared by any two is shared by one and the
    // farthest-reaching
    // of those before it: of all before it, if it is written; of those written, if it is read.
    Place any = null;
    Place written = null;
    for (Place place : direct) {
      Place before = place.written ? any : written;
      if (before != null) {
        requireApart(op, before, place);
      }
      any = any == null || place.end() > any.end() ? place : any;
      if (place.written) {
        written = written == null || place.end() > written.end() ? place : written;
      }
    }
    for (int i = 1; i < heap.size(); i++) {
      for (int j = 0; j < i; j++) {
        if (heap.get(i).written || heap.get(j).written) {
          requireApart(op, heap.get(j), heap.get(i));
        }
      }
    }
  }

  private static void requireApart(String op, Place a, Place b) {
    if (a.tensor.overlaps(b.tensor)) {
      throw new ShapeException(
          op
              + ": "
              + a.name
              + " and "
              + b.name
              + " share memory; they must be apart, and a shared parameter is listed once");
    }
  }

  int tensors() {
    return firstPiece.length - 1;
  }

  long pieces() {
    return firstPiece[tensors()];
  }

  boolean isEmpty() {
    return pieces() == 0;
  }

  Device device() {
    return columns.get(0).get(0).device();
  }

  /** Number of the first piece of each tensor, and the number of all pieces at the end. */
  long[] firstPiece() {
    return firstPiece;
  }

  /** Host memory of a column. */
  Column memory(int column) {
    List<Tensor> tensors = columns.get(column);
    return t -> tensors.get(t).memory();
  }

  /**
   * The table that the CUDA kernels read, as int64: firstPiece [n + 1], elements [n], then each
   * column's addresses [n]. The caller frees it on the same stream after its launches.
   */
  long upload(CudaContext context) {
    int n = tensors();
    long[] table = new long[n + 1 + n * (1 + columns.size())];
    System.arraycopy(firstPiece, 0, table, 0, n + 1);
    for (int t = 0; t < n; t++) {
      table[n + 1 + t] = columns.get(0).get(t).elements();
      for (int c = 0; c < columns.size(); c++) {
        table[n + 1 + n * (1 + c) + t] = columns.get(c).get(t).address();
      }
    }
    long address = context.allocate(table.length * (long) Long.BYTES);
    try {
      context.copyConstant(address, MemorySegment.ofArray(table));
    } catch (RuntimeException | Error e) {
      context.free(address);
      throw e;
    }
    return address;
  }

  @Override
  public String toString() {
    return tensors()
        + " tensors, "
        + columns.get(0).stream().mapToLong(Tensor::elements).sum()
        + " elements";
  }
}
