// Labels from any table (report/labels.h).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "core/error.h"
#include "data/rows.h"
#include "data/table.h"
#include "report/labels.h"

namespace ballot {
namespace {

/// Strings to consecutive numbers, in order of appearance.
class Index {
 public:
  std::uint32_t operator()(const std::string& name) {
    const auto [found, is_new] = places_.try_emplace(name, static_cast<std::uint32_t>(names.size()));
    if (is_new) names.push_back(name);
    return found->second;
  }
  std::vector<std::string> names;

 private:
  std::unordered_map<std::string, std::uint32_t> places_;
};

/// The categories: those declared, else the numbers (or, where some values are words, the words) that occur.
class Scale {
 public:
  explicit Scale(const std::vector<std::string>& declared) : categories(declared) {
    bool numbers = true;
    for (std::size_t k = 0; k < declared.size(); ++k) {
      if (!codes_.try_emplace(declared[k], static_cast<std::int32_t>(k)).second)
        throw wrong_usage("--categories names '{}' twice", declared[k]);
      const std::optional<double> number = number_of(declared[k]);
      numbers &= number.has_value();
      values.push_back(number.value_or(0));
    }
    if (!numbers)
      for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<double>(k);
    numbers_ = numbers;
  }

  void learn(const std::vector<const Cell*>& cells) {
    numbers_ = std::all_of(cells.begin(), cells.end(), [](const Cell* cell) { return cell->number.has_value(); });
    if (numbers_) {
      for (const Cell* cell : cells) values.push_back(*cell->number);
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
      for (const double value : values) categories.push_back(fmt::format("{}", value));
      return;
    }
    for (const Cell* cell : cells) categories.push_back(cell->text);
    std::sort(categories.begin(), categories.end());
    categories.erase(std::unique(categories.begin(), categories.end()), categories.end());
    for (std::size_t k = 0; k < categories.size(); ++k) {
      codes_[categories[k]] = static_cast<std::int32_t>(k);
      values.push_back(static_cast<double>(k));
    }
    ordered = categories.size() <= 2;
  }

  /// kMissing where the value is none of the categories.
  std::int32_t code(const Cell& cell) const {
    if (numbers_) {
      if (!cell.number) return kMissing;
      for (std::size_t k = 0; declared() && k < values.size(); ++k)
        if (values[k] == *cell.number) return static_cast<std::int32_t>(k);
      if (declared()) return kMissing;
      const auto at = std::lower_bound(values.begin(), values.end(), *cell.number);
      return at != values.end() && *at == *cell.number ? static_cast<std::int32_t>(at - values.begin()) : kMissing;
    }
    const auto found = codes_.find(cell.text);
    return found == codes_.end() ? kMissing : found->second;
  }

  std::vector<std::string> categories;
  std::vector<double> values;
  bool ordered = true;

 private:
  bool declared() const { return numbers_ && !codes_.empty(); }
  static std::optional<double> number_of(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
  }
  std::unordered_map<std::string, std::int32_t> codes_;
  bool numbers_ = false;
};

/// One rating before the scale is known.
struct Rating {
  std::uint32_t unit, rater;
  const Cell* cell;
  std::int64_t row;
};

class Reader {
 public:
  Reader(const std::string& file, const TableLabelOptions& options, RejectLog& rejects)
      : options_(options), rejects_(rejects), table_(read_table(file, rejects)), scale_(options.categories) {}

  Labels read() {
    if (options_.unit.empty())
      throw Error(ErrorKind::kUsage, "--unit is missing", "name the column (or columns) that say what was judged");
    for (const std::string& column : options_.unit) unit_columns_.push_back(&table_.column(column));
    cluster_ = options_.cluster.empty() ? (table_.has("prompt_id") ? "prompt_id" : "") : options_.cluster;
    if (!cluster_.empty()) cluster_column_ = &table_.column(cluster_);
    if (!options_.by.empty()) group_column_ = &table_.column(options_.by);
    options_.raters.empty() ? read_long() : read_wide();
    if (ratings_.empty()) throw nothing_usable(table_.name, table_.rows, rejects_);
    return finish();
  }

 private:
  void reject(std::int64_t row, const std::string& field, const char* reason, std::string message) {
    rejects_.add({table_.name, row + 1, field, reason, std::move(message)});
  }

  /// The unit of a row, or nothing where the row is bad.
  std::optional<std::uint32_t> unit_of(std::int64_t row) {
    const auto at = static_cast<std::size_t>(row);
    std::string name;
    for (std::size_t i = 0; i < unit_columns_.size(); ++i) {
      const Cell& cell = (*unit_columns_[i])[at];
      if (cell.missing) {
        reject(row, options_.unit[i], "unit_missing", "the row does not say which unit it is about");
        return std::nullopt;
      }
      name += (i == 0 ? "" : "\x1f") + cell.text;
    }
    const std::uint32_t unit = units_(name);
    const auto attach = [&](const std::vector<Cell>* column, const std::string& column_name,
                            std::vector<std::string>& to) {
      if (column == nullptr) return;
      const std::string value = (*column)[at].missing ? "(missing)" : (*column)[at].text;
      if (unit == to.size()) to.push_back(value);
      if (to[unit] != value)
        throw Error(ErrorKind::kInput,
                    fmt::format("{}, row {}: a unit has '{}' and '{}' in column '{}'", table_.name, row + 1, to[unit],
                                value, column_name),
                    "a unit belongs to one cluster and one group: name more --unit columns");
    };
    attach(cluster_column_, cluster_, clusters_);
    attach(group_column_, options_.by, groups_);
    return unit;
  }

  /// Is the value one that the level can use?
  bool usable(const Cell& cell, std::int64_t row, const std::string& field) {
    if (!options_.categories.empty()) {
      if (scale_.code(cell) >= 0) return true;
      reject(row, field, "unknown_category",
             fmt::format("'{}' is none of the categories {}", cell.text, fmt::join(options_.categories, ", ")));
      return false;
    }
    if (options_.level == Level::kNominal || cell.number) return true;
    reject(row, field, "value_not_a_number",
           fmt::format("'{}' is no number, which this --level needs; --categories gives words an order", cell.text));
    return false;
  }

  void read_long() {
    if (options_.rater.empty() || options_.value.empty())
      throw Error(
          ErrorKind::kUsage, "a table needs --rater and --value, or --raters",
          "one row a rating: --unit COL --rater COL --value COL; one column a rater: --unit COL --raters A,B,C");
    const std::vector<Cell>&rater = table_.column(options_.rater), &value = table_.column(options_.value);
    for (std::int64_t row = 0; row < table_.rows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      if (rater[at].missing) {
        reject(row, options_.rater, "rater_missing", "the row does not say who judged");
        continue;
      }
      if (!value[at].missing && !usable(value[at], row, options_.value)) continue;
      const auto unit = unit_of(row);
      if (!unit) continue;
      const std::uint32_t who = raters_(rater[at].text);
      if (value[at].missing) continue;  // a unit that the rater left out
      const auto [seen, is_new] = first_row_.try_emplace(static_cast<std::uint64_t>(*unit) << 32 | who, row);
      if (!is_new) {
        reject(
            row, options_.unit.back(), "duplicate_rating",
            fmt::format(
                "'{}' has judged this unit in row {} already; name more --unit columns where they are different units",
                rater[at].text, seen->second + 1));
        continue;
      }
      ratings_.push_back({*unit, who, &value[at], row});
    }
  }

  void read_wide() {
    std::vector<const std::vector<Cell>*> columns;
    for (const std::string& name : options_.raters) {
      columns.push_back(&table_.column(name));
      raters_(name);
    }
    if (raters_.names.size() != options_.raters.size()) throw wrong_usage("--raters names a column twice");
    for (std::int64_t row = 0; row < table_.rows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      bool good = true;
      for (std::size_t r = 0; r < columns.size() && good; ++r)
        good = (*columns[r])[at].missing || usable((*columns[r])[at], row, options_.raters[r]);
      if (!good) continue;
      const std::size_t before = units_.names.size();
      const auto unit = unit_of(row);
      if (!unit) continue;
      if (*unit < before) {
        reject(row, options_.unit.back(), "duplicate_rating", "another row is about the same unit");
        continue;
      }
      for (std::size_t r = 0; r < columns.size(); ++r)
        if (!(*columns[r])[at].missing)
          ratings_.push_back({*unit, static_cast<std::uint32_t>(r), &(*columns[r])[at], row});
    }
  }

  Labels finish() {
    Labels out;
    if (options_.categories.empty()) {
      std::vector<const Cell*> cells;
      for (const Rating& rating : ratings_) cells.push_back(rating.cell);
      scale_.learn(cells);
    }
    out.ratings.values = scale_.values;
    out.categories = scale_.categories;
    out.ordered = scale_.ordered;
    if (options_.level == Level::kRatio && !out.ratings.values.empty() &&
        *std::min_element(out.ratings.values.begin(), out.ratings.values.end()) < 0)
      throw bad_input("{}: the ratio level needs values from 0 up, and column '{}' has negative ones", table_.name,
                      options_.value.empty() ? options_.raters.front() : options_.value);
    out.units = std::move(units_.names);
    out.raters = std::move(raters_.names);
    out.ratings.raters = out.raters.size();
    out.ratings.codes.assign(out.units.size() * out.raters.size(), kMissing);
    for (const Rating& rating : ratings_)
      out.ratings.codes[rating.unit * out.raters.size() + rating.rater] = scale_.code(*rating.cell);
    if (cluster_column_ != nullptr) {
      Index clusters;
      for (const std::string& name : clusters_) out.ratings.cluster.push_back(clusters(name));
      out.clusters = std::move(clusters.names);
      out.ratings.clusters = out.clusters.size();
      out.clustered_by = cluster_;
    }
    out.groups = std::move(groups_);
    out.grouped_by = options_.by;
    return out;
  }

  const TableLabelOptions& options_;
  RejectLog& rejects_;
  const Table table_;
  std::vector<const std::vector<Cell>*> unit_columns_;
  const std::vector<Cell>*cluster_column_ = nullptr, *group_column_ = nullptr;
  std::string cluster_;
  Scale scale_;
  Index units_, raters_;
  std::vector<std::string> clusters_, groups_;  // by unit
  std::vector<Rating> ratings_;
  std::unordered_map<std::uint64_t, std::int64_t> first_row_;
};

}  // namespace

Labels labels_from_table(const std::string& file, const TableLabelOptions& options, RejectLog& rejects) {
  return Reader(file, options, rejects).read();
}

}  // namespace ballot
