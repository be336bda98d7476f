package dev.selfsame.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaEventsTest {
  @TempDir Path folder;

  @Test
  void launchesCopiesAndAllocationsAreRecorded() throws Exception {
    Path file = folder.resolve("cuda.jfr");
    try (CudaContext context = SoftDevice.open();
        Recording recording = new Recording()) {
      recording.enable("dev.selfsame.cuda.Launch");
      recording.enable("dev.selfsame.cuda.Copy").withoutThreshold();
      recording.enable("dev.selfsame.cuda.Allocation");
      recording.start();
      long a = context.allocate(40);
      context.launch(Kernel.of("probe_fill")).grid(2).block(32).arg(a).arg(10L).arg(1f).run();
      context.copyOut(a, MemorySegment.ofArray(new float[10]));
      recording.stop();
      recording.dump(file);
    }
    Map<String, RecordedEvent> events =
        RecordingFile.readAllEvents(file).stream()
            .filter(e -> e.getEventType().getName().startsWith("dev.selfsame.cuda."))
            .collect(Collectors.toMap(e -> e.getEventType().getName(), e -> e));
    assertEquals(3, events.size(), () -> events.toString());
    RecordedEvent launch = events.get("dev.selfsame.cuda.Launch");
    assertEquals("probe_fill", launch.getString("kernel"));
    assertEquals(2L, launch.getLong("gridX"));
    assertEquals(32, launch.getInt("threads"));
    RecordedEvent copy = events.get("dev.selfsame.cuda.Copy");
    assertEquals("to the host", copy.getString("direction"));
    assertEquals(40L, copy.getLong("bytes"));
    assertTrue(events.get("dev.selfsame.cuda.Allocation").getLong("live") >= 40);
  }
}
