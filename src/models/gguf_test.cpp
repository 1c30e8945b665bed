// GGUF against the gguf package and transformers (tests/oracles/gguf_files.py), and files made to harm.
#include "models/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "models/golden_test_files.h"
#include "models/model.h"
#include "models/safetensors.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace {

using ::testing::HasSubstr;

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(GgufBlocks, EveryTypeEqualsTheReferenceExactly) {
  const Json golden_types = golden_json("gguf_blocks.json")["types"];
  EXPECT_EQ(golden_types.size(), 10u);
  for (const auto& [name, expected] : golden_types.items()) {
    const GgufType& type = gguf_type(expected["type_id"].get<std::uint32_t>(), "test");
    EXPECT_EQ(type.name, name);
    EXPECT_EQ(type.values, expected["block_values"].get<std::int64_t>());
    EXPECT_EQ(type.bytes, expected["block_bytes"].get<std::int64_t>());
    const std::string bytes = bytes_of(expected["hex"].get<std::string>());
    const auto values = expected["values"].get<std::vector<double>>();
    std::vector<float> ours(values.size());
    type.dequantise(reinterpret_cast<const unsigned char*>(bytes.data()), ours.data(),
                    static_cast<std::int64_t>(bytes.size()) / type.bytes);
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(ours[i], static_cast<float>(values[i])) << name << " " << i;
  }
}

TEST(GgufBlocks, UnreadTypesAreNamed) {
  try {
    gguf_type(10, "x.gguf: tensor 'a'");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("type 10 (Q2_K), which Ballot does not read (it reads F32, F16, Q4_0"));
  }
}

std::string float_hash(const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  return sha256_hex({static_cast<const char*>(whole.const_data_ptr()), whole.nbytes()});
}

void expect_tensors(const Model& model, const Json& expected) {
  EXPECT_EQ(model.parameters().size(), expected.size());
  for (const auto& [name, tensor] : model.parameters()) {
    ASSERT_TRUE(expected.contains(name)) << name;
    EXPECT_EQ(tensor.sizes().vec(), expected[name]["shape"].get<std::vector<std::int64_t>>()) << name;
    EXPECT_EQ(float_hash(tensor.detach()), expected[name]["sha256"].get<std::string>()) << name;
  }
}

TEST(Gguf, TheTinyFileIsTheSameModelAsItsFolder) {
  const std::string path = golden("models/tiny_llama_gguf/tiny.gguf").string();
  const auto model = load_model(path);
  const Json expected = golden_json("models/tiny_llama_gguf/expected.json");
  expect_tensors(*model, expected["tensors"]);
  const SafetensorsFile logits(golden("models/tiny_llama_gguf/expected.safetensors"));
  const auto sequences = expected["input_ids"].get<std::vector<std::vector<std::int32_t>>>();
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    Forest forest;
    forest.add_run(-1, sequences[s]);
    const at::Tensor ours = model->hidden_states(forest).mm(model->head_weight().t());
    EXPECT_LT((ours - logits.read("logits." + std::to_string(s))).abs().max().item<double>(), 1e-5);
  }
}

TEST(Gguf, Smollm2sTensorsEqualTheReferenceExactly) {
  if (smollm2_gguf().empty()) GTEST_SKIP() << "SmolLM2 is not among the fetched parts";
  const auto model = load_model(smollm2_gguf().string(), {.requires_grad = false});
  expect_tensors(*model, golden_json("smollm2_tensors.json")["tensors"]);
  EXPECT_EQ(model->shape().architecture, "LlamaForCausalLM");
  EXPECT_EQ(model->config()["rms_norm_eps"].get<double>(), 1e-5);
  EXPECT_EQ(model->config()["rope_theta"].get<double>(), 100000);
  EXPECT_TRUE(model->shape().tied_head);
}

/// Writes GGUF files piece by piece.
class GgufWriter {
 public:
  template <class T>
  GgufWriter& put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufWriter& text(const std::string& value) {
    put<std::uint64_t>(value.size());
    bytes_ += value;
    return *this;
  }
  GgufWriter& head(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    bytes_ += "GGUF";
    return put(version).put(tensors).put(keys);
  }
  GgufWriter& tensor(const std::string& name, std::vector<std::uint64_t> sizes, std::uint32_t type,
                     std::uint64_t offset) {
    text(name).put<std::uint32_t>(static_cast<std::uint32_t>(sizes.size()));
    for (const std::uint64_t size : sizes) put(size);
    return put(type).put(offset);
  }
  GgufWriter& data(std::size_t n) {
    bytes_.resize((bytes_.size() + 31) / 32 * 32 + n, '\x01');
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::string message(const std::string& bytes) {
  const ScratchFolder scratch;
  write_file(scratch.path() / "x.gguf", bytes);
  try {
    const GgufFile file(scratch.path() / "x.gguf");
    for (const auto& [name, tensor] : file.tensors()) file.read(name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.message();
  }
  return "no error";
}

TEST(Gguf, HostileHeadersAreErrors) {
  using W = GgufWriter;
  EXPECT_EQ(message(W().head(1, 0).tensor("a", {4}, 0, 0).data(16).bytes()), "no error");
  EXPECT_THAT(message("GG"), HasSubstr("is not a GGUF file"));
  EXPECT_THAT(message("GGML" + std::string(40, 'x')), HasSubstr("is not a GGUF file"));
  EXPECT_THAT(message(W().head(0, 0, 1).bytes()), HasSubstr("version 1"));
  EXPECT_THAT(message(W().head(0, 0, 3u << 24).bytes()), HasSubstr("big-endian"));
  EXPECT_THAT(message(W().head(1ull << 63, 0).bytes()), HasSubstr("9223372036854775808 tensors"));
  EXPECT_THAT(message(W().head(0, 1).put<std::uint64_t>(1ull << 63).bytes()), HasSubstr("cut short"));
  EXPECT_THAT(message(W().head(0, 1).text("k").put<std::uint32_t>(99).bytes()), HasSubstr("unknown type 99"));
  EXPECT_THAT(
      message(
          W().head(0, 1).text("k").put<std::uint32_t>(9).put<std::uint32_t>(4).put<std::uint64_t>(1ull << 62).bytes()),
      HasSubstr("cut short"));
  EXPECT_THAT(message(W().head(0, 2)
                          .text("k")
                          .put<std::uint32_t>(4)
                          .put<std::uint32_t>(4)
                          .text("k")
                          .put<std::uint32_t>(4)
                          .put<std::uint32_t>(4)
                          .bytes()),
              HasSubstr("'k' stands twice"));
  EXPECT_THAT(message(W().head(0, 1).text("general.alignment").put<std::uint32_t>(4).put<std::uint32_t>(24).bytes()),
              HasSubstr("no power of two"));
  EXPECT_THAT(message(W().head(0, 1).text("general.alignment").put<std::uint32_t>(4).put<std::uint32_t>(0).bytes()),
              HasSubstr("no power of two"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {}, 0, 0).data(16).bytes()), HasSubstr("has 0 dimensions"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {1, 1, 1, 1, 1}, 0, 0).data(16).bytes()),
              HasSubstr("has 5 dimensions"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {1ull << 62, 4}, 0, 0).data(16).bytes()),
              HasSubstr("larger than any file"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {1ull << 63}, 0, 0).data(16).bytes()),
              HasSubstr("larger than any file"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {0}, 0, 0).data(16).bytes()), HasSubstr("is empty"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {40}, 2, 0).data(64).bytes()), HasSubstr("no whole Q4_0 blocks"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {4}, 77, 0).data(16).bytes()), HasSubstr("type 77"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {4}, 0, 8).data(64).bytes()), HasSubstr("no multiple of 32"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {400}, 0, 0).data(16).bytes()), HasSubstr("lies outside"));
  EXPECT_THAT(message(W().head(1, 0).tensor("a", {4}, 0, 1ull << 62).data(16).bytes()), HasSubstr("lies outside"));
  EXPECT_THAT(message(W().head(2, 0).tensor("a", {4}, 0, 0).tensor("a", {4}, 0, 32).data(64).bytes()),
              HasSubstr("stands twice"));
  EXPECT_THAT(message(W().head(2, 0).tensor("a", {16}, 0, 0).tensor("b", {4}, 0, 32).data(64).bytes()),
              HasSubstr("overlap"));
  GgufWriter deep;
  deep.head(0, 1).text("k").put<std::uint32_t>(9);
  for (int i = 0; i < 1000; ++i) deep.put<std::uint32_t>(9).put<std::uint64_t>(1);
  EXPECT_THAT(message(deep.bytes()), HasSubstr("too deep"));
}

TEST(Gguf, RandomDamageIsReadOrRefusedNeverACrash) {
  const std::string bytes = read_file(golden("models/tiny_llama_gguf/tiny.gguf"));
  const ScratchFolder scratch;
  Random random(1, "damage");
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    // Most of the damage where it hurts, in the header.
    for (std::uint64_t k = 0; k <= random.below(3); ++k)
      damaged[random.below(12000)] = static_cast<char>(random.next());
    if (random.below(10) == 0) damaged.resize(random.below(bytes.size()));
    std::ofstream(scratch.path() / "x.gguf", std::ios::binary) << damaged;
    try {
      load_model((scratch.path() / "x.gguf").string(), {.requires_grad = false});
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 10);
}

TEST(Gguf, AMissingKeyIsNamed) {
  const ScratchFolder scratch;
  write_file(scratch.path() / "x.gguf",
             GgufWriter().head(0, 1).text("general.architecture").put<std::uint32_t>(8).text("llama").bytes());
  try {
    load_model((scratch.path() / "x.gguf").string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("has no tensor 'token_embd.weight'"));
  }
  write_file(scratch.path() / "x.gguf",
             GgufWriter().head(0, 1).text("general.architecture").put<std::uint32_t>(8).text("lama").bytes());
  try {
    load_model((scratch.path() / "x.gguf").string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("did you mean 'llama'?"));
  }
}

}  // namespace
}  // namespace ballot
