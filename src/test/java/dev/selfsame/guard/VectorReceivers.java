package dev.selfsame.guard;

import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.ArrayLoadInstruction;
import java.lang.classfile.instruction.ArrayStoreInstruction;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.ConvertInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.LineNumber;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.LookupSwitchInstruction;
import java.lang.classfile.instruction.MonitorInstruction;
import java.lang.classfile.instruction.NewMultiArrayInstruction;
import java.lang.classfile.instruction.NewObjectInstruction;
import java.lang.classfile.instruction.NewPrimitiveArrayInstruction;
import java.lang.classfile.instruction.NewReferenceArrayInstruction;
import java.lang.classfile.instruction.OperatorInstruction;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.classfile.instruction.StackInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.classfile.instruction.TableSwitchInstruction;
import java.lang.classfile.instruction.ThrowInstruction;
import java.lang.classfile.instruction.TypeCheckInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Finds, in bytecode, methods called on vectors whose class C2 does not know when it parses the
 * call: what is loaded, broadcast or reinterpreted is a {@code FloatVector} and the like until it
 * is cast to the kernel's class ({@code Lanes.type}), and so is what a loop carries round. There C2
 * takes the class from the profile of the Vector API's own method, which all code of a process
 * shares. Where that has seen three classes, C2 keeps a call beside its guess, and what goes into a
 * call is an object, made in the loop. Whether it has seen them when C2 comes to a kernel depends
 * on what ran before and on how busy the machine was: a probe sees it in some runs only, the
 * bytecode shows it always.
 *
 * <p>An abstract interpretation: of each value only whether it is a vector, and of a known class.
 * What an operation on a known vector gives is known; parameters are if all callers' are.
 */
final class VectorReceivers {
  private enum Value {
    /** No vector. */
    OTHER,
    /** A long or a double: two slots. */
    WIDE,
    UNKNOWN,
    KNOWN
  }

  /** Operations on vectors whose results C2 knows by their interface only. */
  private static final Set<String> UNKNOWN_RESULTS =
      Set.of(
          "castShape",
          "convert",
          "convertShape",
          "reinterpretAsDoubles",
          "reinterpretAsFloats",
          "reinterpretAsInts",
          "reinterpretAsLongs",
          "reinterpretShape",
          "viewAsFloatingLanes",
          "viewAsIntegralLanes",
          "cast",
          "check",
          "maskAll",
          "toShuffle",
          "toVector");

  private final Set<String> unknownReturns = new HashSet<>();
  private final Map<String, Set<Integer>> unknownParameters = new HashMap<>();
  private final Map<String, Set<String>> found = new HashMap<>();
  private boolean changed;

  private VectorReceivers() {}

  /** By class and method: the places of calls on vectors of unknown class. */
  static Map<String, Set<String>> unknown(List<byte[]> classFiles) {
    List<ClassModel> types = classFiles.stream().map(ClassFile.of()::parse).toList();
    VectorReceivers all = new VectorReceivers();
    do {
      all.changed = false;
      all.found.clear();
      for (ClassModel type : types) {
        for (MethodModel method : type.methods()) {
          method.code().ifPresent(code -> all.new Method(type, method, code).interpret());
        }
      }
    } while (all.changed);
    return all.found;
  }

  private static Value of(TypeKind kind) {
    return kind == TypeKind.LONG || kind == TypeKind.DOUBLE ? Value.WIDE : Value.OTHER;
  }

  private static Value of(ClassDesc type) {
    return MethodShape.isVector(type) ? Value.UNKNOWN : of(TypeKind.from(type));
  }

  private static Value meet(Value a, Value b) {
    boolean vectors = a.compareTo(Value.UNKNOWN) >= 0 && b.compareTo(Value.UNKNOWN) >= 0;
    return a == b ? a : vectors ? Value.UNKNOWN : Value.OTHER;
  }

  private record State(Value[] locals, ArrayList<Value> stack) {
    State copy() {
      return new State(locals.clone(), new ArrayList<>(stack));
    }

    State meet(State other) {
      State met = copy();
      for (int i = 0; i < locals.length; i++) {
        met.locals[i] = VectorReceivers.meet(locals[i], other.locals[i]);
      }
      for (int i = 0; i < stack.size(); i++) {
        met.stack.set(i, VectorReceivers.meet(stack.get(i), other.stack.get(i)));
      }
      return met;
    }

    void push(Value value) {
      stack.add(value);
    }

    Value pop() {
      return stack.removeLast();
    }

    void pop(int count) {
      for (int i = 0; i < count; i++) {
        pop();
      }
    }
  }

  /** One pass in the order of the bytecode: all jumps but a loop's own are forward. */
  private final class Method {
    private final String name;
    private final String id;
    private final MethodModel method;
    private final CodeModel code;
    private final List<CodeElement> elements;
    private final Map<Label, Integer> places = new HashMap<>();
    private final Map<Label, State> jumps = new HashMap<>();
    private @Nullable State state;
    private int line;

    Method(ClassModel type, MethodModel method, CodeModel code) {
      this.method = method;
      this.code = code;
      elements = code.elementList();
      name = type.thisClass().asInternalName().replace('/', '.') + "." + method.methodName();
      id =
          id(
              type.thisClass().asInternalName(),
              method.methodName().stringValue(),
              method.methodTypeSymbol());
    }

    private static String id(String owner, String name, MethodTypeDesc type) {
      return owner + "." + name + type.descriptorString();
    }

    void interpret() {
      for (int i = 0; i < elements.size(); i++) {
        if (elements.get(i) instanceof LabelTarget target) {
          places.put(target.label(), i);
        }
      }
      Map<Label, Set<Integer>> carried = carried();
      Set<Label> handlers = new HashSet<>();
      code.exceptionHandlers().forEach(handler -> handlers.add(handler.handler()));
      state = start();
      for (int i = 0; i < elements.size(); i++) {
        CodeElement element = elements.get(i);
        if (element instanceof LabelTarget target) {
          State jump = jumps.get(target.label());
          if (state == null) {
            state = handlers.contains(target.label()) ? handler() : jump;
          } else if (jump != null) {
            state = state.meet(jump);
          }
          if (state != null) {
            Value[] locals = state.locals;
            carried
                .getOrDefault(target.label(), Set.of())
                .forEach(slot -> locals[slot] = meet(locals[slot], Value.UNKNOWN));
          }
        } else if (element instanceof LineNumber number) {
          line = number.line();
        } else if (state != null) {
          step(element, state, i);
        }
      }
    }

    /** By a loop's head: locals that the loop sets. */
    private Map<Label, Set<Integer>> carried() {
      Map<Label, Set<Integer>> carried = new HashMap<>();
      for (int i = 0; i < elements.size(); i++) {
        if (elements.get(i) instanceof BranchInstruction branch
            && places.get(branch.target()) < i) {
          Set<Integer> slots = carried.computeIfAbsent(branch.target(), l -> new HashSet<>());
          for (CodeElement each : elements.subList(places.get(branch.target()), i)) {
            if (each instanceof StoreInstruction store) {
              slots.add(store.slot());
            }
          }
        }
      }
      return carried;
    }

    private State start() {
      State start = handler();
      start.stack.clear();
      int slot = method.flags().has(AccessFlag.STATIC) ? 0 : 1;
      Set<Integer> unknown = unknownParameters.getOrDefault(id, Set.of());
      for (int i = 0; i < method.methodTypeSymbol().parameterCount(); i++) {
        Value value = of(method.methodTypeSymbol().parameterType(i));
        boolean known = value == Value.UNKNOWN && !unknown.contains(i);
        start.locals[slot] = known ? Value.KNOWN : value;
        slot += value == Value.WIDE ? 2 : 1;
      }
      return start;
    }

    private State handler() {
      Value[] locals = new Value[method.findAttribute(Attributes.code()).orElseThrow().maxLocals()];
      Arrays.fill(locals, Value.OTHER);
      return new State(locals, new ArrayList<>(List.of(Value.OTHER)));
    }

    private void step(CodeElement element, State s, int at) {
      switch (element) {
        case LoadInstruction i ->
            s.push(i.typeKind() == TypeKind.REFERENCE ? s.locals[i.slot()] : of(i.typeKind()));
        case StoreInstruction i -> s.locals[i.slot()] = s.pop();
        case ConstantInstruction i -> s.push(of(i.typeKind()));
        case ArrayLoadInstruction i -> {
          s.pop(2);
          s.push(of(i.typeKind()));
        }
        case ArrayStoreInstruction i -> s.pop(3);
        case OperatorInstruction i -> {
          String op = i.opcode().name();
          s.pop(op.endsWith("NEG") || op.equals("ARRAYLENGTH") ? 1 : 2);
          boolean anInt = op.contains("CMP") || op.equals("ARRAYLENGTH");
          s.push(anInt ? Value.OTHER : of(i.typeKind()));
        }
        case ConvertInstruction i -> {
          s.pop();
          s.push(of(i.toType()));
        }
        case TypeCheckInstruction i -> {
          Value value = s.pop();
          boolean known = i.opcode() == Opcode.CHECKCAST && value == Value.KNOWN;
          s.push(
              known
                  ? value
                  : i.opcode() == Opcode.CHECKCAST ? of(i.type().asSymbol()) : Value.OTHER);
        }
        case FieldInstruction i -> field(i, s);
        case InvokeInstruction i -> call(i, s);
        case InvokeDynamicInstruction i -> {
          s.pop(i.typeSymbol().parameterCount());
          s.push(of(i.typeSymbol().returnType()));
        }
        case NewObjectInstruction i -> s.push(Value.OTHER);
        case NewPrimitiveArrayInstruction i -> {
          s.pop();
          s.push(Value.OTHER);
        }
        case NewReferenceArrayInstruction i -> {
          s.pop();
          s.push(Value.OTHER);
        }
        case NewMultiArrayInstruction i -> {
          s.pop(i.dimensions());
          s.push(Value.OTHER);
        }
        case StackInstruction i -> stack(i.opcode(), s.stack);
        case MonitorInstruction i -> s.pop();
        case BranchInstruction i -> {
          boolean always = i.opcode().name().startsWith("GOTO");
          s.pop(always ? 0 : i.opcode().name().startsWith("IF_") ? 2 : 1);
          if (places.get(i.target()) > at) {
            jump(i.target(), s);
          }
          state = always ? null : s;
        }
        case TableSwitchInstruction i -> choose(i.defaultTarget(), i.cases(), s);
        case LookupSwitchInstruction i -> choose(i.defaultTarget(), i.cases(), s);
        case ReturnInstruction i -> {
          if (i.opcode() == Opcode.ARETURN && s.pop() == Value.UNKNOWN) {
            changed |= unknownReturns.add(id);
          }
          state = null;
        }
        case ThrowInstruction i -> state = null;
        default -> {}
      }
    }

    private void jump(Label target, State s) {
      jumps.merge(target, s.copy(), State::meet);
    }

    private void choose(Label otherwise, List<SwitchCase> cases, State s) {
      s.pop();
      jump(otherwise, s);
      cases.forEach(each -> jump(each.target(), s));
      state = null;
    }

    private void field(FieldInstruction i, State s) {
      Value value = of(i.typeSymbol());
      switch (i.opcode()) {
        // A constant.
        case GETSTATIC -> s.push(value == Value.UNKNOWN ? Value.KNOWN : value);
        case PUTSTATIC -> s.pop();
        case GETFIELD -> {
          s.pop();
          s.push(value);
        }
        default -> s.pop(2);
      }
    }

    private void call(InvokeInstruction i, State s) {
      MethodTypeDesc type = i.typeSymbol();
      String callee = i.name().stringValue();
      String calleeId = id(i.owner().asInternalName(), callee, type);
      ClassDesc owner = i.owner().asSymbol();
      for (int p = type.parameterCount() - 1; p >= 0; p--) {
        if (s.pop() == Value.UNKNOWN) {
          Set<Integer> of = unknownParameters.computeIfAbsent(calleeId, x -> new HashSet<>());
          changed |= of.add(p);
        }
      }
      Value result = of(type.returnType());
      boolean isStatic = i.opcode() == Opcode.INVOKESTATIC;
      Value receiver = isStatic ? Value.OTHER : s.pop();
      if (MethodShape.isVector(owner)) {
        if (receiver == Value.UNKNOWN) {
          found.computeIfAbsent(name, n -> new TreeSet<>()).add("line " + line + ": " + callee);
        }
        // After one finding, what follows from it is none.
        boolean known = !isStatic && !UNKNOWN_RESULTS.contains(callee);
        result = known && result == Value.UNKNOWN ? Value.KNOWN : result;
      } else if (owner.displayName().equals("Class") && callee.equals("cast")) {
        result = Value.KNOWN;
      } else if (result == Value.UNKNOWN && !unknownReturns.contains(calleeId)) {
        result = Value.KNOWN;
      }
      if (!type.returnType().isPrimitive() || of(type.returnType()) == Value.WIDE) {
        s.push(result);
      } else if (!type.returnType().descriptorString().equals("V")) {
        s.push(Value.OTHER);
      }
    }

    private static void stack(Opcode op, ArrayList<Value> s) {
      Value top = s.getLast();
      boolean wide = top == Value.WIDE;
      switch (op) {
        case POP -> s.removeLast();
        case POP2 -> {
          s.removeLast();
          if (!wide) {
            s.removeLast();
          }
        }
        case DUP -> s.add(top);
        case DUP_X1 -> s.add(s.size() - 2, top);
        case DUP_X2 -> s.add(below(s, 2), top);
        case DUP2 -> copyTop(s, wide, s.size());
        case DUP2_X1 -> copyTop(s, wide, s.size() - (wide ? 2 : 3));
        case DUP2_X2 -> copyTop(s, wide, below(s, wide ? 2 : 3));
        case SWAP -> s.add(s.size() - 2, s.removeLast());
        default -> throw new AssertionError(op);
      }
    }

    /** Where two slots begin of which the upper one is {@code depth} values from the top. */
    private static int below(List<Value> s, int depth) {
      int at = s.size() - depth;
      return s.get(at) == Value.WIDE ? at : at - 1;
    }

    private static void copyTop(List<Value> s, boolean wide, int to) {
      int n = s.size();
      s.addAll(to, List.copyOf(s.subList(wide ? n - 1 : n - 2, n)));
    }
  }
}
