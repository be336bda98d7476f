// The table of a fused call over many tensors (twin: op/TensorList.java), all int64:
// firstPiece [n + 1], elements [n], then for each column the addresses [n].
// One block works on one piece of PIECE elements; pieces never cross a tensor's end.
#pragma once
#include "portable.cuh"

#define PIECE 4096

struct TensorPiece {
  int tensor;
  long long from;  // first element of the piece
  int count;       // elements of the piece, at most PIECE
};

// The piece of this block: binary search in firstPiece; empty tensors own no piece.
__device__ __forceinline__ TensorPiece tensor_piece(const long long* table, int tensors) {
  const long long piece = blockIdx.x;
  int low = 0;
  int high = tensors - 1;
  while (low < high) {
    const int middle = (low + high + 1) >> 1;
    if (table[middle] <= piece) low = middle;
    else high = middle - 1;
  }
  TensorPiece found;
  found.tensor = low;
  found.from = (piece - table[low]) * PIECE;
  const long long rest = table[tensors + 1 + low] - found.from;
  found.count = rest < PIECE ? (int)rest : PIECE;
  return found;
}

// Where the piece starts in a column's tensor.
__device__ __forceinline__ float* tensor_piece_data(const long long* table, int tensors, int column,
                                                    const TensorPiece& piece) {
  const long long address = table[tensors + 1 + (long long)tensors * (1 + column) + piece.tensor];
  return reinterpret_cast<float*>(address) + piece.from;
}
