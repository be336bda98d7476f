package dev.selfsame.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.selfsame.Device;
import dev.selfsame.bench.BenchCase.Planned;
import dev.selfsame.bench.peers.TorchLosses;
import dev.selfsame.bench.peers.TorchPeer;
import dev.selfsame.op.ContrastiveLoss;
import dev.selfsame.op.KlDivergence;
import dev.selfsame.op.SquaredDistance;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongToDoubleFunction;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Losses that compare two things, each with its gradients: divergence of softmaxes, contrastive
 * loss, squared distance. Bounds are {@link LossReference}'s.
 */
final class LossCases {
  static final float MARGIN = 15;
  static final float LAMBDA = 0.01f;

  /** A power of two: quotients are exact, so {@link SoftmaxReference} holds for them. */
  static final float TEMPERATURE = 2;

  private LossCases() {}

  static List<Planned> all(Device device) {
    return List.of(
        divergence(4096, 1024, device),
        divergence(64, 10, device),
        contrastive(32_768, 128, device),
        contrastive(64, 32, device),
        distance(1, 4_000_000, device),
        distance(50, 20_000, device));
  }

  /** Sizes around lanes, blocks and pieces. */
  static List<Planned> odd(Device device) {
    return List.of(
        // First, because of the control: one changed input must show.
        distance(3, 33, device),
        distance(2, 4097, device),
        divergence(3, 2, device),
        divergence(33, 31, device),
        divergence(5, 1023, device),
        divergence(7, 1025, device),
        contrastive(3, 1, device),
        contrastive(33, 31, device),
        contrastive(5, 1025, device));
  }

  private static Planned divergence(int rows, int n, Device device) {
    String name = "divergence %dx%d".formatted(rows, n);
    return new Planned(
        name,
        () -> {
          var memory = new CaseMemory(device);
          long count = (long) rows * n;
          MemorySegment t = memory.normal(1, count);
          MemorySegment s = memory.normal(2, count);
          MemorySegment loss = memory.zeros(1);
          MemorySegment ds = memory.zeros(count);
          var teacher = memory.floats(t, rows, n);
          var student = memory.floats(s, rows, n);
          var losses = memory.floats(memory.zeros(rows), rows);
          var ourLoss = memory.floats(loss, 1);
          var dstudent = memory.floats(ds, rows, n);
          Tensor theirTeacher = TorchPeer.floats(t, rows, n);
          Tensor theirStudent = leaf(s, rows, n);
          Runnable ours =
              () -> {
                KlDivergence.forward(teacher, student, TEMPERATURE, losses, ourLoss);
                KlDivergence.gradient(teacher, student, TEMPERATURE, 1f, dstudent);
              };
          return build(
              name,
              20.0 * count,
              ours,
              () -> TorchLosses.klDivergence(theirTeacher, theirStudent, TEMPERATURE),
              t,
              theirLoss -> {
                var reference = new LossReference.Divergence(rows, n, t, s, TEMPERATURE);
                List<Agreement> all = new ArrayList<>();
                compare(
                    all, "loss", loss, theirLoss, i -> reference.loss(), i -> reference.bound());
                compare(
                    all,
                    "gradient",
                    ds,
                    TorchPeer.memory(theirStudent.grad()),
                    reference::gradient,
                    reference::gradientBound);
                return all;
              },
              List.of(theirTeacher, theirStudent),
              memory);
        });
  }

  private static Planned contrastive(int rows, int n, Device device) {
    String name = "contrastive %dx%d".formatted(rows, n);
    return new Planned(
        name,
        () -> {
          var memory = new CaseMemory(device);
          long count = (long) rows * n;
          MemorySegment av = memory.normal(1, count);
          MemorySegment bv = memory.normal(2, count);
          int[] kinds = new SplittableRandom(3).ints(rows, 0, 2).toArray();
          MemorySegment ks = memory.arena().allocate(rows * 4L, 64);
          MemorySegment.copy(kinds, 0, ks, JAVA_INT, 0, rows);
          MemorySegment loss = memory.zeros(1);
          MemorySegment da = memory.zeros(count);
          MemorySegment db = memory.zeros(count);
          var a = memory.floats(av, rows, n);
          var b = memory.floats(bv, rows, n);
          var labels = memory.ints(ks, rows);
          var distances = memory.floats(memory.zeros(rows), rows);
          var losses = memory.floats(memory.zeros(rows), rows);
          var ourLoss = memory.floats(loss, 1);
          var ourDa = memory.floats(da, rows, n);
          var ourDb = memory.floats(db, rows, n);
          Tensor theirA = leaf(av, rows, n);
          Tensor theirB = leaf(bv, rows, n);
          Tensor longs = TorchPeer.longs(Inputs.widened(memory.arena(), ks), rows);
          Tensor different = longs.to(torch.ScalarType.Bool);
          Runnable ours =
              () -> {
                ContrastiveLoss.forward(a, b, labels, MARGIN, distances, losses, ourLoss);
                ContrastiveLoss.gradient(a, b, labels, MARGIN, distances, 1f, ourDa, ourDb);
              };
          return build(
              name,
              24.0 * count,
              ours,
              () -> TorchLosses.contrastive(theirA, theirB, different, MARGIN),
              av,
              theirLoss -> {
                var reference = new LossReference.Contrastive(n, av, bv, kinds, MARGIN);
                List<Agreement> all = new ArrayList<>();
                compare(
                    all, "loss", loss, theirLoss, i -> reference.loss(), i -> reference.bound());
                compare(
                    all,
                    "da",
                    da,
                    TorchPeer.memory(theirA.grad()),
                    reference::gradient,
                    reference::gradientBound);
                compare(
                    all,
                    "db",
                    db,
                    TorchPeer.memory(theirB.grad()),
                    i -> -reference.gradient(i),
                    reference::gradientBound);
                return all;
              },
              List.of(theirA, theirB, longs, different),
              memory);
        });
  }

  private static Planned distance(int pairs, int n, Device device) {
    String name = "distance %dx%d".formatted(pairs, n);
    return new Planned(
        name,
        () -> {
          var memory = new CaseMemory(device);
          List<MemorySegment> as = new ArrayList<>();
          List<MemorySegment> bs = new ArrayList<>();
          List<MemorySegment> gradients = new ArrayList<>();
          List<dev.selfsame.Tensor> a = new ArrayList<>();
          List<dev.selfsame.Tensor> b = new ArrayList<>();
          List<dev.selfsame.Tensor> da = new ArrayList<>();
          List<dev.selfsame.Tensor> db = new ArrayList<>();
          List<Tensor> theirA = new ArrayList<>();
          List<Tensor> theirB = new ArrayList<>();
          for (int t = 0; t < pairs; t++) {
            as.add(memory.normal(2 * t, n));
            bs.add(memory.normal(2 * t + 1, n));
            gradients.add(memory.zeros(n));
            a.add(memory.floats(as.get(t), n));
            b.add(memory.floats(bs.get(t), n));
            da.add(memory.floats(gradients.get(t), n));
            db.add(memory.floats(memory.zeros(n), n));
            theirA.add(leaf(as.get(t), n));
            theirB.add(leaf(bs.get(t), n));
          }
          MemorySegment penalty = memory.zeros(1);
          var distances = memory.floats(memory.zeros(pairs), pairs);
          var ourPenalty = memory.floats(penalty, 1);
          Runnable ours =
              () -> {
                SquaredDistance.forward(a, b, LAMBDA, distances, ourPenalty);
                SquaredDistance.gradient(a, b, LAMBDA, 1f, da, db);
              };
          List<Tensor> leaves = new ArrayList<>(theirA);
          leaves.addAll(theirB);
          return build(
              name,
              24.0 * pairs * n,
              ours,
              () -> TorchLosses.squaredDistance(theirA, theirB, LAMBDA),
              as.getFirst(),
              theirPenalty -> {
                var reference = new LossReference.Distance(as, bs, LAMBDA);
                List<Agreement> all = new ArrayList<>();
                compare(
                    all,
                    "penalty",
                    penalty,
                    theirPenalty,
                    i -> reference.penalty(),
                    i -> reference.bound());
                compare(
                    all,
                    "gradient of the first pair",
                    gradients.getFirst(),
                    TorchPeer.memory(theirA.getFirst().grad()),
                    reference::gradient,
                    reference::gradientBound);
                return all;
              },
              leaves,
              memory);
        });
  }

  private static Tensor leaf(MemorySegment memory, long... shape) {
    Tensor leaf = TorchPeer.floats(memory, shape);
    leaf.set_requires_grad(true);
    return leaf;
  }

  /** Their loss with the gradients left in the leaves. */
  private interface Theirs {
    Tensor run();
  }

  private interface Comparison {
    List<Agreement> with(MemorySegment theirLoss);
  }

  private static BenchCase build(
      String name,
      double bytes,
      Runnable ours,
      Theirs theirs,
      MemorySegment changed,
      Comparison comparison,
      List<Tensor> tensors,
      CaseMemory memory) {
    return new BenchCase(
        name,
        Rate.GBYTES,
        Work.bytes(bytes),
        new Contender("selfsame", ours),
        List.of(new Contender("libtorch", () -> theirs.run().close())),
        control -> {
          ours.run();
          if (control) {
            Inputs.change(changed);
          }
          try (Tensor loss = theirs.run()) {
            return comparison.with(TorchPeer.memory(loss));
          }
        },
        () -> {
          tensors.forEach(Tensor::close);
          memory.run();
        });
  }

  private static void compare(
      List<Agreement> all,
      String what,
      MemorySegment ours,
      MemorySegment theirs,
      LongToDoubleFunction exact,
      LongToDoubleFunction bound) {
    long n = ours.byteSize() / Float.BYTES;
    LongToDoubleFunction our = i -> ours.getAtIndex(JAVA_FLOAT, i);
    LongToDoubleFunction their = i -> theirs.getAtIndex(JAVA_FLOAT, i);
    all.add(
        Agreement.of(what + ": ours and libtorch", n, our, their, i -> 2 * bound.applyAsDouble(i)));
    all.add(Agreement.of(what + ": ours and float64", n, our, exact, bound));
    all.add(Agreement.of(what + ": libtorch and float64", n, their, exact, bound));
  }
}
