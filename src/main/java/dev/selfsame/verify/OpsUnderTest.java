package dev.selfsame.verify;

import dev.selfsame.op.AdamW;
import dev.selfsame.op.Attention;
import dev.selfsame.op.BatchNorm;
import dev.selfsame.op.Bias;
import dev.selfsame.op.ContrastiveLoss;
import dev.selfsame.op.Conv2d;
import dev.selfsame.op.ConvTranspose2d;
import dev.selfsame.op.CrossEntropy;
import dev.selfsame.op.Dropout;
import dev.selfsame.op.Elementwise;
import dev.selfsame.op.Gather;
import dev.selfsame.op.Gemm;
import dev.selfsame.op.GlobalNorm;
import dev.selfsame.op.Gru;
import dev.selfsame.op.KlDivergence;
import dev.selfsame.op.LayerNorm;
import dev.selfsame.op.LocallyConnected2d;
import dev.selfsame.op.Lstm;
import dev.selfsame.op.Pool2d;
import dev.selfsame.op.Rnn;
import dev.selfsame.op.ScatterAdd;
import dev.selfsame.op.Sgd;
import dev.selfsame.op.Softmax;
import dev.selfsame.op.SquaredDistance;
import dev.selfsame.op.Sums;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Every operation with its cases, in one place. */
public final class OpsUnderTest {
  // Light ones first: in a run with a time limit they leave their time to the heavy ones.
  private static final List<OpUnderTest> ALL =
      List.of(
          new OpUnderTest(Bias.class, BiasCases::draw),
          new OpUnderTest(Softmax.class, SoftmaxCases::draw),
          new OpUnderTest(Dropout.class, DropoutCases::draw),
          new OpUnderTest(BatchNorm.class, BatchNormCases::draw),
          new OpUnderTest(LayerNorm.class, LayerNormCases::draw),
          new OpUnderTest(CrossEntropy.class, CrossEntropyCases::draw),
          new OpUnderTest(KlDivergence.class, KlDivergenceCases::draw),
          new OpUnderTest(ContrastiveLoss.class, ContrastiveLossCases::draw),
          new OpUnderTest(SquaredDistance.class, SquaredDistanceCases::draw),
          new OpUnderTest(Gather.class, GatherCases::draw),
          new OpUnderTest(ScatterAdd.class, ScatterAddCases::draw),
          new OpUnderTest(Sums.class, SumsCases::draw),
          new OpUnderTest(GlobalNorm.class, GlobalNormCases::draw),
          new OpUnderTest(AdamW.class, AdamWCases::draw),
          new OpUnderTest(Sgd.class, SgdCases::draw),
          new OpUnderTest(Pool2d.class, Pool2dCases::draw),
          new OpUnderTest(Rnn.class, RnnCases::draw),
          new OpUnderTest(Gru.class, GruCases::draw),
          new OpUnderTest(Lstm.class, LstmCases::draw),
          new OpUnderTest(Attention.class, AttentionCases::draw),
          new OpUnderTest(Elementwise.class, ElementwiseCases::draw),
          new OpUnderTest(Gemm.class, GemmCases::draw),
          new OpUnderTest(LocallyConnected2d.class, LocallyConnected2dCases::draw),
          new OpUnderTest(ConvTranspose2d.class, ConvTranspose2dCases::draw),
          new OpUnderTest(Conv2d.class, Conv2dCases::draw));

  private OpsUnderTest() {}

  /** All operations. */
  public static List<OpUnderTest> all() {
    return ALL;
  }

  /** The cases of an operation's class. */
  public static OpUnderTest of(Class<?> op) {
    return ALL.stream()
        .filter(o -> o.op() == op)
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(op + " is no operation; there are " + ALL));
  }

  /** An operation by its name for people; case, hyphens and underscores don't matter. */
  public static Optional<OpUnderTest> named(String name) {
    return ALL.stream().filter(o -> plain(o.name()).equals(plain(name))).findFirst();
  }

  private static String plain(String name) {
    return name.replaceAll("[-_]", "").toLowerCase(Locale.ROOT);
  }
}
