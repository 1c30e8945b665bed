#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

using ::testing::HasSubstr;

const std::vector<Message> kTalk = {{"system", "Be brief."}, {"user", " Hi \n"}, {"assistant", "Hello!"}};

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST(ChatTemplate, ChatMlIsByteForByteWhatTheFieldUses) {
  const ChatTemplate chat{std::string(kChatMlTemplate)};
  EXPECT_EQ(chat.render(kTalk, true),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi "
            "\n<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n"
            "<|im_start|>assistant\n");
}

TEST(ChatTemplate, BlocksAreTrimmedAndTheLastNewlineIsDropped) {
  const ChatTemplate chat(
      "{% for m in messages %}\n    {% if m.role == 'user' %}\nU:{{ m.content.strip() }}\n    {% endif %}\n{% endfor "
      "%}\n\n");
  EXPECT_EQ(chat.render(kTalk, false), "U:Hi\n");
}

TEST(ChatTemplate, SpecialTokensAndVariablesAreThere) {
  const ChatTemplate chat(
      "{{ bos_token }}{% if enable_thinking is defined and not enable_thinking %}off{% endif %}{{ unknown }}",
      {{"bos_token", "<s>"}});
  const Json variables = {{"enable_thinking", false}};
  EXPECT_EQ(chat.render(kTalk, {.variables = &variables}), "<s>off");
  EXPECT_EQ(chat.render(kTalk, false), "<s>");
}

TEST(ChatTemplate, ARefusalCarriesTheTemplatesWords) {
  const ChatTemplate chat(
      "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}");
  EXPECT_THAT(error_of([&] { chat.render(kTalk, false); }),
              HasSubstr("the template refuses: System role not supported"));
}

TEST(ChatTemplate, TheDateCanBeHeldStill) {
  const ChatTemplate chat("{{ strftime_now('%d %b %Y %H:%M %A %j %-d %y') }}");
  EXPECT_TRUE(chat.depends_on_date());
  EXPECT_EQ(chat.render({}, {.now = 1721952000}), "26 Jul 2024 00:00 Friday 208 26 24");
  EXPECT_EQ(chat.render({}, {.now = 951782399}), "28 Feb 2000 23:59 Monday 059 28 00");
  EXPECT_EQ(chat.render({}, {.now = -1}), "31 Dec 1969 23:59 Wednesday 365 31 69");
  EXPECT_FALSE(ChatTemplate("x").depends_on_date());
}

TEST(ChatTemplate, JsonIsWrittenAsPythonWritesIt) {
  const ChatTemplate chat(
      "{{ messages[0] | tojson }}\n{{ messages[0] | tojson(indent=2) }}\n{{ messages | tojson(separators=(',', ':')) "
      "}}");
  Json message = {{"role", "t<o>ol"},
                  {"content", {{"b", 1.0}, {"a", "\u00e9"}, {"empty", Json::array()}, {"big", 1e22}}}};
  EXPECT_EQ(chat.render_json(Json::array({message})),
            "{\"role\": \"t<o>ol\", \"content\": {\"b\": 1.0, \"a\": \"\u00e9\", \"empty\": [], \"big\": 1e+22}}\n"
            "{\n  \"role\": \"t<o>ol\",\n  \"content\": {\n    \"b\": 1.0,\n    \"a\": \"\u00e9\",\n    \"empty\": "
            "[],\n    \"big\": 1e+22\n  }\n}\n"
            "[{\"role\":\"t<o>ol\",\"content\":{\"b\":1.0,\"a\":\"\u00e9\",\"empty\":[],\"big\":1e+22}}]");
}

TEST(ChatTemplate, GenerationMarksChangeNothing) {
  const ChatTemplate chat(
      "{% for m in messages %}\n{%- generation %}\n{{ m.content }}{% endgeneration -%}\n.{% endfor %}");
  EXPECT_EQ(chat.render(std::vector<Message>{{"user", "a"}, {"user", "b"}}, false), "a.b.");
}

TEST(ChatTemplate, PythonsMethodsWork) {
  const ChatTemplate chat(
      "{{ 'a</think>b'.split('</think>')[-1] }}|{{ 'xay'.removeprefix('x').upper() }}|{{ 'k=v=w'.partition('=')[2] }}|"
      "{{ 'a.b.c'.rsplit('.', 1)[0] }}|{% for k, v in {'x': 1}.items() %}{{ k }}{{ v }}{% endfor %}|{{ "
      "messages[::-1][0].role }}|"
      "{{ 'ab'.startswith('a') }}|{{ none }}");
  EXPECT_EQ(chat.render(kTalk, false), "b|AY|v=w|a.b|x1|assistant|True|None");
}

TEST(ChatTemplate, LoopControlsAndNamespacesWork) {
  const ChatTemplate chat(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% if loop.last %}{% break %}{% endif %}{% set ns.n = ns.n "
      "+ 1 %}{% endfor %}{{ ns.n }}");
  EXPECT_EQ(chat.render(kTalk, false), "2");
}

TEST(ChatTemplate, ATemplateThatIsNotValidNamesTheLine) {
  EXPECT_THAT(error_of([] { ChatTemplate("line one\n{% if %}"); }), HasSubstr("line 2"));
}

TEST(ChatTemplate, ATemplateThatNeverEndsIsStopped) {
  const ChatTemplate chat(
      "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% "
      "endfor %}");
  EXPECT_THAT(error_of([&] { chat.render({}, false); }), HasSubstr("fuel"));
}

}  // namespace
}  // namespace ballot
