#include "models/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "models/mapped_file.h"

namespace ballot {
namespace {

constexpr std::uint64_t kLongestHeader = 100'000'000;

struct DataType {
  std::string name;
  std::int64_t bytes;
  at::ScalarType type;  ///< Undefined: known to the format, unknown to libtorch
};
const std::vector<DataType>& data_types() {
  static const std::vector<DataType> all = {{"F64", 8, at::kDouble},
                                            {"I64", 8, at::kLong},
                                            {"U64", 8, at::ScalarType::Undefined},
                                            {"C64", 8, at::ScalarType::Undefined},
                                            {"F32", 4, at::kFloat},
                                            {"I32", 4, at::kInt},
                                            {"U32", 4, at::ScalarType::Undefined},
                                            {"F16", 2, at::kHalf},
                                            {"BF16", 2, at::kBFloat16},
                                            {"I16", 2, at::kShort},
                                            {"U16", 2, at::ScalarType::Undefined},
                                            {"I8", 1, at::kChar},
                                            {"U8", 1, at::kByte},
                                            {"BOOL", 1, at::kBool},
                                            {"F8_E4M3", 1, at::ScalarType::Undefined},
                                            {"F8_E5M2", 1, at::ScalarType::Undefined},
                                            {"F8_E4M3FNUZ", 1, at::ScalarType::Undefined},
                                            {"F8_E5M2FNUZ", 1, at::ScalarType::Undefined}};
  return all;
}
const DataType* find_type(const std::string& name) {
  for (const DataType& type : data_types())
    if (type.name == name) return &type;
  return nullptr;
}
const DataType& type_of(at::ScalarType scalar) {
  for (const DataType& type : data_types())
    if (type.type == scalar) return type;
  throw failed("a tensor of type {} cannot be written as safetensors", c10::toString(scalar));
}

/// The header as JSON; names that stand there twice are an error, which a plain parse would hide.
Json parse_header(const std::string& text, const std::string& file) {
  std::vector<std::set<std::string>> seen;
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) {
      seen.resize(depth + 1);
      seen[depth].clear();
    } else if (event == Json::parse_event_t::key && depth >= 1 &&
               !seen[depth - 1].insert(value.get<std::string>()).second) {
      if (twice.empty()) twice = value.get<std::string>();
    }
    return depth <= 4;  // names, fields, shapes: nothing lies deeper
  };
  Json header;
  try {
    header = Json::parse(text, watch);
  } catch (const Json::exception& error) {
    throw bad_input("{} has no safetensors header: {}", file, error.what());
  }
  if (!twice.empty()) throw bad_input("{} is damaged: '{}' stands twice in its header", file, twice);
  if (!header.is_object()) throw bad_input("{} has no safetensors header: not a JSON object", file);
  return header;
}

std::uint64_t whole(const Json& value, const std::string& file, const std::string& name, const char* field) {
  if (!value.is_number_unsigned())
    throw bad_input("{} is damaged: {} of tensor '{}' is not a whole number", file, field, name);
  return value.get<std::uint64_t>();
}

TensorInfo parse_tensor(const std::string& name, const Json& entry, std::uint64_t data_size, const std::string& file) {
  const auto missing = [&](const char* what) {
    return bad_input("{} is damaged: tensor '{}' has no {}", file, name, what);
  };
  if (!entry.is_object()) throw missing("description");
  TensorInfo info;
  if (!entry.contains("dtype") || !entry["dtype"].is_string()) throw missing("dtype");
  info.dtype = entry["dtype"].get<std::string>();
  const DataType* type = find_type(info.dtype);
  if (!type) throw bad_input("{}: tensor '{}' has the unknown dtype '{}'", file, name, info.dtype);
  if (!entry.contains("shape") || !entry["shape"].is_array()) throw missing("shape");
  std::uint64_t bytes = static_cast<std::uint64_t>(type->bytes);
  bool overflow = false, empty = false;
  for (const Json& size : entry["shape"]) {
    const std::uint64_t n = whole(size, file, name, "shape");
    empty |= n == 0;
    overflow |= n > INT64_MAX || __builtin_mul_overflow(bytes, std::max<std::uint64_t>(n, 1), &bytes);
    info.shape.push_back(static_cast<std::int64_t>(n));
  }
  if (overflow || bytes > INT64_MAX)
    throw bad_input("{} is damaged: the shape of tensor '{}' is larger than any file", file, name);
  if (empty) bytes = 0;
  if (!entry.contains("data_offsets") || !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2)
    throw missing("data_offsets");
  info.begin = whole(entry["data_offsets"][0], file, name, "data_offsets");
  info.end = whole(entry["data_offsets"][1], file, name, "data_offsets");
  if (info.begin > info.end || info.end > data_size)
    throw bad_input("{} is damaged or cut short: tensor '{}' lies at bytes {} to {} of {}", file, name, info.begin,
                    info.end, data_size);
  if (info.end - info.begin != bytes)
    throw bad_input("{} is damaged: tensor '{}' has {} bytes, its shape and dtype say {}", file, name,
                    info.end - info.begin, bytes);
  return info;
}

void check_cover(const std::map<std::string, TensorInfo>& tensors, std::uint64_t data_size, const std::string& file) {
  std::vector<std::pair<const std::string*, const TensorInfo*>> by_place;
  for (const auto& [name, info] : tensors) by_place.emplace_back(&name, &info);
  std::sort(by_place.begin(), by_place.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  std::uint64_t covered = 0;
  for (const auto& [name, info] : by_place) {
    if (info->begin < covered) throw bad_input("{} is damaged: tensor '{}' overlaps another", file, *name);
    if (info->begin > covered)
      throw bad_input("{} is damaged: the {} bytes before tensor '{}' belong to none", file, info->begin - covered,
                      *name);
    covered = info->end;
  }
  if (covered != data_size)
    throw bad_input("{} is damaged: the last {} bytes belong to no tensor", file, data_size - covered);
}

}  // namespace

std::int64_t TensorInfo::numbers() const {
  std::int64_t n = 1;
  for (const std::int64_t size : shape) n *= size;
  return n;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(std::make_unique<MappedFile>(path)) {
  const std::string file = path.string();
  const auto bytes = file_->bytes();
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length)
    throw bad_input("{} is not a safetensors file: it has {} bytes", file, bytes.size());
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kLongestHeader || length > bytes.size() - sizeof length)
    throw bad_input("{} is not a safetensors file or is cut short: its header would have {} bytes, the file has {}",
                    file, length, bytes.size());
  data_begin_ = sizeof length + length;
  const std::uint64_t data_size = bytes.size() - data_begin_;
  const Json header =
      parse_header(std::string(reinterpret_cast<const char*>(bytes.data()) + sizeof length, length), file);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) throw bad_input("{} is damaged: its metadata is not an object", file);
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) throw bad_input("{} is damaged: metadata '{}' is not a text", file, key);
        metadata_[key] = value.get<std::string>();
      }
    } else {
      tensors_[name] = parse_tensor(name, entry, data_size, file);
    }
  }
  check_cover(tensors_, data_size, file);
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;

const std::filesystem::path& SafetensorsFile::path() const {
  return file_->path();
}

at::Tensor SafetensorsFile::read(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw bad_input("{} has no tensor '{}'", path().string(), name);
  const TensorInfo& info = found->second;
  const DataType* type = find_type(info.dtype);
  if (type->type == at::ScalarType::Undefined)
    throw bad_input("{}: tensor '{}' is stored as {}, which Ballot does not read", path().string(), name, info.dtype);
  at::Tensor tensor = at::empty(info.shape, at::TensorOptions().dtype(type->type));
  if (info.end > info.begin) {
    const auto bytes = file_->bytes().subspan(data_begin_ + info.begin, info.end - info.begin);
    std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
    file_->forget(bytes);
  }
  return tensor;
}

at::Tensor SafetensorsFile::read(const std::string& name, at::ScalarType type) const {
  const at::Tensor stored = read(name);
  return stored.scalar_type() == type ? stored : stored.to(type);
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const std::pair<std::string, at::Tensor>*> order;
  for (const auto& entry : tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const auto size = [](const auto* e) { return -static_cast<std::int64_t>(e->second.element_size()); };
    return std::pair(size(a), a->first) < std::pair(size(b), b->first);
  });
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    if (header.contains(name)) throw failed("tensor '{}' would stand twice in {}", name, path.string());
    const std::uint64_t bytes = tensor.nbytes();
    header[name] = {{"dtype", type_of(tensor.scalar_type()).name},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.write({reinterpret_cast<const char*>(&length), sizeof length});
  file.write(text);
  for (const auto* entry : order) {
    const at::Tensor tensor = entry->second.detach().cpu().contiguous();
    if (tensor.nbytes() > 0) file.write({static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()});
  }
  file.commit();
}

void write_model_weights(const std::filesystem::path& folder, const NamedTensors& tensors, std::uint64_t shard_bytes) {
  std::vector<NamedTensors> shards(1);
  std::uint64_t in_shard = 0, total_bytes = 0;
  std::int64_t total_numbers = 0;
  for (const auto& entry : tensors) {
    if (in_shard > 0 && in_shard + entry.second.nbytes() > shard_bytes) {
      shards.emplace_back();
      in_shard = 0;
    }
    in_shard += entry.second.nbytes();
    total_bytes += entry.second.nbytes();
    total_numbers += entry.second.numel();
    shards.back().push_back(entry);
  }
  std::set<std::string> written;
  Json weight_map = Json::object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shards.size() == 1 ? "model.safetensors"
                                                : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    write_safetensors(folder / name, shards[i]);
    written.insert(name);
    for (const auto& entry : shards[i]) weight_map[entry.first] = name;
  }
  const std::string index = "model.safetensors.index.json";
  if (shards.size() > 1) {
    Json content = {{"metadata", {{"total_size", total_bytes}, {"total_parameters", total_numbers}}},
                    {"weight_map", std::move(weight_map)}};
    write_file(folder / index, content.dump(2) + "\n");
    written.insert(index);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool weights = name == index || (name.starts_with("model") && name.ends_with(".safetensors"));
    if (weights && !written.contains(name)) std::filesystem::remove(entry.path());
  }
}

}  // namespace ballot
