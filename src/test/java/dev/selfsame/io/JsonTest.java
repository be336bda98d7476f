package dev.selfsame.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void readsObjectsArraysStringsAndIntegers() throws Json.Malformed {
    assertEquals(Map.of(), Json.object(" { } "));
    assertEquals(
        Map.of("a", List.of(0L, -12L, Long.MAX_VALUE), "b", Map.of("c", List.of()), "", "x"),
        Json.object("{\"a\":[0,-12 , 9223372036854775807],\n\"b\":{\"c\":[]},\t\"\":\"x\"}\r"));
    assertEquals(
        Map.of("k", "\"\\/\b\f\n\r\tAé\ud83d\ude00"),
        Json.object("{\"k\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\uD83d\\uDE00\"}"));
  }

  @Test
  void quotesWhatItReads() throws Json.Malformed {
    String all = "\u0000\u0001\u001f\u007f \"\\/\b\f\n\r\té\ud83d\ude00";
    assertEquals(
        Map.of(all, all), Json.object("{" + Json.quote(all) + ":" + Json.quote(all) + "}"));
    assertEquals("\"\\u0001\\n\\\"\"", Json.quote("\u0001\n\""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        "\"a\"",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":1.5}",
        "{\"a\":1e3}",
        "{\"a\":true}",
        "{\"a\":null}",
        "{\"a\":9223372036854775808}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u123\"}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":\"\n\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"a\":1;\"b\":2}",
        "{\"a\"\u00a0:1}"
      })
  void refuses(String text) {
    var e = assertThrows(Json.Malformed.class, () -> Json.object(text));
    assertTrue(e.getMessage().startsWith("at character "), e.getMessage());
  }

  @Test
  void refusesDeepNesting() {
    String deep = "{\"a\":" + "[".repeat(100_000);
    assertThrows(Json.Malformed.class, () -> Json.object(deep));
  }
}
