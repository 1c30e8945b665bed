#include "models/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/random.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Safetensors : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ("safetensors_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& header, std::size_t data_bytes, std::int64_t length = -1) {
    const std::uint64_t n = length < 0 ? header.size() : static_cast<std::uint64_t>(length);
    std::string bytes(reinterpret_cast<const char*>(&n), 8);
    bytes += header + std::string(data_bytes, '\x01');
    std::ofstream(folder_ / "x.safetensors", std::ios::binary) << bytes;
    return folder_ / "x.safetensors";
  }
  std::string message(const std::string& header, std::size_t data_bytes, std::int64_t length = -1) {
    try {
      SafetensorsFile file(write(header, data_bytes, length));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.message();
    }
    return "no error";
  }
  fs::path folder_;
};

TEST_F(Safetensors, WhatIsWrittenIsReadBackWithItsTypes) {
  const NamedTensors tensors = {{"b", at::arange(6, at::kFloat).view({2, 3})},
                                {"half", at::arange(5, at::kHalf)},
                                {"brain", at::arange(3, at::kBFloat16)},
                                {"a", at::arange(4, at::kFloat)},
                                {"ids", at::arange(7, at::kLong)},
                                {"flags", at::tensor({1, 0, 1}, at::kByte)},
                                {"none", at::empty({0, 4}, at::kFloat)},
                                {"scalar", at::tensor(2.5)}};
  write_safetensors(folder_ / "x.safetensors", tensors);
  const SafetensorsFile file(folder_ / "x.safetensors");
  EXPECT_EQ(file.tensors().size(), tensors.size());
  EXPECT_EQ(file.metadata().at("format"), "pt");
  for (const auto& [name, tensor] : tensors) {
    EXPECT_TRUE(at::equal(file.read(name), tensor)) << name;
    EXPECT_EQ(file.read(name).scalar_type(), tensor.scalar_type()) << name;
  }
  EXPECT_LT(file.tensors().at("ids").begin, file.tensors().at("a").begin);
  EXPECT_LT(file.tensors().at("a").begin, file.tensors().at("b").begin);
}

TEST_F(Safetensors, HeaderEndsOnAMultipleOfEight) {
  for (const char* name : {"a", "ab", "abc", "abcdefgh"}) {
    write_safetensors(folder_ / "x.safetensors", {{name, at::zeros({1})}});
    const std::string bytes = read_file(folder_ / "x.safetensors");
    std::uint64_t n;
    std::memcpy(&n, bytes.data(), 8);
    EXPECT_EQ(n % 8, 0u);
  }
}

TEST_F(Safetensors, HostileHeadersAreErrors) {
  EXPECT_THAT(message("", 0, 1LL << 62), HasSubstr("header would have"));
  EXPECT_THAT(message("{}", 0, 200'000'000), HasSubstr("header would have"));
  EXPECT_THAT(message("{\"a\":", 0), HasSubstr("no safetensors header"));
  EXPECT_THAT(message("[1]", 0), HasSubstr("not a JSON object"));
  EXPECT_THAT(
      message(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
          8),
      HasSubstr("stands twice"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,800]}})", 8), HasSubstr("cut short"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), HasSubstr("cut short"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
              HasSubstr("its shape and dtype say 12"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})", 8),
              HasSubstr("larger than any file"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}})", 8),
              HasSubstr("larger than any file"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8),
              HasSubstr("not a whole number"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8),
              HasSubstr("not a whole number"));
  EXPECT_THAT(message(R"({"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}})", 8), HasSubstr("unknown dtype 'Q4'"));
  EXPECT_THAT(message(R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8), HasSubstr("no dtype"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8), HasSubstr("no shape"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2]}})", 8), HasSubstr("no data_offsets"));
  EXPECT_THAT(
      message(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
          12),
      HasSubstr("overlaps"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12), HasSubstr("belong to none"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 12),
              HasSubstr("belong to no tensor"));
  EXPECT_THAT(message(R"({"__metadata__":{"a":1}})", 0), HasSubstr("not a text"));
  EXPECT_THAT(message(R"({"a":{"dtype":"U64","shape":[0,9223372036854775807,4],"data_offsets":[0,0]}})", 0),
              HasSubstr("larger than any file"));
}

TEST_F(Safetensors, DeepNestingIsAnError) {
  EXPECT_NE(message("{\"a\":" + std::string(100000, '['), 8), "no error");
  EXPECT_NE(message("{\"a\":" + std::string(50000, '[') + std::string(50000, ']') + "}", 8), "no error");
}

TEST_F(Safetensors, TruncationAtEveryPlaceIsAnError) {
  write_safetensors(folder_ / "x.safetensors", {{"a", at::zeros({3})}, {"b", at::zeros({2, 2})}});
  const std::string bytes = read_file(folder_ / "x.safetensors");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    std::ofstream(folder_ / "cut.safetensors", std::ios::binary) << bytes.substr(0, n);
    EXPECT_THROW(SafetensorsFile(folder_ / "cut.safetensors"), Error) << n;
  }
}

TEST_F(Safetensors, RandomDamageIsReadOrRefusedNeverACrash) {
  write_safetensors(folder_ / "x.safetensors", {{"a", at::zeros({3})}, {"b", at::zeros({2, 2})}});
  const std::string bytes = read_file(folder_ / "x.safetensors");
  Random random(1, "damage");
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string damaged = bytes;
    for (std::uint64_t k = 0; k <= random.below(3); ++k)
      damaged[random.below(bytes.size())] = static_cast<char>(random.next());
    std::ofstream(folder_ / "d.safetensors", std::ios::binary) << damaged;
    try {
      const SafetensorsFile file(folder_ / "d.safetensors");
      for (const auto& [name, info] : file.tensors()) file.read(name);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_F(Safetensors, ManyBytesBecomeShardsAndOldFilesGo) {
  const NamedTensors tensors = {
      {"a", at::arange(10, at::kFloat)}, {"b", at::arange(10, at::kFloat)}, {"c", at::arange(3, at::kFloat)}};
  write_model_weights(folder_, tensors);
  EXPECT_TRUE(fs::exists(folder_ / "model.safetensors"));
  write_model_weights(folder_, tensors, 60);
  EXPECT_FALSE(fs::exists(folder_ / "model.safetensors"));
  EXPECT_TRUE(fs::exists(folder_ / "model-00002-of-00002.safetensors"));
  EXPECT_THAT(read_file(folder_ / "model.safetensors.index.json"), HasSubstr("\"total_size\": 92"));
  EXPECT_TRUE(at::equal(SafetensorsFile(folder_ / "model-00002-of-00002.safetensors").read("c"), tensors[2].second));
}

TEST_F(Safetensors, AFileThatIsNotThereSaysSo) {
  try {
    SafetensorsFile file(folder_ / "absent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("No such file"));
  }
  EXPECT_THROW(SafetensorsFile{folder_}, Error);
}

}  // namespace
}  // namespace ballot
