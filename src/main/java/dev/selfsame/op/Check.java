package dev.selfsame.op;

import dev.selfsame.ClosedException;
import dev.selfsame.DType;
import dev.selfsame.DTypeException;
import dev.selfsame.Device;
import dev.selfsame.DeviceException;
import dev.selfsame.Shape;
import dev.selfsame.ShapeException;
import dev.selfsame.Tensor;
import java.util.List;

/**
 * Argument checks of the operations, made before anything is written. Messages read "conv2d: w is
 * …; … is needed".
 */
final class Check {
  private Check() {}

  /** Open, of the type, and contiguous. */
  static void plain(String op, String name, Tensor t, DType dtype) {
    plainOrTransposed(op, name, t, dtype);
    if (t.isTransposed()) {
      throw new ShapeException(
          op
              + ": "
              + name
              + " is a transposed view "
              + t.shape()
              + "; a contiguous tensor is needed");
    }
  }

  /** Open and of the type; may be a transposed view. */
  static void plainOrTransposed(String op, String name, Tensor t, DType dtype) {
    if (t.isClosed()) {
      throw new ClosedException(op + ": " + name + " " + t + " was closed");
    }
    if (t.dtype() != dtype) {
      throw new DTypeException(op + ": " + name + " is " + t.dtype() + "; " + dtype + " is needed");
    }
  }

  /** On the device. */
  static void device(String op, String name, Tensor t, Device device) {
    if (!t.device().equals(device)) {
      throw new DeviceException(
          op
              + ": "
              + name
              + " is on "
              + text(t.device())
              + ", but the destination is on "
              + text(device)
              + "; copy it there first");
    }
  }

  /** With the threads, which make devices of one width differ. */
  private static String text(Device device) {
    return device instanceof Device.Vector v ? v + " (threads: " + v.threads() + ")" : "" + device;
  }

  /** An FP32 input, contiguous, on the destination's device. */
  static void input(String op, String name, Tensor t, Tensor destination) {
    plain(op, name, t, DType.F32);
    device(op, name, t, destination.device());
  }

  /** Of exactly the sizes. */
  static void shape(String op, String name, Tensor t, long... sizes) {
    if (!t.shape().is(sizes)) {
      throw misshapen(op, name, t, Shape.of(sizes));
    }
  }

  /** Of exactly the shape. */
  static void shape(String op, String name, Tensor t, Shape needed) {
    if (!t.shape().equals(needed)) {
      throw misshapen(op, name, t, needed);
    }
  }

  private static ShapeException misshapen(String op, String name, Tensor t, Shape needed) {
    return new ShapeException(
        op + ": " + name + " has shape " + t.shape() + "; " + needed + " is needed");
  }

  /** Of exactly the rank. */
  static void rank(String op, String name, Tensor t, int rank, String axes) {
    if (t.shape().rank() != rank) {
      throw new ShapeException(
          op + ": " + name + " has shape " + t.shape() + "; " + axes + " is needed");
    }
  }

  /** At least one element. */
  static void notEmpty(String op, String name, Tensor t) {
    if (t.elements() == 0) {
      throw new ShapeException(
          op + ": " + name + " has shape " + t.shape() + "; every size must be at least 1");
    }
  }

  /** Each of a list has at least one element. */
  static void notEmpty(String op, String name, List<Tensor> tensors) {
    for (int t = 0; t < tensors.size(); t++) {
      if (tensors.get(t).elements() == 0) {
        notEmpty(op, name + "[" + t + "]", tensors.get(t));
      }
    }
  }

  /** A positive number. */
  static void positive(String op, String name, long value) {
    if (value < 1) {
      throw new ShapeException(op + ": " + name + " is " + value + "; at least 1 is needed");
    }
  }

  /** The destination shares no byte with an input. */
  static void apart(
      String op, String name, Tensor input, String destinationName, Tensor destination) {
    if (destination.overlaps(input)) {
      throw new ShapeException(
          op + ": " + destinationName + " shares memory with " + name + "; they must be apart");
    }
  }

  /** The destination shares no byte with any of the inputs. */
  static void apart(
      String op, String name, List<Tensor> inputs, String destinationName, Tensor destination) {
    for (int t = 0; t < inputs.size(); t++) {
      if (destination.overlaps(inputs.get(t))) {
        apart(op, name + "[" + t + "]", inputs.get(t), destinationName, destination);
      }
    }
  }

  /** The destination is the input itself, or shares no byte with it. */
  static void sameOrApart(
      String op, String name, Tensor input, String destinationName, Tensor destination) {
    boolean same =
        destination.overlaps(input)
            && destination.startsWith(input)
            && input.elements() == destination.elements();
    if (!same) {
      apart(op, name, input, destinationName, destination);
    }
  }
}
