// Addresses, what replies mean, and how much a server bears.
#include "net/server_reply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "net/api_request.h"
#include "net/endpoint.h"
#include "net/reply_json.h"

namespace ballot {
namespace {

TEST(ApiRequest, AnAddressBecomesTheBaseOfTheApi) {
  for (const char* url : {"http://h:8000", "http://h:8000/", "http://h:8000/v1", "http://h:8000/v1/",
                          "http://h:8000/v1/chat/completions", "http://h:8000/v1/completions"})
    EXPECT_EQ(api_base(url), "http://h:8000/v1") << url;
  EXPECT_EQ(api_base("https://h/deep/api"), "https://h/deep/api");
  for (const char* url : {"h:8000", "ftp://h", "http://", "http://user:secret@h/v1", "http://h/v1?key=secret"}) {
    try {
      api_base(url);
      FAIL() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.message().find("user:secret"), std::string::npos);
    }
  }
}

TEST(ServerReply, TheErrorBodiesOfAllServersAreUnderstood) {
  const auto error = [](const char* body) { return read_server_error(body); };
  EXPECT_EQ(error(R"({"error": {"message": "a", "type": "t", "param": null, "code": "insufficient_quota"}})").message,
            "a");
  EXPECT_TRUE(error(R"({"error": {"message": "a", "code": "insufficient_quota"}})").quota_spent());
  EXPECT_EQ(error(R"({"error": {"message": "b", "type": "BadRequestError", "code": 400}})").code, "400");
  EXPECT_EQ(error(R"({"object": "error", "message": "c", "type": "BadRequest", "code": 400})").message, "c");
  EXPECT_EQ(error(R"({"error": "d", "error_type": "validation"})").type, "validation");
  EXPECT_EQ(error(R"({"detail": "e"})").message, "e");
  EXPECT_EQ(error("<h1>Bad\nGateway</h1>").message, "<h1>Bad Gateway</h1>");
  EXPECT_EQ(error("").message, "an empty reply");
  for (
      const char* body :
      {R"({"error": {"message": "x", "code": "context_length_exceeded"}})",
       R"({"error": {"message": "This model's maximum context length is 4096 tokens, however", "code": 400}})",
       R"({"error": {"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error"}})"})
    EXPECT_TRUE(error(body).context_exceeded()) << body;
}

TEST(ServerReply, IsRetriedAsTheSpecificationSays) {
  const auto kind = [](int status, const char* body = "{}",
                       std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpReply reply;
    reply.status = status;
    reply.body = body;
    reply.headers = std::move(headers);
    return verdict_of(reply).kind;
  };
  EXPECT_EQ(kind(200), ReplyKind::kAnswer);
  for (const int status : {408, 409, 500, 502, 504, 529}) EXPECT_EQ(kind(status), ReplyKind::kRetry) << status;
  for (const int status : {429, 503}) EXPECT_EQ(kind(status), ReplyKind::kBusy) << status;
  for (const int status : {401, 403, 404, 302}) EXPECT_EQ(kind(status), ReplyKind::kStop) << status;
  for (const int status : {400, 413, 422, 501}) EXPECT_EQ(kind(status), ReplyKind::kRefused) << status;
  EXPECT_EQ(kind(429, R"({"error": {"code": "insufficient_quota", "message": "x"}})"), ReplyKind::kStop);
  EXPECT_EQ(kind(400, R"({"error": {"code": "context_length_exceeded", "message": "x"}})"), ReplyKind::kTooLong);
  EXPECT_EQ(kind(500, R"({"error": {"message": "[{'type': 'literal_error', 'msg': 'Input should be'}]"}})"),
            ReplyKind::kRefused);
  EXPECT_EQ(kind(500, "{}", {{"x-should-retry", "false"}}), ReplyKind::kRefused);
  EXPECT_EQ(kind(400, "{}", {{"x-should-retry", "true"}}), ReplyKind::kRetry);
}

TEST(ServerReply, TheWaitIsWhatTheServerSaysElseDoublesToEightSeconds) {
  const auto wait = [](const char* name, const char* value) {
    HttpReply reply;
    reply.headers = {{name, value}};
    return retry_after_seconds(reply, 784111777);  // 06 Nov 1994 08:49:37
  };
  EXPECT_EQ(wait("retry-after-ms", "1500"), 1.5);
  EXPECT_EQ(wait("retry-after", "20"), 20);
  EXPECT_EQ(wait("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), 30);
  EXPECT_EQ(wait("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), 0);
  EXPECT_FALSE(wait("retry-after", "soon"));
  EXPECT_FALSE(wait("x", "20"));
  EXPECT_EQ(backoff_seconds(0, 0), 0.5);
  EXPECT_EQ(backoff_seconds(3, 0), 4);
  EXPECT_EQ(backoff_seconds(50, 0), 8);
  EXPECT_EQ(backoff_seconds(1, 1), 0.75);
}

TEST(Endpoint, InFlightDoublesThenCreepsAndIsHalvedOncePerRoundTrip) {
  Endpoint endpoint("http://h/v1", "", 256);
  EXPECT_EQ(endpoint.window(), 16);
  for (int i = 0; i < 16; ++i) endpoint.succeeded();
  EXPECT_EQ(endpoint.window(), 32);
  for (int i = 0; i < 10; ++i) endpoint.busy(10 + i * 0.01, 9, 0);  // all sent before the first word came
  EXPECT_EQ(endpoint.window(), 16);
  endpoint.busy(11, 10.5, 0);
  EXPECT_EQ(endpoint.window(), 8);
  for (int i = 0; i < 8; ++i) endpoint.succeeded();
  EXPECT_NEAR(endpoint.window(), 9, 0.1);
  endpoint.busy(12, 11.5, 3);
  EXPECT_FALSE(endpoint.may_send(14.9));
  EXPECT_TRUE(endpoint.may_send(15));
}

TEST(Endpoint, FiveFailuresParkItUntilItsHealthIsGood) {
  Endpoint endpoint("http://h/v1", "", 4);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(endpoint.failed(i));
  EXPECT_TRUE(endpoint.failed(4));
  EXPECT_FALSE(endpoint.may_send(100));
  EXPECT_FALSE(endpoint.health_is_due(4.4));
  EXPECT_TRUE(endpoint.health_is_due(4.5));
  endpoint.health(4.6, false, false);
  EXPECT_FALSE(endpoint.health_is_due(5.5));
  EXPECT_TRUE(endpoint.health_is_due(5.6));
  endpoint.health(5.7, true, false);
  EXPECT_TRUE(endpoint.may_send(5.7));
  EXPECT_EQ(endpoint.window(), 1);
}

TEST(Endpoint, ATimeThatItAskedForIsKeptWhateverItsHealthSays) {
  Endpoint endpoint("http://h/v1", "", 4);
  endpoint.park(10, 610);
  endpoint.park(11, 200);  // another reply, which asked for less
  EXPECT_EQ(endpoint.opens_at(), 610);
  EXPECT_FALSE(endpoint.health_is_due(609));
  endpoint.health(20, true, false);  // asked before
  EXPECT_TRUE(endpoint.parked());
  EXPECT_FALSE(endpoint.may_send(609));
  EXPECT_FALSE(endpoint.health_is_due(609));
  EXPECT_TRUE(endpoint.health_is_due(611));
  endpoint.health(611, true, false);
  EXPECT_TRUE(endpoint.may_send(611));
}

TEST(RateLimit, LetsSoMuchThroughAMinute) {
  RateLimit limit(600);  // ten a second
  double time = 0;
  int taken = 0;
  while (time < 60) {
    if (const double wait = limit.wait(time, 1); wait > 0) {
      time += wait;
    } else {
      limit.take(time, 1);
      ++taken;
    }
  }
  EXPECT_NEAR(taken, 660, 2);  // and the tenth of a minute saved up at the start
  EXPECT_EQ(RateLimit(0).wait(0, 1e9), 0);
}

TEST(ReplyJson, BrokenBytesAndHalvesOfPairsAreReplaced) {
  EXPECT_EQ(with_valid_utf8("a\xff\xe2\x82z\xed\xa0\x80\xf0\x9f\x98\x80"),
            "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80");
  EXPECT_EQ(parse_reply("{\"a\": \"\xff \\ud83d\"}")["a"], "\xef\xbf\xbd \xef\xbf\xbd");
  EXPECT_TRUE(parse_reply("{\"a\": ").is_discarded());
  EXPECT_EQ(text_of(Json::parse(R"({"a": 7})"), "a"), "7");
  EXPECT_FALSE(count_of(Json::parse(R"({"a": -7})"), "a"));
}

}  // namespace
}  // namespace ballot
