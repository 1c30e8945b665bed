// Options are plain structs; one description a struct serves the command line, the study file, the manifest and the
// manual, so that they cannot disagree:
//
//   struct PoolOptions {
//     std::int64_t prompts = 0;  // 0: all
//     std::string layout = "auto";
//   };
//   void visit_options(OptionVisitor& visit, PoolOptions& o) {
//     visit({"prompts", "how many prompts to take (default: all)"}, o.prompts);
//     visit({"layout", "the source's layout", {"auto", "nectar"}}, o.layout);
//   }
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace ballot {

struct OptionInfo {
  std::string name;  ///< long name without dashes, words by hyphen: also the key in YAML and manifest (with '_')
  std::string help;  ///< one line; units and meaning
  std::vector<std::string> choices = {};  ///< the valid words, where it is one of a few
  bool changes_result = true;             ///< false: threads, progress, ...: not part of a stage's key
};

class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void operator()(const OptionInfo&, bool&) = 0;
  virtual void operator()(const OptionInfo&, std::int64_t&) = 0;
  virtual void operator()(const OptionInfo&, double&) = 0;
  virtual void operator()(const OptionInfo&, std::string&) = 0;
  virtual void operator()(const OptionInfo&, std::vector<std::string>&) = 0;
  virtual void operator()(const OptionInfo&, std::vector<std::int64_t>&) = 0;
  virtual void operator()(const OptionInfo&, std::vector<double>&) = 0;
  virtual void operator()(const OptionInfo&, std::optional<std::int64_t>&) = 0;
  virtual void operator()(const OptionInfo&, std::optional<double>&) = 0;
  virtual void operator()(const OptionInfo&, std::optional<std::string>&) = 0;
};

/// Collects every option (or only those that change the result) under its key ("learning_rate").
class OptionsToJson : public OptionVisitor {
 public:
  explicit OptionsToJson(bool only_result);
  ~OptionsToJson() override;
  std::string text() const;  ///< a JSON object
  void operator()(const OptionInfo&, bool&) override;
  void operator()(const OptionInfo&, std::int64_t&) override;
  void operator()(const OptionInfo&, double&) override;
  void operator()(const OptionInfo&, std::string&) override;
  void operator()(const OptionInfo&, std::vector<std::string>&) override;
  void operator()(const OptionInfo&, std::vector<std::int64_t>&) override;
  void operator()(const OptionInfo&, std::vector<double>&) override;
  void operator()(const OptionInfo&, std::optional<std::int64_t>&) override;
  void operator()(const OptionInfo&, std::optional<double>&) override;
  void operator()(const OptionInfo&, std::optional<std::string>&) override;

 private:
  template <class T>
  void put(const OptionInfo& info, const T& value);
  std::unique_ptr<Json> object_;
  bool only_result_;
};

/// Sets options from an object's keys ("learning_rate" or "learning-rate"). Wrong types and values outside the choices
/// are Errors (usage); `context` begins the message ("studies/demo.yaml: dpo"). After visiting, check_unknown() rejects
/// keys that no option has, with the nearest.
class OptionsFromJson : public OptionVisitor {
 public:
  OptionsFromJson(const Json& object, std::string context);
  void operator()(const OptionInfo&, bool&) override;
  void operator()(const OptionInfo&, std::int64_t&) override;
  void operator()(const OptionInfo&, double&) override;
  void operator()(const OptionInfo&, std::string&) override;
  void operator()(const OptionInfo&, std::vector<std::string>&) override;
  void operator()(const OptionInfo&, std::vector<std::int64_t>&) override;
  void operator()(const OptionInfo&, std::vector<double>&) override;
  void operator()(const OptionInfo&, std::optional<std::int64_t>&) override;
  void operator()(const OptionInfo&, std::optional<double>&) override;
  void operator()(const OptionInfo&, std::optional<std::string>&) override;
  void check_unknown() const;

 private:
  template <class T>
  void take(const OptionInfo& info, T& value);
  const Json& object_;
  std::string context_;
  std::vector<std::string> known_;
};

/// "learning-rate" -> "learning_rate".
std::string option_key(const std::string& name);

/// The options as the text of a JSON object: a manifest's parameters (`only_result`), or everything.
template <class Options>
std::string options_json(Options options, bool only_result = false) {
  OptionsToJson visitor(only_result);
  visit_options(visitor, options);
  return visitor.text();
}

}  // namespace ballot
