#include "models/gguf.h"

#include <ATen/Parallel.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "models/mapped_file.h"

namespace ballot {
namespace {

constexpr std::uint64_t kMostEntries = 1u << 20;  ///< of tensors and keys; real files have hundreds
constexpr int kMostDimensions = 4;

/// Takes numbers and texts from the front of the file; every step checks that they are there.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  template <class T>
  T take(const char* what) {
    T value;
    if (bytes_.size() - at_ < sizeof value) throw cut_short(what);
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string take_text(const char* what) {
    const auto length = take<std::uint64_t>(what);
    if (length > bytes_.size() - at_) throw cut_short(what);
    std::string text(reinterpret_cast<const char*>(bytes_.data()) + at_, length);
    at_ += length;
    return text;
  }
  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  const std::string& file() const { return file_; }
  Error cut_short(const char* what) const {
    return bad_input("{} is damaged or cut short: it ends within {}", file_, what);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string file_;
  std::size_t at_ = 0;
};

Json take_value(Reader& reader, std::uint32_t type, const std::string& key, int depth) {
  switch (type) {
    case 0:
      return reader.take<std::uint8_t>("a value");
    case 1:
      return reader.take<std::int8_t>("a value");
    case 2:
      return reader.take<std::uint16_t>("a value");
    case 3:
      return reader.take<std::int16_t>("a value");
    case 4:
      return reader.take<std::uint32_t>("a value");
    case 5:
      return reader.take<std::int32_t>("a value");
    case 6:
      return reader.take<float>("a value");
    case 7:
      return reader.take<std::uint8_t>("a value") != 0;
    case 8:
      return reader.take_text("a value");
    case 9: {
      const auto element = reader.take<std::uint32_t>("an array");
      const auto count = reader.take<std::uint64_t>("an array");
      // Each element has at least one byte (a text eight), so a count beyond the file is told before memory is asked
      // for.
      if (count > reader.left()) throw reader.cut_short("an array");
      if (depth >= 3) throw bad_input("{} is damaged: the arrays of key '{}' lie too deep", reader.file(), key);
      Json array = Json::array();
      array.get_ref<Json::array_t&>().reserve(std::min<std::uint64_t>(count, 1u << 20));
      for (std::uint64_t i = 0; i < count; ++i) array.push_back(take_value(reader, element, key, depth + 1));
      return array;
    }
    case 10:
      return reader.take<std::uint64_t>("a value");
    case 11:
      return reader.take<std::int64_t>("a value");
    case 12:
      return reader.take<double>("a value");
    default:
      throw bad_input("{} is damaged: key '{}' has the unknown type {}", reader.file(), key, type);
  }
}

GgufTensor take_tensor(Reader& reader, const std::string& name, std::uint64_t alignment) {
  const auto dimensions = reader.take<std::uint32_t>("a tensor's description");
  if (dimensions == 0 || dimensions > kMostDimensions)
    throw bad_input("{} is damaged: tensor '{}' has {} dimensions", reader.file(), name, dimensions);
  GgufTensor tensor;
  std::uint64_t numbers = 1;
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    const auto size = reader.take<std::uint64_t>("a tensor's description");
    if (size == 0 || size > INT64_MAX || __builtin_mul_overflow(numbers, size, &numbers) || numbers > INT64_MAX / 16)
      throw bad_input("{} is damaged: the shape of tensor '{}' is empty or larger than any file", reader.file(), name);
    tensor.shape.insert(tensor.shape.begin(), static_cast<std::int64_t>(size));
  }
  tensor.type =
      &gguf_type(reader.take<std::uint32_t>("a tensor's description"), reader.file() + ": tensor '" + name + "'");
  if (tensor.shape.back() % tensor.type->values != 0)
    throw bad_input("{} is damaged: rows of {} numbers of tensor '{}' are no whole {} blocks", reader.file(),
                    tensor.shape.back(), name, tensor.type->name);
  tensor.bytes = numbers / tensor.type->values * tensor.type->bytes;
  tensor.begin = reader.take<std::uint64_t>("a tensor's description");
  if (tensor.begin % alignment != 0)
    throw bad_input("{} is damaged: tensor '{}' begins at byte {}, no multiple of {}", reader.file(), name,
                    tensor.begin, alignment);
  return tensor;
}

}  // namespace

GgufFile::GgufFile(const std::filesystem::path& path)
    : file_(std::make_unique<MappedFile>(path)), values_(std::make_unique<Json>(Json::object())) {
  Reader reader(file_->bytes(), path.string());
  if (reader.left() < 4 || std::memcmp(file_->bytes().data(), "GGUF", 4) != 0)
    throw bad_input("{} is not a GGUF file", path.string());
  reader.take<std::uint32_t>("its magic number");
  version_ = reader.take<std::uint32_t>("its version");
  if ((version_ & 0xffff) == 0)
    throw bad_input("{} is a GGUF file for big-endian machines, which Ballot does not read", path.string());
  if (version_ != 2 && version_ != 3)
    throw bad_input("{} is GGUF version {}; Ballot reads 2 and 3", path.string(), version_);
  const auto tensor_count = reader.take<std::uint64_t>("its header"),
             key_count = reader.take<std::uint64_t>("its header");
  if (tensor_count > kMostEntries || key_count > kMostEntries)
    throw bad_input("{} is damaged: it would have {} tensors and {} keys", path.string(), tensor_count, key_count);
  for (std::uint64_t i = 0; i < key_count; ++i) {
    const std::string key = reader.take_text("a key");
    const auto type = reader.take<std::uint32_t>("a key");
    if (values_->contains(key)) throw bad_input("{} is damaged: key '{}' stands twice", path.string(), key);
    (*values_)[key] = take_value(reader, type, key, 0);
  }
  std::uint64_t alignment = 32;
  if (const auto given = find_integer("general.alignment")) {
    if (*given <= 0 || *given > (1 << 20) || (*given & (*given - 1)) != 0)
      throw bad_input("{} is damaged: general.alignment is {}, no power of two", path.string(), *given);
    alignment = static_cast<std::uint64_t>(*given);
  }
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    const std::string name = reader.take_text("a tensor's description");
    if (tensors_.contains(name)) throw bad_input("{} is damaged: tensor '{}' stands twice", path.string(), name);
    tensors_[name] = take_tensor(reader, name, alignment);
  }
  data_begin_ = (reader.at() + alignment - 1) / alignment * alignment;
  const std::uint64_t size = file_->bytes().size();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pieces;
  for (const auto& [name, tensor] : tensors_) {
    if (data_begin_ > size || tensor.begin > size - data_begin_ || tensor.bytes > size - data_begin_ - tensor.begin)
      throw bad_input("{} is damaged or cut short: tensor '{}' lies outside it", path.string(), name);
    pieces.emplace_back(tensor.begin, tensor.begin + tensor.bytes);
  }
  std::sort(pieces.begin(), pieces.end());
  for (std::size_t i = 1; i < pieces.size(); ++i)
    if (pieces[i].first < pieces[i - 1].second)
      throw bad_input("{} is damaged: two tensors overlap at byte {} of the data", path.string(), pieces[i].first);
}

GgufFile::~GgufFile() = default;
GgufFile::GgufFile(GgufFile&&) noexcept = default;

const std::filesystem::path& GgufFile::path() const {
  return file_->path();
}

const Json& GgufFile::value(const std::string& key) const {
  const auto found = values_->find(key);
  if (found == values_->end()) throw bad_input("{} has no key '{}'", path().string(), key);
  return *found;
}
std::string GgufFile::text(const std::string& key) const {
  const Json& found = value(key);
  if (!found.is_string()) throw bad_input("{}: key '{}' is not a text", path().string(), key);
  return found.get<std::string>();
}
std::int64_t GgufFile::integer(const std::string& key) const {
  const Json& found = value(key);
  if (!found.is_number_integer() || (found.is_number_unsigned() && found.get<std::uint64_t>() > INT64_MAX))
    throw bad_input("{}: key '{}' is not a whole number", path().string(), key);
  return found.get<std::int64_t>();
}
double GgufFile::number(const std::string& key) const {
  const Json& found = value(key);
  if (!found.is_number()) throw bad_input("{}: key '{}' is not a number", path().string(), key);
  return found.get<double>();
}
std::optional<std::int64_t> GgufFile::find_integer(const std::string& key) const {
  return values_->contains(key) ? std::optional(integer(key)) : std::nullopt;
}
std::optional<double> GgufFile::find_number(const std::string& key) const {
  return values_->contains(key) ? std::optional(number(key)) : std::nullopt;
}
std::optional<std::string> GgufFile::find_text(const std::string& key) const {
  return values_->contains(key) ? std::optional(text(key)) : std::nullopt;
}

at::Tensor GgufFile::read(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw bad_input("{} has no tensor '{}'", path().string(), name);
  const GgufTensor& tensor = found->second;
  at::Tensor result = at::empty(tensor.shape, at::kFloat);
  const auto* from = reinterpret_cast<const unsigned char*>(file_->bytes().data()) + data_begin_ + tensor.begin;
  float* to = result.mutable_data_ptr<float>();
  const GgufType& type = *tensor.type;
  at::parallel_for(0, result.numel() / type.values, 4096, [&](std::int64_t begin, std::int64_t end) {
    type.dequantise(from + begin * type.bytes, to + begin * type.values, end - begin);
  });
  file_->forget(
      {reinterpret_cast<const std::byte*>(from), static_cast<std::size_t>(result.numel() / type.values * type.bytes)});
  return result;
}

}  // namespace ballot
