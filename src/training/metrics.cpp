#include "training/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "compute/communicator.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "training/event_file.h"

namespace ballot {

void MetricSums::add(const std::string& name, double total, double count) {
  auto& [sum, number] = sums_[name];
  sum += total;
  number += count;
}

void MetricSums::minimum(const std::string& name, double value) {
  const auto [found, fresh] = minima_.try_emplace(name, value);
  if (!fresh) found->second = std::min(found->second, value);
}

void MetricSums::maximum(const std::string& name, double value) {
  const auto [found, fresh] = maxima_.try_emplace(name, value);
  if (!fresh) found->second = std::max(found->second, value);
}

void MetricSums::reduce(Communicator& communicator) {
  std::vector<double> sums, minima, maxima;
  for (const auto& [name, sum] : sums_) sums.insert(sums.end(), {sum.first, sum.second});
  for (const auto& [name, value] : minima_) minima.push_back(value);
  for (const auto& [name, value] : maxima_) maxima.push_back(value);
  communicator.sum(sums);
  communicator.minimum(minima);
  communicator.maximum(maxima);
  std::size_t i = 0;
  for (auto& [name, sum] : sums_) {
    sum = {sums[i], sums[i + 1]};
    i += 2;
  }
  i = 0;
  for (auto& [name, value] : minima_) value = minima[i++];
  i = 0;
  for (auto& [name, value] : maxima_) value = maxima[i++];
}

double MetricSums::value(const std::string& name) const {
  if (const auto found = sums_.find(name); found != sums_.end() && found->second.second != 0)
    return found->second.first / found->second.second;
  if (const auto found = minima_.find(name); found != minima_.end()) return found->second;
  if (const auto found = maxima_.find(name); found != maxima_.end()) return found->second;
  return std::numeric_limits<double>::quiet_NaN();
}

std::map<std::string, double> StepMetrics::all() const {
  std::map<std::string, double> map(values.begin(), values.end());
  map["step"] = static_cast<double>(step);
  map["epoch"] = epoch;
  map["num_tokens"] = static_cast<double>(num_tokens);
  map["forest_tokens"] = static_cast<double>(forest_tokens);
  map["seconds"] = seconds;
  return map;
}

std::vector<Json> read_metrics(const std::filesystem::path& path) {
  std::vector<Json> lines;
  if (!std::filesystem::exists(path)) return lines;
  std::istringstream text(read_file(path));
  for (std::string line; std::getline(text, line);) {
    Json object = Json::parse(line, nullptr, false);
    if (!object.is_object()) break;
    lines.push_back(std::move(object));
  }
  return lines;
}

MetricsLog::MetricsLog(const std::filesystem::path& folder, std::int64_t step) : path_(folder / "metrics.jsonl") {
  std::string kept;
  std::vector<Json> lines = read_metrics(path_);
  std::erase_if(lines, [&](const Json& line) { return line.value("step", std::int64_t{0}) > step; });
  for (const Json& line : lines) kept += line.dump() + "\n";
  write_file(path_, kept);
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) throw failed("cannot write {}: {}", path_.string(), std::strerror(errno));
  std::filesystem::remove_all(folder / "runs");
  events_ = std::make_unique<EventFile>(folder / "runs");
  for (const Json& line : lines) {
    std::vector<std::pair<std::string, double>> scalars;
    for (const auto& [name, value] : line.items())
      if (name != "step" && value.is_number()) scalars.emplace_back(name, value.get<double>());
    events_->add(line.value("step", std::int64_t{0}), scalars);
  }
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MetricsLog::add(const StepMetrics& metrics) {
  Json line;
  line["step"] = metrics.step;
  line["epoch"] = metrics.epoch;
  std::vector<std::pair<std::string, double>> scalars{{"epoch", metrics.epoch}};
  for (const auto& [name, value] : metrics.values) {
    line[name] = value;
    scalars.emplace_back(name, value);
  }
  line["num_tokens"] = metrics.num_tokens;
  line["forest_tokens"] = metrics.forest_tokens;
  line["seconds"] = metrics.seconds;
  scalars.emplace_back("num_tokens", static_cast<double>(metrics.num_tokens));
  scalars.emplace_back("forest_tokens", static_cast<double>(metrics.forest_tokens));
  scalars.emplace_back("seconds", metrics.seconds);
  const std::string text = line.dump() + "\n";
  if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw failed("cannot write {}: {}", path_.string(), std::strerror(errno));
  events_->add(metrics.step, scalars);
}

}  // namespace ballot
