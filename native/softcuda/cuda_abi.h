// The CUDA driver API's types, constants and result codes that softcuda implements, with the values of
// cuda.h (CUDA 13.0). Written out here because machines that build softcuda have no CUDA toolkit.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st* CUcontext;
typedef struct CUmod_st* CUmodule;
typedef struct CUfunc_st* CUfunction;
typedef struct CUstream_st* CUstream;
typedef struct CUevent_st* CUevent;
typedef struct CUmemPoolHandle_st* CUmemoryPool;
typedef struct CUgraph_st* CUgraph;
typedef struct CUgraphExec_st* CUgraphExec;
typedef struct CUgraphNode_st* CUgraphNode;
typedef struct {
  char bytes[16];
} CUuuid;

// The first fields of CUmemPoolProps; the rest is not read.
typedef struct {
  int allocType;
  int handleTypes;
  struct {
    int type;
    int id;
  } location;
} CUmemPoolProps;

}  // extern "C"

#define CUDA_CODES(X)                                                                            \
  X(CUDA_SUCCESS, 0, "no error")                                                                 \
  X(CUDA_ERROR_INVALID_VALUE, 1, "invalid argument")                                             \
  X(CUDA_ERROR_OUT_OF_MEMORY, 2, "out of memory")                                                \
  X(CUDA_ERROR_NOT_INITIALIZED, 3, "initialization error")                                       \
  X(CUDA_ERROR_DEINITIALIZED, 4, "driver shutting down")                                         \
  X(CUDA_ERROR_DEVICE_UNAVAILABLE, 46, "CUDA-capable device(s) is/are busy or unavailable")      \
  X(CUDA_ERROR_NO_DEVICE, 100, "no CUDA-capable device is detected")                             \
  X(CUDA_ERROR_INVALID_DEVICE, 101, "invalid device ordinal")                                    \
  X(CUDA_ERROR_INVALID_IMAGE, 200, "device kernel image is invalid")                             \
  X(CUDA_ERROR_INVALID_CONTEXT, 201, "invalid device context")                                   \
  X(CUDA_ERROR_NO_BINARY_FOR_GPU, 209, "no kernel image is available for execution on the device") \
  X(CUDA_ERROR_INVALID_SOURCE, 300, "device kernel image is invalid")                            \
  X(CUDA_ERROR_FILE_NOT_FOUND, 301, "file not found")                                            \
  X(CUDA_ERROR_OPERATING_SYSTEM, 304, "OS call failed or operation not supported on this OS")    \
  X(CUDA_ERROR_INVALID_HANDLE, 400, "invalid resource handle")                                   \
  X(CUDA_ERROR_ILLEGAL_STATE, 401, "the operation cannot be performed in the present state")     \
  X(CUDA_ERROR_NOT_FOUND, 500, "named symbol not found")                                         \
  X(CUDA_ERROR_NOT_READY, 600, "device not ready")                                               \
  X(CUDA_ERROR_ILLEGAL_ADDRESS, 700, "an illegal memory access was encountered")                 \
  X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, 701, "too many resources requested for launch")          \
  X(CUDA_ERROR_LAUNCH_TIMEOUT, 702, "the launch timed out and was terminated")                   \
  X(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, 708, "cannot set while device is active in this process") \
  X(CUDA_ERROR_CONTEXT_IS_DESTROYED, 709, "context is destroyed")                                \
  X(CUDA_ERROR_ASSERT, 710, "device-side assert triggered")                                      \
  X(CUDA_ERROR_ILLEGAL_INSTRUCTION, 715, "an illegal instruction was encountered")               \
  X(CUDA_ERROR_MISALIGNED_ADDRESS, 716, "misaligned address")                                    \
  X(CUDA_ERROR_LAUNCH_FAILED, 719, "unspecified launch failure")                                 \
  X(CUDA_ERROR_NOT_PERMITTED, 800, "operation not permitted")                                    \
  X(CUDA_ERROR_NOT_SUPPORTED, 801, "operation not supported")                                    \
  X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, 900, "operation not permitted when stream is capturing") \
  X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, 901, "operation failed due to a previous error during capture") \
  X(CUDA_ERROR_UNKNOWN, 999, "unknown error")

enum : CUresult {
#define X(name, value, text) name = value,
  CUDA_CODES(X)
#undef X
};

// Exported with the C ABI; everything else in the library is hidden.
#define CUDA_API extern "C" __attribute__((visibility("default"))) CUresult
#define SOFTCUDA_CONTROL extern "C" __attribute__((visibility("default")))
