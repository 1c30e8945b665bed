// config.json: reading fields strictly, and the rotary embedding's in both spellings.
//
// Two spellings are about: the old one (`rope_theta`, `rope_scaling`, `rope_local_base_freq`, `sliding_window_pattern`,
// `torch_dtype`) and the one that transformers 5 writes (`rope_parameters`, `layer_types`, `dtype`). Both are read. The
// old one is written: it loads in transformers 4 and 5, the new one only in 5.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace ballot {

/// Fields by name with the right type, or an Error (input) that says which file and field. null counts as absent.
class ConfigReader {
 public:
  ConfigReader(const Json& object, std::string context);
  bool has(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;  ///< also checks that it is at least 1
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const;
  double number(const std::string& key) const;
  double number(const std::string& key, double otherwise) const;
  bool flag(const std::string& key, bool otherwise) const;
  std::string text(const std::string& key) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  /// Throws where the field is there and is not this word.
  void only(const std::string& key, const std::string& word) const;
  /// Throws where the field is there and is neither null, false nor 0: what an architecture's file does not compute.
  void absent(const std::string& key) const;
  const Json& json() const { return object_; }
  const std::string& context() const { return context_; }

 private:
  const Json* find(const std::string& key) const;
  const Json& object_;
  std::string context_;
};

/// Base and scaling of the rotary embedding of one kind of layer.
struct RopeParameters {
  double theta = 10000;
  std::string type = "default";  ///< "default", "linear" or "llama3"
  double factor = 1, low_frequency_factor = 1, high_frequency_factor = 4;
  std::int64_t original_context = 8192;
};
/// Reads either spelling. `kind` ("full_attention", "sliding_attention") chooses where `rope_parameters` has one entry
/// a kind. Throws on a scaling that Ballot does not compute, listing those it does.
RopeParameters rope_parameters(const ConfigReader& config, const std::string& kind = "full_attention");
/// [D / 2] angles a position: theta^(-2 j / D), scaled. Rounded where the reference implementation rounds to float32.
std::vector<double> rope_frequencies(const RopeParameters& rope, std::int64_t head_dim);

/// For each layer: attends to a window only. From `layer_types`, else from `otherwise`.
std::vector<bool> sliding_layers(const ConfigReader& config, std::int64_t layers, const std::vector<bool>& otherwise);

/// The configuration with the rope fields and the type of the weights in the old spelling.
Json old_spelling(Json config);

}  // namespace ballot
