package dev.selfsame.bench.peers;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;

/**
 * AdamW as libtorch has it, on parameters and gradients of ours: the C++ optimizer ({@code
 * torch::optim::AdamW}, one tensor and one operation at a time), and the fused kernel that Python's
 * {@code AdamW(fused=True)} calls. Both use libtorch's defaults, {@link #LR} and so on.
 */
public final class TorchAdamW {
  public static final double LR = 1e-3;
  public static final double BETA1 = 0.9;
  public static final double BETA2 = 0.999;
  public static final double EPSILON = 1e-8;
  public static final double WEIGHT_DECAY = 1e-2;

  /** {@code at::TensorList}: address of the first tensor and their number, passed by value. */
  private static final StructLayout TENSOR_LIST = MemoryLayout.structLayout(ADDRESS, JAVA_LONG);

  private TorchAdamW() {}

  /**
   * The C++ optimizer; each {@link Runnable#run} is one step. The optimizer keeps its own state.
   */
  public static Runnable optimizer(List<MemorySegment> parameters, List<MemorySegment> gradients) {
    TensorVector tensors = vector(parameters);
    for (int i = 0; i < gradients.size(); i++) {
      tensors.get(i).mutable_grad().put(flat(gradients.get(i)));
    }
    var adamW = new AdamW(tensors);
    return () -> adamW.step().close();
  }

  /**
   * The fused kernel {@code at::cpu::_fused_adamw_}, which the Java binding lacks; moments are the
   * caller's. Each {@link Runnable#run} is one step.
   */
  public static Runnable fused(
      List<MemorySegment> parameters,
      List<MemorySegment> gradients,
      List<MemorySegment> firstMoments,
      List<MemorySegment> secondMoments) {
    var kernel =
        new Fused(
            vector(parameters), vector(gradients), vector(firstMoments), vector(secondMoments));
    return kernel::step;
  }

  /** That kernel on tensors; a gradient may be exchanged between two steps. */
  static final class Fused {
    private final MethodHandle kernel =
        NativeLibraries.function(
            NativeLibraries.loaded("libtorch_cpu\\.so").getFirst(),
            "_ZN2at3cpu13_fused_adamw_EN3c108ArrayRefINS_6TensorEEES4_S4_S4_S4_S4_dddddbbRKSt8"
                + "optionalIS3_ES8_",
            FunctionDescriptor.ofVoid(
                TENSOR_LIST,
                TENSOR_LIST,
                TENSOR_LIST,
                TENSOR_LIST,
                TENSOR_LIST,
                TENSOR_LIST,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                JAVA_BOOLEAN,
                JAVA_BOOLEAN,
                ADDRESS,
                ADDRESS));
    private final int n;
    private final MemorySegment counts;
    private final MemorySegment p;
    private final MemorySegment g;
    private final MemorySegment m;
    private final MemorySegment v;
    private final MemorySegment none = list(new TensorVector());
    private final MemorySegment count;
    private final MemorySegment noTensor = MemorySegment.ofAddress(new TensorOptional().address());

    Fused(
        TensorVector parameters,
        TensorVector gradients,
        TensorVector firstMoments,
        TensorVector secondMoments) {
      n = (int) parameters.size();
      counts = Arena.ofAuto().allocate(JAVA_FLOAT, n);
      TensorVector steps = new TensorVector((long) n);
      for (int i = 0; i < n; i++) {
        steps.put(i, TorchPeer.floats(counts.asSlice(4L * i, 4L)));
      }
      p = list(parameters);
      g = list(gradients);
      m = list(firstMoments);
      v = list(secondMoments);
      count = list(steps);
    }

    void step() {
      for (int i = 0; i < n; i++) {
        counts.setAtIndex(JAVA_FLOAT, i, counts.getAtIndex(JAVA_FLOAT, i) + 1);
      }
      try {
        kernel.invokeExact(
            p,
            g,
            m,
            v,
            none,
            count,
            LR,
            BETA1,
            BETA2,
            WEIGHT_DECAY,
            EPSILON,
            false,
            false,
            noTensor,
            noTensor);
      } catch (Throwable t) {
        throw NativeLibraries.wrap(t);
      }
    }
  }

  private static TensorVector vector(List<MemorySegment> memory) {
    var tensors = new TensorVector((long) memory.size());
    for (int i = 0; i < memory.size(); i++) {
      tensors.put(i, flat(memory.get(i)));
    }
    return tensors;
  }

  private static Tensor flat(MemorySegment s) {
    return TorchPeer.floats(s, s.byteSize() / Float.BYTES);
  }

  /** The tensors stay alive: nothing frees a JavaCPP pointer here. */
  private static MemorySegment list(TensorVector tensors) {
    long n = tensors.size();
    MemorySegment list = Arena.ofAuto().allocate(TENSOR_LIST);
    list.set(JAVA_LONG, 0, n == 0 ? 0 : tensors.get(0).address());
    list.set(JAVA_LONG, 8, n);
    return list;
  }
}
