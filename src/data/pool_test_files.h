// For the tests of the pool: rows in Nectar's layout, and a pool made of files.
#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/pool.h"
#include "data/test_files.h"

namespace ballot::testing {

inline Json nectar_row(const std::string& prompt, const std::vector<int>& order = {0, 1, 2, 3, 4, 5, 6}) {
  Json row;
  row["prompt"] = "\n\nHuman: " + prompt + "\n\nAssistant: ";
  for (const int i : order)
    row["answers"].push_back({{"answer", "answer " + std::to_string(i) + " to " + prompt},
                              {"model", "model-" + std::to_string(i)},
                              {"rank", static_cast<double>(i + 1)}});
  row["turns"] = 1;
  row["num_responses"] = 7;
  row["source"] = {"lmsys"};
  row["good_natured"] = prompt.size() % 2 == 0;
  return row;
}

inline std::string jsonl(const std::vector<Json>& rows) {
  std::string text;
  for (const Json& row : rows) text += row.dump() + "\n";
  return text;
}

struct Made {
  PoolSummary summary;
  std::vector<PoolRow> rows;
  std::string bytes;
  RejectLog rejects;
};

inline Made make(const TestFolder& folder, const std::vector<std::string>& sources, PoolOptions options = {},
                 std::int64_t seed = 0, int threads = 1) {
  Made made;
  const std::filesystem::path out = folder / "pool.parquet";
  made.summary = make_pool(sources, out, options, seed, threads, made.rejects, silent_progress());
  made.rows = read_pool(out);
  made.bytes = read_file(out);
  return made;
}

inline std::string error_of(const std::function<void()>& body, int code = 3) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), code) << error.message();
    return error.message();
  }
  return "";
}

inline std::vector<Json> many_rows(int n) {
  std::vector<Json> rows;
  for (int i = 0; i < n; ++i) rows.push_back(nectar_row("question " + std::to_string(i)));
  return rows;
}

}  // namespace ballot::testing
