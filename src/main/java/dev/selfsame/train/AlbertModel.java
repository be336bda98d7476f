package dev.selfsame.train;

import dev.selfsame.Parameter;
import dev.selfsame.Tensor;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Tape;
import dev.selfsame.grad.Var;
import dev.selfsame.nn.Embedding;
import dev.selfsame.nn.EncoderBlock;
import dev.selfsame.nn.Initializer;
import dev.selfsame.nn.LayerNorm;
import dev.selfsame.nn.Linear;
import dev.selfsame.op.Unary;
import java.util.ArrayList;
import java.util.List;

/**
 * ALBERT (Lan et al. 2020) for masked words. The list of blocks says what is shared: L times one
 * object is L layers with one set of parameters. The embedding of a word has fewer numbers than a
 * layer is wide, and is the output's weight, too.
 */
public final class AlbertModel {
  /** Sizes: tokens, numbers of an embedding, width of a layer, heads, inner width, positions. */
  public record Sizes(int vocabulary, int embedding, int width, int heads, int inner, int length) {}

  private final Sizes sizes;
  private final Embedding words;
  private final Embedding positions;
  private final LayerNorm norm;
  private final Linear widen;
  private final Linear narrow;
  private final LayerNorm normOut;
  private final Linear output;
  private final List<EncoderBlock> blocks;

  /**
   * New parameters around given blocks.
   *
   * @param blocks the layers, first to last
   */
  public AlbertModel(Initializer init, Sizes s, List<EncoderBlock> blocks) {
    sizes = s;
    words = Embedding.of(init, "words", s.vocabulary, s.embedding, 0.1f);
    positions = Embedding.of(init, "positions", s.length, s.embedding, 0.1f);
    norm = LayerNorm.of(init, "norm", s.embedding);
    widen = Linear.of(init, "widen", s.embedding, s.width);
    narrow = Linear.of(init, "narrow", s.width, s.embedding);
    normOut = LayerNorm.of(init, "norm_out", s.embedding);
    output = new Linear(words.weight(), init.constant("output.bias", 0f, s.vocabulary));
    this.blocks = List.copyOf(blocks);
  }

  private AlbertModel(AlbertModel other, List<EncoderBlock> blocks) {
    sizes = other.sizes;
    words = other.words;
    positions = other.positions;
    norm = other.norm;
    widen = other.widen;
    narrow = other.narrow;
    normOut = other.normOut;
    output = other.output;
    this.blocks = List.copyOf(blocks);
  }

  /** The same model but for its layers. */
  public AlbertModel with(List<EncoderBlock> others) {
    return new AlbertModel(this, others);
  }

  /** The layers, first to last; the same object as often as it is used. */
  public List<EncoderBlock> blocks() {
    return blocks;
  }

  /**
   * The logits of chosen tokens.
   *
   * @param tokens I32 [B · T]
   * @param order I32 [B · T]: 0 … T − 1 for each sequence
   * @param places I32 [n]: of the chosen ones in tokens
   * @return [n, V]
   */
  public Var forward(Tape tape, Tensor tokens, Tensor order, Tensor places) {
    Var embedded = Functions.add(words.forward(tape, tokens), positions.forward(tape, order));
    Var rows = widen.forward(norm.forward(embedded));
    long length = sizes.length;
    Var x = Functions.reshape(rows, tokens.elements() / length, length, sizes.width);
    for (EncoderBlock block : blocks) {
      x = block.forward(x);
    }
    Var chosen = Functions.embedding(Functions.reshape(x, tokens.elements(), sizes.width), places);
    Var guess = normOut.forward(Functions.unary(Unary.GELU, narrow.forward(chosen)));
    return output.forward(guess);
  }

  /** Every parameter once: those of a block that stands in several places, too. */
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>(words.parameters());
    all.addAll(positions.parameters());
    all.addAll(norm.parameters());
    all.addAll(widen.parameters());
    blocks.stream().distinct().forEach(block -> all.addAll(block.parameters()));
    all.addAll(narrow.parameters());
    all.addAll(normOut.parameters());
    all.add(output.parameters().getLast());
    return all;
  }
}
