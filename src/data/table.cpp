#include "data/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/error.h"
#include "data/parquet_writer.h"
#include "data/rows.h"

namespace ballot {
namespace {

std::optional<double> number_of(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  text = text.substr(begin, end - begin + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

Cell cell_of(const Value& value) {
  Cell cell;
  if (value.is_null()) return cell;
  cell.missing = false;
  switch (value.kind()) {
    case Value::Kind::kBool:
      cell.text = value.as_bool() ? "true" : "false";
      cell.number = value.as_bool() ? 1 : 0;
      break;
    case Value::Kind::kInteger:
      cell.text = fmt::format("{}", value.as_integer());
      cell.number = value.as_double();
      break;
    case Value::Kind::kNumber:
      if (std::isnan(value.as_double())) return Cell();  // how data frames write a missing number
      cell.text = fmt::format("{}", value.as_double());
      cell.number = value.as_double();
      break;
    case Value::Kind::kText:
      cell.text = std::string(value.as_text());
      cell.number = number_of(cell.text);
      break;
    default:
      cell.text = to_json(value).dump();
  }
  return cell;
}

Table read(const std::string& source, RejectLog& rejects) {
  Table table;
  table.name = source;
  const std::vector<SourceFile> files = resolve_sources({source});
  std::unordered_map<std::string, std::size_t> index;
  const auto column = [&](std::string_view name) -> std::vector<Cell>& {
    const auto [entry, added] = index.try_emplace(std::string(name), table.columns.size());
    if (added) {
      table.columns.emplace_back(name);
      table.cells.emplace_back(static_cast<std::size_t>(table.rows));
    }
    return table.cells[entry->second];
  };
  for (const SourceFile& file : files) {
    const RowReader declared(file);
    for (const std::string& name : declared.columns()) column(name);
  }
  for_each_row(files, rejects, [&](const SourceFile&, std::int64_t, const Value& row) {
    for (const Member& member : row.members()) column(member.name).push_back(cell_of(member.value));
    ++table.rows;
    for (std::vector<Cell>& cells : table.cells) cells.resize(static_cast<std::size_t>(table.rows));
  });
  return table;
}

}  // namespace

Table read_table(const std::string& source, RejectLog& rejects) {
  return read(source, rejects);
}

Table read_table(const std::string& source) {
  RejectLog first_is_an_error(true);
  return read(source, first_is_an_error);
}

bool Table::has(const std::string& column) const {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

const std::vector<Cell>& Table::column(const std::string& wanted) const {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i] == wanted) return cells[i];
  SourceFile file;
  file.name = name;
  require_columns(file, columns, {wanted});
  throw bad_input("{} has no rows, so no column '{}'", name, wanted);
}

void write_table(const std::filesystem::path& path, const std::vector<TableColumn>& columns) {
  arrow::FieldVector fields;
  std::size_t rows = 0;
  std::vector<std::string> dictionary;
  for (const TableColumn& column : columns) {
    std::shared_ptr<arrow::DataType> type;
    std::size_t size = 0;
    std::visit(
        [&](const auto& values) {
          using Values = std::decay_t<decltype(values)>;
          size = values.size();
          if constexpr (std::is_same_v<Values, std::vector<double>> ||
                        std::is_same_v<Values, std::vector<std::optional<double>>>)
            type = arrow::float64();
          else if constexpr (std::is_same_v<Values, std::vector<std::int64_t>>)
            type = arrow::int64();
          else if constexpr (std::is_same_v<Values, std::vector<std::int32_t>>)
            type = arrow::int32();
          else if constexpr (std::is_same_v<Values, std::vector<bool>>)
            type = arrow::boolean();
          else
            type = arrow::utf8();
        },
        column.values);
    if (type->id() == arrow::Type::STRING) dictionary.push_back(column.name);
    if (!fields.empty() && size != rows)
      throw failed("cannot write {}: column '{}' has {} values, the first {}", path.string(), column.name, size, rows);
    rows = size;
    fields.push_back(arrow::field(column.name, type));
  }
  ParquetWriter file(path, arrow::schema(fields), dictionary);
  writing_parquet(path.string(), [&] {
    for (std::size_t row = 0; row < rows; ++row) {
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const int c = static_cast<int>(i);
        std::visit(
            [&](const auto& values) {
              using Values = std::decay_t<decltype(values)>;
              if constexpr (std::is_same_v<Values, std::vector<std::string>>) {
                put(file.column<arrow::StringBuilder>(c), std::string_view(values[row]));
                bytes += values[row].size();
              } else if constexpr (std::is_same_v<Values, std::vector<std::optional<std::string>>>) {
                put(file.column<arrow::StringBuilder>(c), values[row]);
                bytes += values[row] ? values[row]->size() : 0;
              } else if constexpr (std::is_same_v<Values, std::vector<bool>>) {
                put(file.column<arrow::BooleanBuilder>(c), bool(values[row]));
              } else if constexpr (std::is_same_v<Values, std::vector<std::int64_t>>) {
                put(file.column<arrow::Int64Builder>(c), values[row]);
              } else if constexpr (std::is_same_v<Values, std::vector<std::int32_t>>) {
                put(file.column<arrow::Int32Builder>(c), values[row]);
              } else {
                put(file.column<arrow::DoubleBuilder>(c), values[row]);
              }
              bytes += 8;
            },
            columns[i].values);
      }
      file.end_row(bytes);
    }
  });
  file.commit();
}

}  // namespace ballot
