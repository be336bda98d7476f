package dev.selfsame.jcuda;

import dev.selfsame.DType;
import dev.selfsame.Device;
import dev.selfsame.Scope;
import dev.selfsame.Shape;
import dev.selfsame.Tensor;
import dev.selfsame.data.Batches;
import dev.selfsame.data.Digits;
import dev.selfsame.op.Activation;
import dev.selfsame.op.AdamW;
import dev.selfsame.op.Bias;
import dev.selfsame.op.CrossEntropy;
import dev.selfsame.op.Gemm;
import dev.selfsame.verify.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * Example: softmax regression on handwritten digits, on memory and a stream that JCuda allocated,
 * by this library's kernels; then the same on the CPU, and the bits compared.
 *
 * <pre>java … dev.selfsame.jcuda.TrainOnJCudaMemory cuda:0</pre>
 */
final class TrainOnJCudaMemory {
  private static final int BATCH = 64;
  private static final int PIXELS = 28 * 28;
  private static final int STEPS = 60;

  private TrainOnJCudaMemory() {}

  public static void main(String[] args) {
    Device.Cuda device = (Device.Cuda) Device.parse(args.length > 0 ? args[0] : "cuda:0", 1);
    JCudaDriver.setExceptionsEnabled(true);
    JCudaInterop.attach(device);
    List<CUdeviceptr> allocated = new ArrayList<>();
    CUstream stream = new CUstream();
    JCudaDriver.cuStreamCreate(stream, 1);
    float[] weights;
    float[] read = new float[PIXELS * 10];
    try (Scope scope = Scope.open()) {
      JCudaInterop.useStream(device.context(), stream);
      weights =
          train(
              scope,
              device,
              (type, shape) -> {
                CUdeviceptr pointer = new CUdeviceptr();
                JCudaDriver.cuMemAlloc(pointer, shape.elements() * type.bytes());
                allocated.add(pointer);
                return JCudaInterop.tensor(scope, device, type, pointer, shape.sizes());
              });
      // The first allocation holds the weights; JCuda sees what our kernels wrote.
      JCudaDriver.cuStreamSynchronize(stream);
      JCudaDriver.cuMemcpyDtoH(Pointer.to(read), allocated.getFirst(), read.length * 4L);
    } finally {
      device.context().useOwnStream();
      JCudaDriver.cuStreamDestroy(stream);
      allocated.forEach(JCudaDriver::cuMemFree);
    }
    Bits.assertSame("weights read by JCuda", weights, read);
    try (Scope scope = Scope.open()) {
      Device cpu = Device.vector();
      float[] onCpu = train(scope, cpu, (type, shape) -> Tensor.empty(scope, cpu, type, shape));
      Bits.assertSame("weights on " + device + " and on " + cpu, onCpu, weights);
    }
    System.out.println("the selfsame weights on " + device + " and on the CPU");
  }

  /** The weights after some steps; all memory but the kernels' own comes from {@code allocate}. */
  private static float[] train(
      Scope scope, Device device, BiFunction<DType, Shape, Tensor> allocate) {
    Tensor w = allocate.apply(DType.F32, Shape.of(PIXELS, 10)).fill(0f);
    Tensor b = allocate.apply(DType.F32, Shape.of(10)).fill(0f);
    Tensor dw = allocate.apply(DType.F32, w.shape());
    Tensor db = allocate.apply(DType.F32, b.shape());
    List<Tensor> m = new ArrayList<>();
    List<Tensor> v = new ArrayList<>();
    for (Tensor parameter : List.of(w, b)) {
      m.add(allocate.apply(DType.F32, parameter.shape()).fill(0f));
      v.add(allocate.apply(DType.F32, parameter.shape()).fill(0f));
    }
    Tensor x = allocate.apply(DType.F32, Shape.of(BATCH, 1, 28, 28));
    Tensor labels = allocate.apply(DType.I32, Shape.of(BATCH));
    Tensor logits = allocate.apply(DType.F32, Shape.of(BATCH, 10));
    Tensor dlogits = allocate.apply(DType.F32, logits.shape());
    Tensor losses = allocate.apply(DType.F32, Shape.of(BATCH));
    Tensor loss = allocate.apply(DType.F32, Shape.of(1));
    Tensor rows = x.reshape(BATCH, PIXELS);
    Digits digits = Digits.shipped();
    Batches batches = Batches.shuffled(digits.train(), digits.normalization(), BATCH, 1);
    for (int step = 0; step < STEPS; step++) {
      batches.fill(step, x, labels);
      Gemm.gemm(rows, w, b, Activation.NONE, logits);
      CrossEntropy.forward(logits, labels, losses, loss);
      CrossEntropy.gradient(logits, labels, 1f, dlogits);
      Gemm.gemm(rows.transpose(), dlogits, dw);
      Bias.gradient(dlogits, db);
      AdamW.Hyper hyper =
          new AdamW.Hyper(1e-3, 0.9, 0.999, 1e-8, 0.01, step + 1, AdamW.Decay.DECOUPLED);
      AdamW.step(List.of(w, b), List.of(dw, db), m, v, hyper);
      if (step % 20 == 0 || step == STEPS - 1) {
        System.out.printf("%s step %d: loss %.4f%n", device, step + 1, loss.item());
      }
    }
    return w.toFloatArray();
  }
}
