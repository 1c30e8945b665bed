// Where AdamW's moments lie between steps when they need not be in memory: a file without a name in the training's
// folder, mapped. They are half of a training's state and are touched once a step; after a piece was updated its pages
// go back to the system, which keeps them in its cache while there is room and on disk where there is none.
//
// The same tensors, the same arithmetic, the same bits as in memory. The price is one pass of 16 bytes a parameter
// through the system's cache each step.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace ballot {

class MomentFile {
 public:
  /// Room for `bytes` and the rounding of `tensors` tensors to pages. Throws Error (failed) where the folder's disk has
  /// not that much room.
  MomentFile(const std::filesystem::path& folder, std::int64_t bytes, std::int64_t tensors);
  /// The next tensor, zeros. It keeps the file's memory alive.
  at::Tensor take(at::IntArrayRef sizes, at::ScalarType type);
  /// `piece` will be read and written now (a hint: pages come in one go).
  static void fetch(const at::Tensor& piece);
  /// `piece` is not needed for now: its memory goes back, its numbers stay. A piece begins and ends at a page of the
  /// tensor's, or at its end.
  static void put_away(const at::Tensor& piece);

 private:
  struct Mapping;
  std::shared_ptr<Mapping> mapping_;
  std::int64_t used_ = 0;
};

}  // namespace ballot
