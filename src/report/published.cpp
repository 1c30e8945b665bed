#include "report/published.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/embedded.h"
#include "core/error.h"
#include "core/json.h"

namespace ballot {

std::span<const EmbeddedFile> embedded_report_files();

namespace {

PublishedTables::Rows rows_of(const Json& table) {
  PublishedTables::Rows rows;
  for (const auto& [name, value] : table.items()) {
    if (name == "columns") {
      rows.columns = value.get<std::vector<std::string>>();
      continue;
    }
    rows.models.push_back({name, {}});
    for (const auto& [row, cells] : value.items())
      rows.models.back().second.emplace_back(row, cells.get<std::vector<double>>());
  }
  return rows;
}

PublishedTables read() {
  const std::string_view text = find_embedded(embedded_report_files(), "published.json");
  if (text.data() == nullptr) throw failed("the program does not hold the published tables (published.json)");
  const Json json = Json::parse(text);
  PublishedTables out;
  out.title = json.at("title");
  out.setting = json.at("setting");
  for (const char* name : {"fleiss_kappa", "krippendorff_alpha"}) out.overall[name] = json.at("table1").at(name);
  for (const auto& [pair, r] : json.at("table2_pearson").items()) out.pearson[pair] = r;
  for (const auto& [format, values] : json.at("table3_vs_nectar").items())
    for (const auto& [name, value] : values.items()) out.source[format][name] = value;
  out.models = json.at("table4").get<std::vector<std::string>>();
  out.rewardbench = rows_of(json.at("table5_rewardbench"));
  out.tasks = rows_of(json.at("table6"));
  for (const Json& note : json.at("notes"))
    out.notes.push_back({note.at("mark"), note.at("cells").get<std::vector<std::string>>(), note.at("text")});
  return out;
}

}  // namespace

double PublishedTables::Rows::cell(const std::string& model, const std::string& row, const std::string& column) const {
  const std::string short_name = model.substr(model.find_last_of('/') + 1);
  for (const auto& [name, rows] : models) {
    if (name != short_name) continue;
    for (const auto& [row_name, values] : rows)
      for (std::size_t c = 0; row_name == row && c < columns.size(); ++c)
        if (columns[c] == column) return values[c];
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double PublishedTables::pearson_of(const std::string& a, const std::string& b) const {
  for (const std::string& key : {a + "|" + b, b + "|" + a})
    if (const auto found = pearson.find(key); found != pearson.end()) return found->second;
  return std::numeric_limits<double>::quiet_NaN();
}

std::string PublishedTables::marks(const std::string& cell) const {
  std::string out;
  for (const PublishedNote& note : notes)
    for (const std::string& path : note.cells)
      if (cell == path || cell.starts_with(path + "/")) {
        out += (out.empty() ? "" : ", ") + note.mark;
        break;
      }
  return out;
}

const PublishedTables& published_tables() {
  static const PublishedTables tables = read();
  return tables;
}

}  // namespace ballot
