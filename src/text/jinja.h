// Jinja templates over JSON, as Python's Jinja2 renders them: ballots, evaluation tasks, and (in their own dialect)
// chat templates.
//
// kPlain is Jinja2 as the evaluation harness sets it up: an undefined variable is an error, the last newline is kept,
// nothing is escaped. kChat is the dialect of chat templates (chat_template.h): blocks trimmed and left-stripped,
// undefined is empty, `raise_exception(text)` and `strftime_now(format)`. Both know loop controls, Python's methods of
// strings, lists and dicts, and `tojson` with Python's spacing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"

namespace ballot {

enum class JinjaDialect { kPlain, kChat };

/// A parsed template. Const functions may be called from many threads.
class JinjaTemplate {
 public:
  /// `name` stands for the template in errors ("ranking.yaml: user"). Throws Error (usage) with line and cause.
  explicit JinjaTemplate(std::string_view source, std::string name = "template",
                         JinjaDialect dialect = JinjaDialect::kPlain);
  ~JinjaTemplate();
  JinjaTemplate(JinjaTemplate&& other) noexcept;
  JinjaTemplate& operator=(JinjaTemplate&& other) noexcept;

  /// `context`: an object with the template's variables. `now`: what strftime_now takes for now, seconds since 1970
  /// (UTC). Throws Error (input) with line and cause, e.g. the name of an undefined variable.
  std::string render(const Json& context, std::optional<std::int64_t> now = {}) const;

 private:
  void* handle_ = nullptr;
  std::string name_;
};

/// Parses and renders once.
std::string render_jinja(std::string_view source, const Json& context, std::string name = "template");

}  // namespace ballot
