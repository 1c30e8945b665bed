// What a file format gives to rows.h. Inside the room only.
#pragma once
#include <memory>

#include "data/rows.h"

namespace ballot {

class RowReader::Format {
 public:
  virtual ~Format() = default;
  virtual std::unique_ptr<RowBatch> next() = 0;
  virtual double done() const = 0;
  std::vector<std::string> columns;
};

std::unique_ptr<RowReader::Format> open_jsonl(const SourceFile& file);
std::unique_ptr<RowReader::Format> open_csv(const SourceFile& file);
std::unique_ptr<RowReader::Format> open_parquet(const SourceFile& file, const std::vector<std::string>& only);

}  // namespace ballot
