#include "text/jinja.h"

#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "text/bridge.h"

namespace ballot {

JinjaTemplate::JinjaTemplate(std::string_view source, std::string name, JinjaDialect dialect) : name_(std::move(name)) {
  BallotTemplate* handle = nullptr;
  BridgeText error;
  const bool is_chat = dialect == JinjaDialect::kChat;
  if (ballot_template_new(source.data(), source.size(), is_chat, &handle, error.out()) != 0) {
    const std::string what = fmt::format("cannot read the Jinja template {}: {}", name_, error.view());
    throw Error(is_chat ? ErrorKind::kInput : ErrorKind::kUsage, what);
  }
  handle_ = handle;
}

JinjaTemplate::~JinjaTemplate() {
  ballot_template_free(static_cast<BallotTemplate*>(handle_));
}

JinjaTemplate::JinjaTemplate(JinjaTemplate&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), name_(std::move(other.name_)) {}

JinjaTemplate& JinjaTemplate::operator=(JinjaTemplate&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(name_, other.name_);
  return *this;
}

std::string JinjaTemplate::render(const Json& context, std::optional<std::int64_t> now) const {
  std::string text;
  try {
    text = context.dump();
  } catch (const Json::exception& error) {
    throw bad_input("cannot render the Jinja template {}: its variables are not UTF-8 ({})", name_, error.what());
  }
  const std::int64_t seconds = now ? *now : static_cast<std::int64_t>(std::time(nullptr));
  BridgeText out;
  if (ballot_template_render(static_cast<const BallotTemplate*>(handle_), text.data(), text.size(), seconds,
                             out.out()) != 0)
    throw bad_input("cannot render the Jinja template {}: {}", name_, out.view());
  return out.str();
}

std::string render_jinja(std::string_view source, const Json& context, std::string name) {
  return JinjaTemplate(source, std::move(name)).render(context);
}

}  // namespace ballot
