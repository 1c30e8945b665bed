// What a training shows of each step: sums over micro-batches and processes, and where they are written.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/json.h"

namespace ballot {

class Communicator;
class EventFile;

/// The metrics of one step while it is made: means as sums and counts, minima and maxima.
class MetricSums {
 public:
  void add(const std::string& name, double total, double count);
  void minimum(const std::string& name, double value);
  void maximum(const std::string& name, double value);
  /// Over all processes. Every process must have named the same metrics.
  void reduce(Communicator& communicator);
  /// The mean, minimum or maximum; NaN where nothing was added.
  double value(const std::string& name) const;

 private:
  std::map<std::string, std::pair<double, double>> sums_;
  std::map<std::string, double> minima_, maxima_;
};

/// One line of metrics.jsonl. Counters are whole numbers, all else is written with every digit.
struct StepMetrics {
  std::int64_t step = 0;
  double epoch = 0;
  std::vector<std::pair<std::string, double>> values;  ///< in the order in which they are written
  std::int64_t num_tokens = 0, forest_tokens = 0;
  double seconds = 0;  ///< of this step

  std::map<std::string, double> all() const;
};

/// `metrics.jsonl` and TensorBoard's events in `runs/` of a training's folder.
class MetricsLog {
 public:
  /// What lies behind `step` (a killed run was further than its last checkpoint) is taken out of both.
  MetricsLog(const std::filesystem::path& folder, std::int64_t step);
  ~MetricsLog();
  void add(const StepMetrics& metrics);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::unique_ptr<EventFile> events_;
};

/// The lines of a metrics.jsonl, as objects; a torn last line is left out.
std::vector<Json> read_metrics(const std::filesystem::path& path);

}  // namespace ballot
