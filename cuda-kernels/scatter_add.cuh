// What the plan and the sums of a scatter-add share (op/ScatterAddCuda.java).
//
// `order` holds the source positions grouped by destination row, in source order within a row: the segments. A segment
// of more than one run of 32 leaves the partial sums of its runs in slots: run k of the segment that starts at place s
// has slot s / 16 + k. Segments of more than 32 terms take fewer slots than they have sixteenths, so slots never meet,
// and no prefix sum is needed. `owners` gives each slot's segment.
#pragma once

#include "contract.cuh"

constexpr int SLOT = 16;

__device__ __forceinline__ int scatter_runs(int terms) { return (terms + CONTRACT_RUN - 1) / CONTRACT_RUN; }
