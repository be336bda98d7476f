package dev.selfsame.guard;

import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.NewReferenceArrayInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a method's bytecode says of its speed.
 *
 * @param name class and method
 * @param descriptor its type: overloads share a name
 * @param bytes length of its code
 * @param passesVectors whether it takes or gives a vector, a mask or a shuffle
 * @param vectorCalls calls of the Vector API
 * @param loops whether it jumps backwards
 * @param makesVectorArray whether it makes an array of vectors
 */
record MethodShape(
    String name,
    String descriptor,
    int bytes,
    boolean passesVectors,
    int vectorCalls,
    boolean loops,
    boolean makesVectorArray) {

  private static final String API = "jdk.incubator.vector";

  /** A loop over vectors: what a kernel spends its time in. */
  boolean isHot() {
    return loops && vectorCalls > 0;
  }

  /** Of all methods with code in a class file. */
  static List<MethodShape> of(byte[] classFile) {
    ClassModel type = ClassFile.of().parse(classFile);
    String owner = type.thisClass().asInternalName().replace('/', '.');
    List<MethodShape> shapes = new ArrayList<>();
    for (MethodModel method : type.methods()) {
      method
          .code()
          .ifPresent(code -> shapes.add(of(owner + "." + method.methodName(), method, code)));
    }
    return shapes;
  }

  private static MethodShape of(String name, MethodModel method, CodeModel code) {
    Set<Label> passed = new HashSet<>();
    int vectorCalls = 0;
    boolean loops = false;
    boolean array = false;
    for (CodeElement element : code) {
      switch (element) {
        case LabelTarget target -> passed.add(target.label());
        case BranchInstruction branch -> loops |= passed.contains(branch.target());
        case InvokeInstruction call when isApi(call.owner().asSymbol()) -> vectorCalls++;
        case NewReferenceArrayInstruction made when isVector(made.componentType().asSymbol()) ->
            array = true;
        default -> {}
      }
    }
    int bytes = method.findAttribute(Attributes.code()).orElseThrow().codeLength();
    return new MethodShape(
        name,
        method.methodType().stringValue(),
        bytes,
        passesVectors(method.methodTypeSymbol()),
        vectorCalls,
        loops,
        array);
  }

  /** Whether a method of that type takes or gives vectors. */
  static boolean passesVectors(MethodTypeDesc type) {
    return Stream.concat(Stream.of(type.returnType()), type.parameterList().stream())
        .anyMatch(MethodShape::isVector);
  }

  private static boolean isApi(ClassDesc type) {
    return type.packageName().equals(API);
  }

  /** The API's other types, species and operators, are constants. */
  static boolean isVector(ClassDesc type) {
    return type.isClassOrInterface()
        && isApi(type)
        && type.displayName().matches(".*(Vector|VectorMask|VectorShuffle)(<.*)?");
  }
}
