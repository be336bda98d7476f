package dev.selfsame.io;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The part of JSON (RFC 8259) that a safetensors header consists of: objects, arrays, strings and
 * integers. Strict: no duplicate keys, nothing behind the value, no other values. Errors are {@link
 * Malformed} with the position; the caller knows the file.
 */
final class Json {
  private static final int MAX_DEPTH = 16;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** The text is not what this reader takes. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1L;

    Malformed(String message) {
      super(message);
    }
  }

  /** Reads an object: values are Map, List, String or Long. */
  static Map<String, Object> object(String text) throws Malformed {
    var json = new Json(text);
    json.space();
    if (json.peek() != '{') {
      throw json.expected("'{'");
    }
    Map<String, Object> map = json.map(1);
    json.space();
    if (json.at < text.length()) {
      throw json.expected("the end");
    }
    return map;
  }

  /** A string with its quotes; only what must be escaped is. */
  static String quote(String value) {
    var out = new StringBuilder(value.length() + 2).append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < 0x20) {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    return out.append('"').toString();
  }

  private Object value(int depth) throws Malformed {
    if (depth > MAX_DEPTH) {
      throw new Malformed("at character %d: nested deeper than %d".formatted(at, MAX_DEPTH));
    }
    space();
    char c = peek();
    if (c == '{') {
      return map(depth);
    }
    if (c == '[') {
      return list(depth);
    }
    if (c == '"') {
      return string();
    }
    if (c == '-' || isDigit(c)) {
      return integer();
    }
    throw expected("an object, an array, a string or an integer");
  }

  private Map<String, Object> map(int depth) throws Malformed {
    var map = new LinkedHashMap<String, Object>();
    at++;
    space();
    if (peek() == '}') {
      at++;
      return map;
    }
    while (true) {
      space();
      int start = at;
      String key = string();
      space();
      take(':');
      if (map.put(key, value(depth + 1)) != null) {
        throw new Malformed("at character %d: duplicate key %s".formatted(start, quote(key)));
      }
      space();
      if (peek() == '}') {
        at++;
        return map;
      }
      take(',');
    }
  }

  private List<Object> list(int depth) throws Malformed {
    var list = new ArrayList<Object>();
    at++;
    space();
    if (peek() == ']') {
      at++;
      return list;
    }
    while (true) {
      list.add(value(depth + 1));
      space();
      if (peek() == ']') {
        at++;
        return list;
      }
      take(',');
    }
  }

  private String string() throws Malformed {
    take('"');
    var out = new StringBuilder();
    while (true) {
      char c = peek();
      if (c < 0x20) {
        throw expected("a character of a string or '\"'");
      }
      at++;
      if (c == '"') {
        return out.toString();
      }
      out.append(c == '\\' ? escaped() : c);
    }
  }

  private char escaped() throws Malformed {
    char c = peek();
    at++;
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> {
        int code = 0;
        for (int i = 0; i < 4; i++) {
          int digit = Character.digit(peek(), 16);
          if (digit < 0 || peek() > 'f') {
            throw expected("four hexadecimal digits");
          }
          code = code << 4 | digit;
          at++;
        }
        yield (char) code;
      }
      default -> {
        at--;
        throw expected("one of \"\\/bfnrtu");
      }
    };
  }

  private Long integer() throws Malformed {
    int start = at;
    if (peek() == '-') {
      at++;
    }
    int digits = at;
    while (at < text.length() && isDigit(text.charAt(at))) {
      at++;
    }
    boolean leadingZero = at - digits > 1 && text.charAt(digits) == '0';
    if (at == digits || leadingZero || at < text.length() && ".eE".indexOf(peek()) >= 0) {
      at = start;
      throw expected("an integer");
    }
    try {
      return Long.valueOf(text.substring(start, at));
    } catch (NumberFormatException e) {
      at = start;
      throw expected("an integer of 64 bits");
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private void space() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  /** The next character, or 0 at the end: which no caller takes for anything but wrong. */
  private char peek() {
    return at < text.length() ? text.charAt(at) : 0;
  }

  private void take(char c) throws Malformed {
    if (peek() != c || at >= text.length()) {
      throw expected("'" + c + "'");
    }
    at++;
  }

  private Malformed expected(String what) {
    String found = at < text.length() ? quote(text.substring(at, at + 1)) : "the end";
    return new Malformed("at character %d: expected %s, found %s".formatted(at, what, found));
  }
}
