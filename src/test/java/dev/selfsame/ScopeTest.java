package dev.selfsame;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

class ScopeTest {
  private static final Device CPU = Device.scalar();

  @Test
  void aDroppedScopeIsReportedWithThePlacesOfItsTensors() throws InterruptedException {
    BiConsumer<String, Throwable> before = Scope.leakListener;
    List<String> messages = new ArrayList<>();
    List<Throwable> sites = new ArrayList<>();
    Object lock = new Object();
    Scope.leakListener =
        (message, site) -> {
          synchronized (lock) {
            messages.add(message);
            sites.add(site);
          }
        };
    try {
      closesAScope();
      dropsAScope();
      for (int i = 0; i < 200; i++) {
        System.gc();
        TimeUnit.MILLISECONDS.sleep(10);
        synchronized (lock) {
          if (!messages.isEmpty()) {
            break;
          }
        }
      }
    } finally {
      Scope.leakListener = before;
    }
    synchronized (lock) {
      assertEquals(List.of("a scope with 2 open tensors was never closed"), messages);
      assertTrue(names(sites.getFirst(), "dropsAScope"));
      assertEquals(2, sites.getFirst().getSuppressed().length);
      assertTrue(names(sites.getFirst().getSuppressed()[0], "dropsAScope"));
    }
  }

  private static void closesAScope() {
    try (Scope scope = Scope.open(true)) {
      Tensor.zeros(scope, CPU, 1);
    }
  }

  private static void dropsAScope() {
    Scope scope = Scope.open(true);
    Tensor.zeros(scope, CPU, 1);
    Tensor.zeros(scope, CPU, 2);
    Tensor.zeros(scope, CPU, 3).close();
  }

  private static boolean names(Throwable site, String method) {
    return Arrays.stream(site.getStackTrace()).anyMatch(f -> f.getMethodName().equals(method));
  }

  @Test
  void aTensorMovedToItsOwnScopeStaysThere() {
    long before = Tensor.liveBytes();
    Tensor t;
    try (Scope scope = Scope.open()) {
      t = Tensor.zeros(scope, CPU, 3);
      scope.move(t, scope);
      assertEquals(12, scope.liveBytes());
    }
    assertTrue(t.isClosed());
    assertEquals(before, Tensor.liveBytes());
  }

  @Test
  void onlyTheOwnerMovesATensorAndOnlyToAnOpenScope() {
    try (Scope owner = Scope.open();
        Scope other = Scope.open()) {
      Tensor t = Tensor.zeros(owner, CPU, 3);
      assertThrows(ClosedException.class, () -> other.move(t, other));
      Scope closed = Scope.open();
      closed.close();
      ClosedException e = assertThrows(ClosedException.class, () -> owner.move(t, closed));
      assertTrue(e.getMessage().contains("closed"), e.getMessage());
      assertEquals(12, owner.liveBytes());
      t.segment();
      assertThrows(ClosedException.class, () -> owner.move(t, other));
      assertFalse(t.isClosed());
    }
  }

  @Test
  void aClosedScopeTakesNoTensorsAndKeepsNoMemory() {
    long before = Tensor.liveBytes();
    Scope closed = Scope.open();
    closed.close();
    closed.close();
    assertThrows(ClosedException.class, () -> Tensor.zeros(closed, CPU, 3));
    assertEquals(before, Tensor.liveBytes());
  }

  @Test
  void threadsMayShareAScope() throws InterruptedException {
    long before = Tensor.liveBytes();
    SynchronousQueue<Tensor> made = new SynchronousQueue<>();
    try (Scope scope = Scope.open()) {
      Thread.ofPlatform()
          .start(() -> {
            try {
              made.put(Tensor.zeros(scope, CPU, 5).fill(2f));
            } catch (InterruptedException e) {
              throw new AssertionError(e);
            }
          });
      assertEquals(2f, made.take().toFloatArray()[4]);
      assertEquals(20, scope.liveBytes());
    }
    assertEquals(before, Tensor.liveBytes());
  }
}
