package dev.selfsame.nn;

import dev.selfsame.Parameter;
import dev.selfsame.grad.Functions;
import dev.selfsame.grad.Var;
import dev.selfsame.op.Pool2d;
import dev.selfsame.op.Unary;
import java.util.List;
import java.util.function.UnaryOperator;

/** Layers without parameters. */
public final class Layers {
  private Layers() {}

  private record Stateless(UnaryOperator<Var> function) implements Layer {
    @Override
    public Var forward(Var x) {
      return function.apply(x);
    }

    @Override
    public List<Parameter> parameters() {
      return List.of();
    }
  }

  /** A function of each element. */
  record Elementwise(Unary function) implements Layer {
    @Override
    public Var forward(Var x) {
      return Functions.unary(function, x);
    }

    @Override
    public List<Parameter> parameters() {
      return List.of();
    }
  }

  /** An elementwise function. */
  public static Layer activation(Unary function) {
    return new Elementwise(function);
  }

  /** The largest of each k×k window, stride k. */
  public static Layer maxPool2d(int k) {
    Pool2d.Geometry geometry = Pool2d.Geometry.of(k);
    return new Stateless(x -> Functions.maxPool2d(x, geometry));
  }

  /** The mean of each k×k window, stride k. */
  public static Layer averagePool2d(int k) {
    Pool2d.Geometry geometry = Pool2d.Geometry.of(k);
    return new Stateless(x -> Functions.averagePool2d(x, geometry));
  }

  /** [N, …] to [N, the product of the rest]. */
  public static Layer flatten() {
    return new Stateless(
        x -> Functions.reshape(x, x.value().size(0), x.value().shape().rowElements()));
  }
}
