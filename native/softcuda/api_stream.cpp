// Driver entry points: streams and events. Work has finished when the call that enqueues it returns, so
// streams are handles only, and an event holds the time at which it was recorded.
#include <ctime>

#include "runtime.h"

using namespace softcuda;

static double milliseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

CUDA_API cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority) {
  SOFTCUDA_READY;
  if (stream == nullptr || flags > 1) return CUDA_ERROR_INVALID_VALUE;
  *stream = new CUstream_st{flags, priority, nullptr, false};
  d.streams.insert(*stream);
  return CUDA_SUCCESS;
}
CUDA_API cuStreamCreate(CUstream* stream, unsigned flags) { return cuStreamCreateWithPriority(stream, flags, 0); }

CUDA_API cuStreamDestroy_v2(CUstream stream) {
  SOFTCUDA_LOCK;
  if (d.streams.erase(stream) == 0) return CUDA_ERROR_INVALID_HANDLE;
  delete stream;
  return d.sticky;
}

CUDA_API cuStreamSynchronize(CUstream stream) {
  SOFTCUDA_READY;
  if (!valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  return refuse_capture(d, stream);
}
CUDA_API cuStreamQuery(CUstream stream) { return cuStreamSynchronize(stream); }

CUDA_API cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  SOFTCUDA_READY;
  if (!valid_stream(d, stream) || d.events.count(event) == 0) return CUDA_ERROR_INVALID_HANDLE;
  return refuse_capture(d, stream);  // a driver records a dependency; nobody here needs one
}

CUDA_API cuStreamGetCtx(CUstream stream, CUcontext* context) {
  SOFTCUDA_READY;
  if (!valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *context = current_context();
  return CUDA_SUCCESS;
}

CUDA_API cuStreamGetFlags(CUstream stream, unsigned* flags) {
  SOFTCUDA_READY;
  if (!valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  if (flags == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = d.streams.count(stream) != 0 ? stream->flags : 0;
  return CUDA_SUCCESS;
}

CUDA_API cuEventCreate(CUevent* event, unsigned flags) {
  SOFTCUDA_READY;
  if (event == nullptr || flags > 7) return CUDA_ERROR_INVALID_VALUE;
  *event = new CUevent_st{flags, false, 0};
  d.events.insert(*event);
  return CUDA_SUCCESS;
}

CUDA_API cuEventDestroy_v2(CUevent event) {
  SOFTCUDA_LOCK;
  if (d.events.erase(event) == 0) return CUDA_ERROR_INVALID_HANDLE;
  delete event;
  return d.sticky;
}

CUDA_API cuEventRecord(CUevent event, CUstream stream) {
  SOFTCUDA_READY;
  if (d.events.count(event) == 0 || !valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  SOFTCUDA_UNCAPTURED(stream);
  event->recorded = true;
  event->milliseconds = milliseconds();
  return CUDA_SUCCESS;
}

CUDA_API cuEventQuery(CUevent event) {
  SOFTCUDA_READY;
  return d.events.count(event) != 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
CUDA_API cuEventSynchronize(CUevent event) { return cuEventQuery(event); }

static CUresult elapsed(float* out, CUevent start, CUevent end) {
  SOFTCUDA_READY;
  if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (d.events.count(start) == 0 || d.events.count(end) == 0) return CUDA_ERROR_INVALID_HANDLE;
  if (!start->recorded || !end->recorded || ((start->flags | end->flags) & 2) != 0)  // 2: timing disabled
    return CUDA_ERROR_INVALID_HANDLE;
  *out = static_cast<float>(end->milliseconds - start->milliseconds);
  return CUDA_SUCCESS;
}
CUDA_API cuEventElapsedTime(float* out, CUevent start, CUevent end) { return elapsed(out, start, end); }
CUDA_API cuEventElapsedTime_v2(float* out, CUevent start, CUevent end) { return elapsed(out, start, end); }
