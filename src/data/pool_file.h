// pool.parquet, written row by row. Inside the room only; read_pool and write_pool are in pool.h.
#pragma once
#include <filesystem>
#include <memory>

#include "data/records.h"

namespace ballot {

class PoolWriter {
 public:
  explicit PoolWriter(const std::filesystem::path& path);
  ~PoolWriter();
  void write(const PoolRow& row);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
