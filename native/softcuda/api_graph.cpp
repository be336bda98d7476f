// Driver entry points: stream capture and graphs. A graph is a list of calls in the order in which they were
// captured, which is one of the orders that a driver may take.
#include "runtime.h"

using namespace softcuda;

bool softcuda::captured(const Device& d, CUstream stream, std::function<CUresult()> work) {
  if (d.streams.count(stream) == 0 || stream->capture == nullptr) return false;
  stream->capture->nodes.push_back(std::move(work));
  return true;
}

CUresult softcuda::refuse_capture(const Device& d, CUstream stream) {
  if (d.streams.count(stream) == 0 || stream->capture == nullptr) return CUDA_SUCCESS;
  stream->invalidated = true;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

// mode: 0 global, 1 thread local, 2 relaxed. They differ in which calls outside the stream are refused meanwhile.
CUDA_API cuStreamBeginCapture_v2(CUstream stream, int mode) {
  SOFTCUDA_READY;
  if (mode < 0 || mode > 2) return CUDA_ERROR_INVALID_VALUE;
  if (!valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  if (d.streams.count(stream) == 0) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;  // a default stream
  if (stream->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  stream->capture = std::make_unique<CUgraph_st>();
  stream->invalidated = false;
  return CUDA_SUCCESS;
}

CUDA_API cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  SOFTCUDA_READY;
  if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *graph = nullptr;
  if (d.streams.count(stream) == 0) return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
  const std::unique_ptr<CUgraph_st> made = std::move(stream->capture);
  if (stream->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  *graph = new CUgraph_st{std::move(made->nodes)};
  d.graphs.insert(*graph);
  return CUDA_SUCCESS;
}

CUDA_API cuStreamIsCapturing(CUstream stream, int* status) {
  SOFTCUDA_READY;
  if (status == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  const bool capturing = d.streams.count(stream) != 0 && stream->capture != nullptr;
  *status = !capturing ? 0 : stream->invalidated ? 2 : 1;
  return CUDA_SUCCESS;
}

// The number of nodes only; they have no handles here.
CUDA_API cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* count) {
  SOFTCUDA_READY;
  if (d.graphs.count(graph) == 0) return CUDA_ERROR_INVALID_HANDLE;
  if (count == nullptr || nodes != nullptr) return CUDA_ERROR_INVALID_VALUE;
  *count = graph->nodes.size();
  return CUDA_SUCCESS;
}

CUDA_API cuGraphInstantiateWithFlags(CUgraphExec* exec, CUgraph graph, unsigned long long flags) {
  SOFTCUDA_READY;
  if (exec == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (d.graphs.count(graph) == 0) return CUDA_ERROR_INVALID_HANDLE;
  *exec = new CUgraphExec_st{graph->nodes};
  d.graph_execs.insert(*exec);
  return CUDA_SUCCESS;
}

CUDA_API cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  SOFTCUDA_READY;
  if (d.graph_execs.count(exec) == 0 || !valid_stream(d, stream)) return CUDA_ERROR_INVALID_HANDLE;
  SOFTCUDA_UNCAPTURED(stream);
  for (auto& node : exec->nodes)
    if (CUresult e = node()) return e;
  return CUDA_SUCCESS;
}

CUDA_API cuGraphExecDestroy(CUgraphExec exec) {
  SOFTCUDA_LOCK;
  if (d.graph_execs.erase(exec) == 0) return CUDA_ERROR_INVALID_HANDLE;
  delete exec;
  return d.sticky;
}

CUDA_API cuGraphDestroy(CUgraph graph) {
  SOFTCUDA_LOCK;
  if (d.graphs.erase(graph) == 0) return CUDA_ERROR_INVALID_HANDLE;
  delete graph;
  return d.sticky;
}
