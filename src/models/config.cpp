#include "models/config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "core/error.h"
#include "core/suggest.h"

namespace ballot {

ConfigReader::ConfigReader(const Json& object, std::string context) : object_(object), context_(std::move(context)) {
  if (!object_.is_object()) throw bad_input("{} is not a JSON object", context_);
}

const Json* ConfigReader::find(const std::string& key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}
bool ConfigReader::has(const std::string& key) const {
  return find(key) != nullptr;
}

namespace {
Error missing(const std::string& context, const std::string& key) {
  return bad_input("{} has no field '{}'", context, key);
}
Error wrong(const std::string& context, const std::string& key, const Json& value, const char* wanted) {
  return bad_input("{}: field '{}' is {}, wanted {}", context, key, value.dump(), wanted);
}
}  // namespace

std::int64_t ConfigReader::integer(const std::string& key) const {
  if (!has(key)) throw missing(context_, key);
  return integer(key, 0);
}
std::int64_t ConfigReader::integer(const std::string& key, std::int64_t otherwise) const {
  const Json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_number_integer() || *value < 1 || *value > (std::int64_t{1} << 40))
    throw wrong(context_, key, *value, "a whole number from 1");
  return value->get<std::int64_t>();
}
double ConfigReader::number(const std::string& key) const {
  if (!has(key)) throw missing(context_, key);
  return number(key, 0);
}
double ConfigReader::number(const std::string& key, double otherwise) const {
  const Json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_number()) throw wrong(context_, key, *value, "a number");
  return value->get<double>();
}
bool ConfigReader::flag(const std::string& key, bool otherwise) const {
  const Json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_boolean()) throw wrong(context_, key, *value, "true or false");
  return value->get<bool>();
}
std::string ConfigReader::text(const std::string& key) const {
  if (!has(key)) throw missing(context_, key);
  return text(key, "");
}
std::string ConfigReader::text(const std::string& key, const std::string& otherwise) const {
  const Json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_string()) throw wrong(context_, key, *value, "a text");
  return value->get<std::string>();
}
void ConfigReader::only(const std::string& key, const std::string& word) const {
  if (has(key) && text(key) != word)
    throw bad_input("{}: {} '{}' is not computed here, only '{}'", context_, key, text(key), word);
}
void ConfigReader::absent(const std::string& key) const {
  const Json* value = find(key);
  if (value && *value != false && *value != 0)
    throw bad_input("{}: {} = {} is not computed here", context_, key, value->dump());
}

RopeParameters rope_parameters(const ConfigReader& config, const std::string& kind) {
  RopeParameters rope;
  const Json& json = config.json();
  Json fields = Json::object();
  std::string context = config.context();
  if (config.has("rope_parameters")) {
    fields = json["rope_parameters"];
    context += ": rope_parameters";
    if (fields.is_object() && fields.contains(kind)) {
      fields = fields[kind];
      context += "." + kind;
    }
    const ConfigReader reader(fields, context);
    rope.theta = reader.number("rope_theta", kind == "sliding_attention" ? config.number("rope_local_base_freq", 10000)
                                                                         : config.number("rope_theta", 10000));
  } else {
    rope.theta = config.number("rope_theta", 10000);
    if (config.has("rope_scaling")) {
      fields = json["rope_scaling"];
      context += ": rope_scaling";
    }
  }
  const ConfigReader reader(fields, context);
  rope.type = reader.text("rope_type", reader.text("type", "default"));
  const std::vector<std::string> known = {"default", "linear", "llama3"};
  if (std::find(known.begin(), known.end(), rope.type) == known.end())
    throw bad_input("{}: unknown rope_type '{}'{}", context, rope.type, did_you_mean(rope.type, known));
  if (rope.type != "default") rope.factor = reader.number("factor");
  if (rope.type == "llama3") {
    rope.low_frequency_factor = reader.number("low_freq_factor");
    rope.high_frequency_factor = reader.number("high_freq_factor");
    rope.original_context = reader.integer("original_max_position_embeddings");
  }
  if (!(rope.theta > 0) || !(rope.factor > 0)) throw bad_input("{}: theta and factor must be positive", context);
  return rope;
}

std::vector<double> rope_frequencies(const RopeParameters& rope, std::int64_t head_dim) {
  std::vector<double> frequencies;
  for (std::int64_t j = 0; j < head_dim; j += 2) {
    const float exponent = static_cast<float>(j) / static_cast<float>(head_dim);
    const float power = static_cast<float>(std::pow(rope.theta, static_cast<double>(exponent)));
    float f = 1.0f / power;
    if (rope.type == "linear") {
      f /= static_cast<float>(rope.factor);
    } else if (rope.type == "llama3") {
      const double context = static_cast<double>(rope.original_context), wavelength = 2 * std::numbers::pi / f;
      if (wavelength > context / rope.low_frequency_factor) {
        f = static_cast<float>(f / rope.factor);
      } else if (wavelength >= context / rope.high_frequency_factor) {
        const double smooth = (context / wavelength - rope.low_frequency_factor) /
                              (rope.high_frequency_factor - rope.low_frequency_factor);
        f = static_cast<float>((1 - smooth) * f / rope.factor + smooth * f);
      }
    }
    frequencies.push_back(f);
  }
  return frequencies;
}

std::vector<bool> sliding_layers(const ConfigReader& config, std::int64_t layers, const std::vector<bool>& otherwise) {
  if (!config.has("layer_types")) return otherwise;
  const Json& types = config.json()["layer_types"];
  if (!types.is_array() || static_cast<std::int64_t>(types.size()) != layers)
    throw bad_input("{}: layer_types must list {} layers", config.context(), layers);
  const std::vector<std::string> known = {"full_attention", "sliding_attention"};
  std::vector<bool> sliding;
  for (const Json& type : types) {
    const std::string word = type.is_string() ? type.get<std::string>() : type.dump();
    if (std::find(known.begin(), known.end(), word) == known.end())
      throw bad_input("{}: unknown layer type '{}'{}", config.context(), word, did_you_mean(word, known));
    sliding.push_back(word == "sliding_attention");
  }
  return sliding;
}

Json old_spelling(Json config) {
  if (config.contains("dtype")) {
    if (!config.contains("torch_dtype")) config["torch_dtype"] = config["dtype"];
    config.erase("dtype");
  }
  if (config.contains("rope_parameters") && config["rope_parameters"].is_object()) {
    const auto scaling = [](const Json& fields) -> Json {
      const std::string type = fields.value("rope_type", fields.value("type", std::string("default")));
      if (type == "default") return nullptr;
      Json rest = fields;
      rest.erase("rope_theta");
      rest["rope_type"] = type;
      rest.erase("type");
      return rest;
    };
    const Json fields = config["rope_parameters"];
    const bool by_kind = fields.contains("full_attention");
    const Json& full = by_kind ? fields["full_attention"] : fields;
    if (full.contains("rope_theta")) config["rope_theta"] = full["rope_theta"];
    config["rope_scaling"] = scaling(full);
    if (by_kind && fields.contains("sliding_attention") && fields["sliding_attention"].contains("rope_theta"))
      config["rope_local_base_freq"] = fields["sliding_attention"]["rope_theta"];
    config.erase("rope_parameters");
  }
  if (config.contains("_sliding_window_pattern")) {
    if (!config.contains("sliding_window_pattern"))
      config["sliding_window_pattern"] = config["_sliding_window_pattern"];
    config.erase("_sliding_window_pattern");
  }
  return config;
}

}  // namespace ballot
