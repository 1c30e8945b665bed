#include "core/strict_yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/suggest.h"

namespace ballot {
namespace {

Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char *begin = text.data() + (text[0] == '+' ? 1 : 0), *end = text.data() + text.size();
  std::int64_t whole = 0;
  if (auto [stop, error] = std::from_chars(begin, end, whole); error == std::errc() && stop == end) return whole;
  double number = 0;
  if (auto [stop, error] = std::from_chars(begin, end, number);
      error == std::errc() && stop == end && text.find_first_of("0123456789") != std::string::npos)
    return number;
  return text;
}

}  // namespace

YamlFile::YamlFile() : root_(std::make_unique<Json>()) {}
YamlFile::~YamlFile() = default;
YamlFile::YamlFile(YamlFile&&) noexcept = default;
YamlFile& YamlFile::operator=(YamlFile&&) noexcept = default;
YamlFile::YamlFile(const YamlFile& other)
    : name_(other.name_),
      root_(std::make_unique<Json>(*other.root_)),
      places_(other.places_),
      key_places_(other.key_places_) {}

const Json& YamlFile::root() const {
  return *root_;
}

YamlFile YamlFile::parse(const std::string& text, const std::string& name) {
  YamlFile file;
  file.name_ = name;
  const auto convert = [&](const auto& self, const YAML::Node& node, const std::string& pointer) -> Json {
    file.places_[pointer] = {node.Mark().line + 1, node.Mark().column + 1};
    if (node.IsMap()) {
      Json object = Json::object();
      for (const auto& item : node) {
        const std::string key = item.first.Scalar(), place = pointer + "/" + key;
        if (!item.first.IsScalar())
          throw wrong_usage("{}:{}:{}: a key must be plain text", name, item.first.Mark().line + 1,
                            item.first.Mark().column + 1);
        if (object.contains(key))
          throw wrong_usage("{}:{}:{}: the key '{}' stands here twice", name, item.first.Mark().line + 1,
                            item.first.Mark().column + 1, key);
        file.key_places_[place] = {item.first.Mark().line + 1, item.first.Mark().column + 1};
        object[key] = self(self, item.second, place);
      }
      return object;
    }
    if (node.IsSequence()) {
      Json list = Json::array();
      for (std::size_t i = 0; i < node.size(); ++i)
        list.push_back(self(self, node[i], fmt::format("{}/{}", pointer, i)));
      return list;
    }
    if (node.IsScalar()) return scalar(node);
    return nullptr;
  };
  try {
    *file.root_ = convert(convert, YAML::Load(text), "");
  } catch (const YAML::Exception& error) {
    throw wrong_usage("{}:{}:{}: not valid YAML: {}", name, error.mark.line + 1, error.mark.column + 1, error.msg);
  }
  return file;
}

YamlFile YamlFile::read(const std::filesystem::path& path) {
  return parse(read_file(path), path.string());
}

std::string YamlFile::place(const std::string& pointer) const {
  for (std::string at = pointer;; at.resize(at.rfind('/'))) {
    if (const auto found = places_.find(at); found != places_.end())
      return fmt::format("{}:{}:{}", name_, found->second.first, found->second.second);
    if (at.empty() || at.rfind('/') == std::string::npos) return name_;
  }
}

void YamlFile::check_keys(const std::string& pointer, const std::vector<std::string>& known) const {
  const Json& object = pointer.empty() ? *root_ : root_->at(Json::json_pointer(pointer));
  if (object.is_null()) return;
  if (!object.is_object())
    throw wrong_usage("{}: wanted a mapping (key: value), found {}", place(pointer), object.dump());
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const auto where = key_places_.at(pointer + "/" + key);
    throw wrong_usage("{}:{}:{}: unknown key '{}'{}{}", name_, where.first, where.second, key,
                      pointer.empty() ? std::string() : fmt::format(" in '{}'", pointer.substr(1)),
                      did_you_mean(key, known));
  }
}

}  // namespace ballot
