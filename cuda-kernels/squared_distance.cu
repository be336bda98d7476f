// Squared distances of many pairs of tensors; definition and roundings: op/SquaredDistance.java. Columns of the table:
// a, b, da, db. Bound by memory: 8 bytes an element for the distances, 12 or 16 for the gradients.
#include "rows.cuh"
#include "tensor_list.cuh"

constexpr int SQUARED_DISTANCE_BLOCKS = PIECE / CONTRACT_BLOCK;  // of a piece; a warp each

// The first level: the contract's blocks. Those of a pair lie side by side from firstPiece · 4 on; only its last piece
// may leave some unwritten.
extern "C" __global__ void __launch_bounds__(32 * SQUARED_DISTANCE_BLOCKS)
squared_distance_blocks(const long long* table, int tensors, float* partials) {
  ROW_QUADS(quads);  // of a block of eight warps; this one has fewer
  const TensorPiece piece = tensor_piece(table, tensors);
  const float* a = tensor_piece_data(table, tensors, 0, piece);
  const float* b = tensor_piece_data(table, tensors, 1, piece);
  const int warp = (int)(threadIdx.x / WARP_LANES);
  const int first = warp * CONTRACT_BLOCK;
  const int rest = piece.count - first;
  const int terms = rest <= 0 ? 0 : rest < CONTRACT_BLOCK ? rest : CONTRACT_BLOCK;
  const auto square = [](float a, float b) {
    const float d = __fsub_rn(a, b);
    return __fmul_rn(d, d);
  };
  const bool wide = terms % 4 == 0 && is_aligned16(a) && is_aligned16(b);
  const float sum =
      wide ? ordered_block_by_warp4(
                 [a, b, square](long long i) { return row_map(square, load4(a + i), load4(b + i)); }, first, terms,
                 row_quads(quads))
           : ordered_block_by_warp([a, b, square](long long i) { return square(a[i], b[i]); }, first, terms);
  if (terms > 0 && threadIdx.x % WARP_LANES == 0) {
    partials[(long long)blockIdx.x * SQUARED_DISTANCE_BLOCKS + warp] = sum;
  }
}
EXPORT_KERNEL(squared_distance_blocks)

// The other levels: a block a pair.
extern "C" __global__ void __launch_bounds__(256)
squared_distance_pairs(const long long* table, int tensors, const float* partials, float* distances) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const int t = (int)blockIdx.x;
  const float* mine = partials + table[t] * SQUARED_DISTANCE_BLOCKS;
  const long long blocks = (table[tensors + 1 + t] + CONTRACT_BLOCK - 1) / CONTRACT_BLOCK;
  const float sum = ordered_block_sum([mine](long long i) { return mine[i]; }, blocks, scratch);
  if (threadIdx.x == 0) distances[t] = sum;
}
EXPORT_KERNEL(squared_distance_pairs)

// penalty[0] = lambda · Σ distances, by one block.
extern "C" __global__ void __launch_bounds__(256)
squared_distance_penalty(const float* distances, long long n, float lambda, float* penalty) {
  __shared__ float scratch[ORDERED_SCRATCH];
  const float sum = ordered_block_sum([distances](long long i) { return distances[i]; }, n, scratch);
  if (threadIdx.x == 0) penalty[0] = __fmul_rn(lambda, sum);
}
EXPORT_KERNEL(squared_distance_penalty)

__device__ __forceinline__ float squared_distance_slope(float a, float b, float c) {
  return __fmul_rn(__fsub_rn(a, b), c);
}

// da = (a - b) · c; db = -da where it is wanted.
extern "C" __global__ void __launch_bounds__(256, 3)
squared_distance_gradient(const long long* table, int tensors, float c, int both) {
  const TensorPiece piece = tensor_piece(table, tensors);
  const float* a = tensor_piece_data(table, tensors, 0, piece);
  const float* b = tensor_piece_data(table, tensors, 1, piece);
  float* da = tensor_piece_data(table, tensors, 2, piece);
  float* db = both ? tensor_piece_data(table, tensors, 3, piece) : da;
  const int t = (int)threadIdx.x;
  int done = 0;
  if (is_aligned16(a) && is_aligned16(b) && is_aligned16(da) && is_aligned16(db)) {
    const int vectors = piece.count / 4;
    for (int i = t; i < vectors; i += 256) {
      const float4 x = load4(a + 4 * i), y = load4(b + 4 * i);
      const float4 d = {squared_distance_slope(x.x, y.x, c), squared_distance_slope(x.y, y.y, c),
                        squared_distance_slope(x.z, y.z, c), squared_distance_slope(x.w, y.w, c)};
      store4(da + 4 * i, d);
      if (both) store4(db + 4 * i, {-d.x, -d.y, -d.z, -d.w});
    }
    done = vectors * 4;
  }
  for (int i = done + t; i < piece.count; i += 256) {
    const float d = squared_distance_slope(a[i], b[i], c);
    da[i] = d;
    if (both) db[i] = -d;
  }
}
EXPORT_KERNEL(squared_distance_gradient)
