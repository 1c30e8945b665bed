// Damaged files against the readers of weights: whatever the bytes, a file is read or refused with an Error (input),
// and nothing else happens. Seeded; a second or two by default, as long as BALLOT_FUZZ_SECONDS says otherwise (each
// target gets a share). The file of the round lies at the printed path until the next one, so that a crash leaves its
// cause.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/random.h"
#include "models/gguf.h"
#include "models/golden_test_files.h"
#include "models/model.h"
#include "models/safetensors.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

/// Damages of the kinds that break readers: single bits and bytes, the numbers that overflow, pieces cut out, doubled,
/// moved or taken from the file's other end, digits in texts.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed, "fuzz") {}

  std::string damaged(std::string bytes) {
    const std::uint64_t count = 1 + random_.below(2);
    for (std::uint64_t i = 0; i < count && !bytes.empty(); ++i) damage(bytes);
    return bytes;
  }

 private:
  /// Most damage near the beginning, where the headers are.
  std::size_t place(const std::string& bytes) {
    const std::size_t span =
        random_.below(4) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 1 << (4 + random_.below(10)));
    return random_.below(span);
  }

  void damage(std::string& bytes) {
    static constexpr std::array<std::uint64_t, 12> kNumbers = {
        0,          1,          0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1ull << 32, (1ull << 62) - 1,
        1ull << 62, 1ull << 63, ~0ull};
    const std::size_t at = place(bytes);
    switch (random_.below(8)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_.below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random_.next());
        break;
      case 2: {
        const std::size_t width = std::min<std::size_t>(std::size_t{1} << random_.below(4), bytes.size() - at);
        std::uint64_t number = kNumbers[random_.below(kNumbers.size())];
        if (random_.below(4) == 0) number = bytes.size() + random_.below(17) - 8;
        std::memcpy(bytes.data() + at, &number, width);
        break;
      }
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(at, 1 + random_.below(64));
        break;
      case 5:
        bytes.insert(at, bytes.substr(place(bytes), 1 + random_.below(256)));
        break;
      case 6:
        bytes.replace(at, std::min<std::size_t>(8, bytes.size() - at),
                      bytes.substr(bytes.size() - std::min<std::size_t>(8, bytes.size())));
        break;
      default: {
        static const char* const kTexts[] = {"9223372036854775808",
                                             "-1",
                                             "18446744073709551616",
                                             "1e308",
                                             "null",
                                             "[",
                                             "{",
                                             "\"",
                                             "0.5",
                                             "true",
                                             "[[[[[[[[",
                                             "\\u0000"};
        const std::size_t digit = bytes.find_first_of("0123456789", at);
        const std::size_t from = digit == std::string::npos ? at : digit;
        std::size_t end = from;
        while (end < bytes.size() && bytes[end] >= '0' && bytes[end] <= '9') ++end;
        bytes.replace(from, std::max<std::size_t>(1, end - from), kTexts[random_.below(std::size(kTexts))]);
      }
    }
  }

  Random random_;
};

/// Rounds of damage to `original` at `file`, each read by `read`.
void fuzz(const std::string& name, const std::string& original, const fs::path& file, int rounds,
          const std::function<void()>& read) {
  const char* setting = std::getenv("BALLOT_FUZZ_SECONDS");
  const double seconds = setting ? std::atof(setting) : 0;
  const std::uint64_t seed =
      setting ? static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) : 1;
  std::printf("%s: seed %llu, the file of the round: %s\n", name.c_str(), static_cast<unsigned long long>(seed),
              file.c_str());
  std::fflush(stdout);
  Mutator mutator(seed);
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t done = 0, refused = 0;
  const auto more = [&] {
    if (seconds <= 0) return done < rounds;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < seconds;
  };
  for (; more(); ++done) {
    {
      std::ofstream out(file, std::ios::binary);
      out << mutator.damaged(original);
    }
    try {
      read();
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.kind(), ErrorKind::kInput) << "round " << done << ": " << error.message();
      EXPECT_FALSE(error.message().empty());
    } catch (const std::exception& error) {
      const fs::path kept = fs::path(testing::TempDir()) / ("ballot_fuzz_" + name + "_" + std::to_string(done));
      fs::copy_file(file, kept, fs::copy_options::overwrite_existing);
      FAIL() << "round " << done << ": " << error.what() << "; the file is kept: " << kept;
    }
  }
  std::printf("%s: %lld rounds, %lld refused\n", name.c_str(), static_cast<long long>(done),
              static_cast<long long>(refused));
  EXPECT_GT(refused, done / 20) << "the damage hardly ever hits";
}

TEST(ReaderFuzz, SafetensorsAreReadOrRefused) {
  const ScratchFolder scratch;
  const fs::path file = scratch.path() / "x.safetensors";
  write_safetensors(
      file,
      {{"a", at::zeros({3, 4})}, {"b", at::ones({5}, at::kHalf)}, {"c", at::zeros({0, 2})}, {"d", at::tensor(1.5)}});
  fuzz("safetensors", read_file(file), file, 800, [&] {
    const SafetensorsFile weights(file);
    for (const auto& [name, info] : weights.tensors()) weights.read(name, at::kFloat);
  });
}

TEST(ReaderFuzz, GgufFilesAreReadOrRefused) {
  const ScratchFolder scratch;
  const fs::path file = scratch.path() / "x.gguf";
  fuzz("gguf", read_file(golden("models/tiny_llama_gguf/tiny.gguf")), file, 250, [&] {
    const GgufFile weights(file);
    for (const auto& [name, tensor] : weights.tensors())
      if (tensor.type->dequantise) weights.read(name);
    load_tokenizer(file.string());
    load_model(file.string(), {.requires_grad = false});
  });
}

TEST(ReaderFuzz, ModelFoldersAreReadOrRefused) {
  const ScratchFolder scratch;
  for (const auto& entry : fs::directory_iterator(golden("models/tiny_llama")))
    fs::copy_file(entry.path(), scratch.path() / entry.path().filename());
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors"}) {
    const fs::path file = scratch.path() / name;
    const std::string original = read_file(file);
    fuzz(name, original, file, 200, [&] { load_model(scratch.path().string(), {.requires_grad = false}); });
    fs::remove(file);
    write_file(file, original);
  }
  const fs::path file = scratch.path() / "tokenizer_config.json";
  fuzz("tokenizer_config.json", read_file(file), file, 200, [&] { load_tokenizer(scratch.path().string()); });
}

}  // namespace
}  // namespace ballot
