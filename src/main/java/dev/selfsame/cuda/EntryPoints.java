package dev.selfsame.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;

/**
 * The addresses of the driver's entry points in one library, each with a method of its C name and
 * parameters.
 *
 * <p>The ones marked optional may be absent ({@link #hasPools}, {@link #hasParamInfo}):
 * stream-ordered pools (then memory comes from cuMemAlloc) and cuFuncGetParamInfo of CUDA 12.4
 * (then the sizes of arguments aren't checked).
 */
final class EntryPoints {
  private final List<String> missing = new ArrayList<>();
  private final MemorySegment cuInit;
  private final MemorySegment cuDriverGetVersion;
  private final MemorySegment cuGetErrorName;
  private final MemorySegment cuGetErrorString;
  private final MemorySegment cuDeviceGetCount;
  private final MemorySegment cuDeviceGet;
  private final MemorySegment cuDeviceGetName;
  private final MemorySegment cuDeviceGetUuid;
  private final MemorySegment cuDeviceTotalMem;
  private final MemorySegment cuDeviceGetAttribute;
  private final MemorySegment cuDevicePrimaryCtxRetain;
  private final MemorySegment cuDevicePrimaryCtxRelease;
  private final MemorySegment cuCtxSetCurrent;
  private final MemorySegment cuCtxGetCurrent;
  private final MemorySegment cuMemGetInfo;
  private final MemorySegment cuMemAlloc;
  private final MemorySegment cuMemFree;
  private final MemorySegment cuMemHostAlloc;
  private final MemorySegment cuMemFreeHost;
  private final MemorySegment cuMemcpyHtoDAsync;
  private final MemorySegment cuMemcpyDtoHAsync;
  private final MemorySegment cuMemcpyDtoDAsync;
  private final MemorySegment cuMemsetD32Async;
  private final MemorySegment cuStreamCreate;
  private final MemorySegment cuStreamDestroy;
  private final MemorySegment cuStreamSynchronize;
  private final MemorySegment cuStreamWaitEvent;
  private final MemorySegment cuStreamBeginCapture;
  private final MemorySegment cuStreamEndCapture;
  private final MemorySegment cuGraphGetNodes;
  private final MemorySegment cuGraphInstantiate;
  private final MemorySegment cuGraphLaunch;
  private final MemorySegment cuGraphExecDestroy;
  private final MemorySegment cuGraphDestroy;
  private final MemorySegment cuEventCreate;
  private final MemorySegment cuEventDestroy;
  private final MemorySegment cuEventRecord;
  private final MemorySegment cuEventSynchronize;
  private final MemorySegment cuEventQuery;
  private final MemorySegment cuEventElapsedTime;
  private final MemorySegment cuModuleLoadData;
  private final MemorySegment cuModuleUnload;
  private final MemorySegment cuModuleGetFunction;
  private final MemorySegment cuFuncGetAttribute;
  private final MemorySegment cuFuncSetAttribute;
  private final MemorySegment cuMemPoolCreate;
  private final MemorySegment cuMemPoolDestroy;
  private final MemorySegment cuMemPoolSetAttribute;
  private final MemorySegment cuMemPoolTrimTo;
  private final MemorySegment cuMemAllocFromPoolAsync;
  private final MemorySegment cuMemFreeAsync;
  private final MemorySegment cuFuncGetParamInfo;
  private final MemorySegment cuLaunchKernel;

  EntryPoints(SymbolLookup library) {
    cuInit = find(library, "cuInit");
    cuDriverGetVersion = find(library, "cuDriverGetVersion");
    cuGetErrorName = find(library, "cuGetErrorName");
    cuGetErrorString = find(library, "cuGetErrorString");
    cuDeviceGetCount = find(library, "cuDeviceGetCount");
    cuDeviceGet = find(library, "cuDeviceGet");
    cuDeviceGetName = find(library, "cuDeviceGetName");
    cuDeviceGetUuid = find(library, "cuDeviceGetUuid_v2");
    cuDeviceTotalMem = find(library, "cuDeviceTotalMem_v2");
    cuDeviceGetAttribute = find(library, "cuDeviceGetAttribute");
    cuDevicePrimaryCtxRetain = find(library, "cuDevicePrimaryCtxRetain");
    cuDevicePrimaryCtxRelease = find(library, "cuDevicePrimaryCtxRelease_v2");
    cuCtxSetCurrent = find(library, "cuCtxSetCurrent");
    cuCtxGetCurrent = find(library, "cuCtxGetCurrent");
    cuMemGetInfo = find(library, "cuMemGetInfo_v2");
    cuMemAlloc = find(library, "cuMemAlloc_v2");
    cuMemFree = find(library, "cuMemFree_v2");
    cuMemHostAlloc = find(library, "cuMemHostAlloc");
    cuMemFreeHost = find(library, "cuMemFreeHost");
    cuMemcpyHtoDAsync = find(library, "cuMemcpyHtoDAsync_v2");
    cuMemcpyDtoHAsync = find(library, "cuMemcpyDtoHAsync_v2");
    cuMemcpyDtoDAsync = find(library, "cuMemcpyDtoDAsync_v2");
    cuMemsetD32Async = find(library, "cuMemsetD32Async");
    cuStreamCreate = find(library, "cuStreamCreate");
    cuStreamDestroy = find(library, "cuStreamDestroy_v2");
    cuStreamSynchronize = find(library, "cuStreamSynchronize");
    cuStreamWaitEvent = find(library, "cuStreamWaitEvent");
    cuStreamBeginCapture = find(library, "cuStreamBeginCapture_v2");
    cuStreamEndCapture = find(library, "cuStreamEndCapture");
    cuGraphGetNodes = find(library, "cuGraphGetNodes");
    cuGraphInstantiate = find(library, "cuGraphInstantiateWithFlags");
    cuGraphLaunch = find(library, "cuGraphLaunch");
    cuGraphExecDestroy = find(library, "cuGraphExecDestroy");
    cuGraphDestroy = find(library, "cuGraphDestroy");
    cuEventCreate = find(library, "cuEventCreate");
    cuEventDestroy = find(library, "cuEventDestroy_v2");
    cuEventRecord = find(library, "cuEventRecord");
    cuEventSynchronize = find(library, "cuEventSynchronize");
    cuEventQuery = find(library, "cuEventQuery");
    cuEventElapsedTime = find(library, "cuEventElapsedTime");
    cuModuleLoadData = find(library, "cuModuleLoadData");
    cuModuleUnload = find(library, "cuModuleUnload");
    cuModuleGetFunction = find(library, "cuModuleGetFunction");
    cuFuncGetAttribute = find(library, "cuFuncGetAttribute");
    cuFuncSetAttribute = find(library, "cuFuncSetAttribute");
    cuMemPoolCreate = optional(library, "cuMemPoolCreate");
    cuMemPoolDestroy = optional(library, "cuMemPoolDestroy");
    cuMemPoolSetAttribute = optional(library, "cuMemPoolSetAttribute");
    cuMemPoolTrimTo = optional(library, "cuMemPoolTrimTo");
    cuMemAllocFromPoolAsync = optional(library, "cuMemAllocFromPoolAsync");
    cuMemFreeAsync = optional(library, "cuMemFreeAsync");
    cuFuncGetParamInfo = optional(library, "cuFuncGetParamInfo");
    cuLaunchKernel = find(library, "cuLaunchKernel");
  }

  private MemorySegment find(SymbolLookup library, String symbol) {
    return library
        .find(symbol)
        .orElseGet(() -> {
          missing.add(symbol);
          return MemorySegment.NULL;
        });
  }

  private static MemorySegment optional(SymbolLookup library, String symbol) {
    return library.find(symbol).orElse(MemorySegment.NULL);
  }

  /** The required entry points that the library lacks. */
  List<String> missing() {
    return List.copyOf(missing);
  }

  boolean hasVersion() {
    return !cuDriverGetVersion.equals(MemorySegment.NULL);
  }

  boolean hasPools() {
    return present(cuMemPoolCreate)
        && present(cuMemPoolDestroy)
        && present(cuMemPoolSetAttribute)
        && present(cuMemPoolTrimTo)
        && present(cuMemAllocFromPoolAsync)
        && present(cuMemFreeAsync);
  }

  boolean hasParamInfo() {
    return present(cuFuncGetParamInfo);
  }

  private static boolean present(MemorySegment f) {
    return !f.equals(MemorySegment.NULL);
  }

  int cuInit(int flags) {
    return Abi.call(cuInit, flags);
  }

  int cuDriverGetVersion(MemorySegment version) {
    return Abi.call(cuDriverGetVersion, version);
  }

  int cuGetErrorName(int result, MemorySegment name) {
    return Abi.call(cuGetErrorName, result, name);
  }

  int cuGetErrorString(int result, MemorySegment text) {
    return Abi.call(cuGetErrorString, result, text);
  }

  int cuDeviceGetCount(MemorySegment count) {
    return Abi.call(cuDeviceGetCount, count);
  }

  int cuDeviceGet(MemorySegment device, int ordinal) {
    return Abi.call(cuDeviceGet, device, ordinal);
  }

  int cuDeviceGetName(MemorySegment name, int length, int device) {
    return Abi.call(cuDeviceGetName, name, length, device);
  }

  int cuDeviceGetUuid(MemorySegment uuid, int device) {
    return Abi.call(cuDeviceGetUuid, uuid, device);
  }

  int cuDeviceTotalMem(MemorySegment bytes, int device) {
    return Abi.call(cuDeviceTotalMem, bytes, device);
  }

  int cuDeviceGetAttribute(MemorySegment value, int attribute, int device) {
    return Abi.call(cuDeviceGetAttribute, value, attribute, device);
  }

  int cuDevicePrimaryCtxRetain(MemorySegment context, int device) {
    return Abi.call(cuDevicePrimaryCtxRetain, context, device);
  }

  int cuDevicePrimaryCtxRelease(int device) {
    return Abi.call(cuDevicePrimaryCtxRelease, device);
  }

  int cuCtxSetCurrent(long context) {
    return Abi.call(cuCtxSetCurrent, context);
  }

  int cuCtxGetCurrent(MemorySegment context) {
    return Abi.call(cuCtxGetCurrent, context);
  }

  int cuMemGetInfo(MemorySegment free, MemorySegment total) {
    return Abi.call(cuMemGetInfo, free, total);
  }

  int cuMemAlloc(MemorySegment address, long bytes) {
    return Abi.call(cuMemAlloc, address, bytes);
  }

  int cuMemFree(long address) {
    return Abi.call(cuMemFree, address);
  }

  int cuMemHostAlloc(MemorySegment pointer, long bytes, int flags) {
    return Abi.call(cuMemHostAlloc, pointer, bytes, flags);
  }

  int cuMemFreeHost(long pointer) {
    return Abi.call(cuMemFreeHost, pointer);
  }

  int cuMemcpyHtoDAsync(long dst, MemorySegment src, long bytes, long stream) {
    return Abi.call(cuMemcpyHtoDAsync, dst, src, bytes, stream);
  }

  int cuMemcpyDtoHAsync(MemorySegment dst, long src, long bytes, long stream) {
    return Abi.call(cuMemcpyDtoHAsync, dst, src, bytes, stream);
  }

  int cuMemcpyDtoDAsync(long dst, long src, long bytes, long stream) {
    return Abi.call(cuMemcpyDtoDAsync, dst, src, bytes, stream);
  }

  int cuMemsetD32Async(long dst, int bits, long count, long stream) {
    return Abi.call(cuMemsetD32Async, dst, bits, count, stream);
  }

  int cuStreamCreate(MemorySegment stream, int flags) {
    return Abi.call(cuStreamCreate, stream, flags);
  }

  int cuStreamDestroy(long stream) {
    return Abi.call(cuStreamDestroy, stream);
  }

  int cuStreamSynchronize(long stream) {
    return Abi.call(cuStreamSynchronize, stream);
  }

  int cuStreamWaitEvent(long stream, long event, int flags) {
    return Abi.call(cuStreamWaitEvent, stream, event, flags);
  }

  int cuStreamBeginCapture(long stream, int mode) {
    return Abi.call(cuStreamBeginCapture, stream, mode);
  }

  int cuStreamEndCapture(long stream, MemorySegment graph) {
    return Abi.call(cuStreamEndCapture, stream, graph);
  }

  int cuGraphGetNodes(long graph, MemorySegment nodes, MemorySegment count) {
    return Abi.call(cuGraphGetNodes, graph, nodes, count);
  }

  int cuGraphInstantiate(MemorySegment exec, long graph, long flags) {
    return Abi.call(cuGraphInstantiate, exec, graph, flags);
  }

  int cuGraphLaunch(long exec, long stream) {
    return Abi.call(cuGraphLaunch, exec, stream);
  }

  int cuGraphExecDestroy(long exec) {
    return Abi.call(cuGraphExecDestroy, exec);
  }

  int cuGraphDestroy(long graph) {
    return Abi.call(cuGraphDestroy, graph);
  }

  int cuEventCreate(MemorySegment event, int flags) {
    return Abi.call(cuEventCreate, event, flags);
  }

  int cuEventDestroy(long event) {
    return Abi.call(cuEventDestroy, event);
  }

  int cuEventRecord(long event, long stream) {
    return Abi.call(cuEventRecord, event, stream);
  }

  int cuEventSynchronize(long event) {
    return Abi.call(cuEventSynchronize, event);
  }

  int cuEventQuery(long event) {
    return Abi.call(cuEventQuery, event);
  }

  int cuEventElapsedTime(MemorySegment ms, long start, long end) {
    return Abi.call(cuEventElapsedTime, ms, start, end);
  }

  int cuModuleLoadData(MemorySegment module, MemorySegment image) {
    return Abi.call(cuModuleLoadData, module, image);
  }

  int cuModuleUnload(long module) {
    return Abi.call(cuModuleUnload, module);
  }

  int cuModuleGetFunction(MemorySegment function, long module, MemorySegment name) {
    return Abi.call(cuModuleGetFunction, function, module, name);
  }

  int cuFuncGetAttribute(MemorySegment value, int attribute, long function) {
    return Abi.call(cuFuncGetAttribute, value, attribute, function);
  }

  int cuFuncSetAttribute(long function, int attribute, int value) {
    return Abi.call(cuFuncSetAttribute, function, attribute, value);
  }

  int cuMemPoolCreate(MemorySegment pool, MemorySegment properties) {
    return Abi.call(cuMemPoolCreate, pool, properties);
  }

  int cuMemPoolDestroy(long pool) {
    return Abi.call(cuMemPoolDestroy, pool);
  }

  int cuMemPoolSetAttribute(long pool, int attribute, MemorySegment value) {
    return Abi.call(cuMemPoolSetAttribute, pool, attribute, value);
  }

  int cuMemPoolTrimTo(long pool, long keep) {
    return Abi.call(cuMemPoolTrimTo, pool, keep);
  }

  int cuMemAllocFromPoolAsync(MemorySegment address, long bytes, long pool, long stream) {
    return Abi.call(cuMemAllocFromPoolAsync, address, bytes, pool, stream);
  }

  int cuMemFreeAsync(long address, long stream) {
    return Abi.call(cuMemFreeAsync, address, stream);
  }

  int cuFuncGetParamInfo(long function, long index, MemorySegment offset, MemorySegment size) {
    return Abi.call(cuFuncGetParamInfo, function, index, offset, size);
  }

  int cuLaunchKernel(
      long function,
      int gridX,
      int gridY,
      int gridZ,
      int blockX,
      int blockY,
      int blockZ,
      int sharedBytes,
      long stream,
      MemorySegment parameters) {
    return Abi.call(
        cuLaunchKernel,
        function,
        gridX,
        gridY,
        gridZ,
        blockX,
        blockY,
        blockZ,
        sharedBytes,
        stream,
        parameters,
        MemorySegment.NULL);
  }
}
