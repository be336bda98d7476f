// Scatter-add (op/ScatterAdd.java): dst[r] += runSum(src rows of r, in source order), by the plan of
// scatter_add_plan.cu. Bound by memory: each row of src is read once, each receiving row of dst read and written once.
//
// Threads lie along a row, 16 bytes each where its length and the addresses allow it (width 4); a block has x threads
// along a row and y rows (op/Gather.RowBlocks). A segment of at most 32 terms is one run and goes straight to dst. Of a
// longer one every run is a row of threads of its own, so a row that receives a million terms is read by as many threads
// as any million rows. Its partials are then summed level by level; level l's terms lie 32^(l-1) slots apart.
#include "portable.cuh"
#include "scatter_add.cuh"

struct Four {
  static constexpr int WIDTH = 4;
  float4 v;
  static __device__ __forceinline__ Four load(const float* from) { return {load4(from)}; }
  __device__ __forceinline__ void store(float* to) const { store4(to, v); }
  __device__ __forceinline__ void add(const Four& o) {
    v.x = __fadd_rn(v.x, o.v.x);
    v.y = __fadd_rn(v.y, o.v.y);
    v.z = __fadd_rn(v.z, o.v.z);
    v.w = __fadd_rn(v.w, o.v.w);
  }
};

struct One {
  static constexpr int WIDTH = 1;
  float v;
  static __device__ __forceinline__ One load(const float* from) { return {*from}; }
  __device__ __forceinline__ void store(float* to) const { *to = v; }
  __device__ __forceinline__ void add(const One& o) { v = __fadd_rn(v, o.v); }
};

// One run of rows of src, left to right from its first; four loads in flight.
template <class V>
__device__ __forceinline__ V run_of_rows(const float* src, const int* order, int terms, long long columns) {
  V sum = V::load(src + order[0] * columns);
  int i = 1;
  for (; i + 4 <= terms; i += 4) {
    const V a = V::load(src + order[i] * columns);
    const V b = V::load(src + order[i + 1] * columns);
    const V c = V::load(src + order[i + 2] * columns);
    const V d = V::load(src + order[i + 3] * columns);
    sum.add(a);
    sum.add(b);
    sum.add(c);
    sum.add(d);
  }
  for (; i < terms; i++) sum.add(V::load(src + order[i] * columns));
  return sum;
}

template <class V>
__device__ __forceinline__ void add_to(float* dst, const V& sum) {
  V total = V::load(dst);
  total.add(sum);
  total.store(dst);
}

template <class V>
__device__ __forceinline__ void short_segment(const float* src, const int* order, const int* rows, const int* starts,
                                              long long segment, long long columns, float* dst, int padding) {
  const int first = starts[segment];
  const int terms = starts[segment + 1] - first;
  if (terms > CONTRACT_RUN || rows[segment] == padding) return;
  float* to = dst + rows[segment] * columns;
  for (long long j = (long long)V::WIDTH * threadIdx.x; j < columns; j += (long long)V::WIDTH * blockDim.x) {
    add_to(to + j, run_of_rows<V>(src + j, order + first, terms, columns));
  }
}

// The segments of one run, but that of row `padding` (-1: none), which receives nothing. There are found[1] of them, at
// most `segments`.
extern "C" __global__ void __launch_bounds__(256)
scatter_add_short(const float* src, const int* order, const int* rows, const int* starts, const int* found,
                  long long segments, long long columns, float* dst, int padding, int width) {
  const long long segment = (long long)blockIdx.x * blockDim.y + threadIdx.y;
  if (segment >= segments || segment >= found[1]) return;
  if (width == 4) short_segment<Four>(src, order, rows, starts, segment, columns, dst, padding);
  else short_segment<One>(src, order, rows, starts, segment, columns, dst, padding);
}
EXPORT_KERNEL(scatter_add_short)

template <class V>
__device__ __forceinline__ void one_run(const float* src, const int* order, int terms, long long columns, float* to) {
  for (long long j = (long long)V::WIDTH * threadIdx.x; j < columns; j += (long long)V::WIDTH * blockDim.x) {
    run_of_rows<V>(src + j, order, terms, columns).store(to + j);
  }
}

// The runs of longer segments, each to its slot of partials [slots, columns].
extern "C" __global__ void __launch_bounds__(256)
scatter_add_runs(const float* src, const int* order, const int* starts, const int* owners, long long slots,
                 long long columns, float* partials, int width) {
  const long long slot = (long long)blockIdx.x * blockDim.y + threadIdx.y;
  const int segment = slot < slots ? owners[slot] : -1;
  if (segment < 0) return;
  const int start = starts[segment];
  const int first = start + (int)(slot - start / SLOT) * CONTRACT_RUN;
  const int rest = starts[segment + 1] - first;
  const int terms = rest < CONTRACT_RUN ? rest : CONTRACT_RUN;
  float* to = partials + slot * columns;
  if (width == 4) one_run<Four>(src, order + first, terms, columns, to);
  else one_run<One>(src, order + first, terms, columns, to);
}
EXPORT_KERNEL(scatter_add_runs)

// A run of partials that lie `apart` floats from each other: to dst if it is all of its level, else to its first.
template <class V>
__device__ __forceinline__ void run_of_partials(float* partials, int terms, long long apart, long long columns,
                                                float* dst) {
  for (long long j = (long long)V::WIDTH * threadIdx.x; j < columns; j += (long long)V::WIDTH * blockDim.x) {
    V sum = V::load(partials + j);
#pragma unroll 4
    for (int i = 1; i < terms; i++) sum.add(V::load(partials + i * apart + j));
    if (dst) add_to(dst + j, sum);
    else sum.store(partials + j);
  }
}

// One level of the longer segments' run sums: terms `step` slots apart (1, 32, 1024 …). No row of threads reads what
// another one writes: a run's sum takes the place of the run's own first term.
extern "C" __global__ void __launch_bounds__(256, 4)
scatter_add_level(float* partials, const int* rows, const int* starts, const int* owners, long long slots,
                  long long step, long long columns, float* dst, int width) {
  const long long slot = (long long)blockIdx.x * blockDim.y + threadIdx.y;
  const int segment = slot < slots ? owners[slot] : -1;
  if (segment < 0) return;
  const int start = starts[segment];
  const long long place = slot - start / SLOT;  // among the segment's slots
  const long long runs = scatter_runs(starts[segment + 1] - start);
  const long long terms = (runs + step - 1) / step;  // of this level, in the whole segment
  const long long first = place / step;
  // terms is 1 where a lower level has finished the segment; step 1 has always two or more.
  if (terms == 1 || first * step != place || first % CONTRACT_RUN != 0) return;
  const long long rest = terms - first;
  const int mine = rest < CONTRACT_RUN ? (int)rest : CONTRACT_RUN;
  float* to = terms <= CONTRACT_RUN ? dst + rows[segment] * columns : nullptr;
  if (width == 4) run_of_partials<Four>(partials + slot * columns, mine, step * columns, columns, to);
  else run_of_partials<One>(partials + slot * columns, mine, step * columns, columns, to);
}
EXPORT_KERNEL(scatter_add_level)
