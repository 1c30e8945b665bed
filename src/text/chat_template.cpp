#include "text/chat_template.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "text/jinja.h"

namespace ballot {

const std::string_view kChatMlTemplate =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
    "'\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

ChatTemplate::ChatTemplate(std::string source, std::map<std::string, std::string> special_tokens)
    : source_(std::make_shared<const std::string>(std::move(source))),
      template_(std::make_shared<const JinjaTemplate>(*source_, "of the chat", JinjaDialect::kChat)),
      special_tokens_(std::move(special_tokens)) {}

std::string ChatTemplate::render(std::span<const Message> messages, const ChatTemplateOptions& options) const {
  Json list = Json::array();
  for (const Message& message : messages) list.push_back({{"role", message.role}, {"content", message.content}});
  return render_json(list, options);
}

std::string ChatTemplate::render(std::span<const Message> messages, bool add_generation_prompt) const {
  return render(messages, ChatTemplateOptions{.add_generation_prompt = add_generation_prompt});
}

std::string ChatTemplate::render_json(const Json& messages, const ChatTemplateOptions& options) const {
  Json context = Json::object();
  context["messages"] = messages;
  context["add_generation_prompt"] = options.add_generation_prompt;
  // Defined and none, as transformers hands them over: templates ask both ways.
  context["tools"] = nullptr;
  context["documents"] = nullptr;
  for (const auto& [name, token] : special_tokens_) context[name] = token;
  if (options.variables)
    for (const auto& [name, value] : options.variables->items()) context[name] = value;
  return template_->render(context, options.now);
}

bool ChatTemplate::depends_on_date() const {
  return source_->find("strftime_now") != std::string::npos;
}

}  // namespace ballot
