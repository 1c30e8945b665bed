#include "models/vocabulary.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "text/chat_template.h"

namespace ballot {
namespace {

at::Tensor normals(std::int64_t rows, std::int64_t columns, Random& random) {
  at::Tensor x = at::empty({rows, columns}, at::kDouble);
  double* values = x.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < rows * columns; ++i) values[i] = random.normal();
  return x;
}

/// `count` new rows for a matrix. transformers draws them from N(mean, 1e-9 covariance) where that is positive
/// definite: the noise is a millionth of the rows' size.
at::Tensor new_rows(const at::Tensor& old, std::int64_t count, bool mean, double initializer_range, Random& random) {
  if (!mean) return normals(count, old.size(1), random) * initializer_range;
  const at::Tensor center = old.to(at::kFloat).mean(0).to(at::kDouble);
  const at::Tensor apart = old.to(at::kDouble) - center;
  const at::Tensor covariance = 1e-9 / static_cast<double>(old.size(0)) * apart.t().mm(apart);
  const auto [factor, info] = at::linalg_cholesky_ex(covariance.to(at::kFloat));
  const at::Tensor rows = center.expand({count, old.size(1)});
  if (info.item<int>() != 0) return rows.clone();
  return rows + normals(count, old.size(1), random).mm(factor.to(at::kDouble).t());
}

at::Tensor grown(const at::Tensor& old, std::int64_t rows, bool mean, double initializer_range, Random random) {
  const at::Tensor more = new_rows(old.detach(), rows - old.size(0), mean, initializer_range, random);
  return at::cat({old.detach(), more.to(old.scalar_type())});
}

}  // namespace

void resize_embeddings(Model& model, std::int64_t rows, std::int64_t multiple_of, bool mean, std::uint64_t seed) {
  if (multiple_of < 1) throw failed("rows cannot be a multiple of {}", multiple_of);
  rows = std::max(rows, model.shape().vocabulary);
  rows = (rows + multiple_of - 1) / multiple_of * multiple_of;
  if (rows == model.shape().vocabulary) return;
  at::Tensor embedding, head;
  for (const auto& [name, tensor] : model.parameters()) {
    if (name == "model.embed_tokens.weight")
      embedding = grown(tensor, rows, mean, model.shape().initializer_range, Random(seed, "new embedding rows"));
    if (name == "lm_head.weight")
      head = grown(tensor, rows, mean, model.shape().initializer_range, Random(seed, "new head rows"));
  }
  model.set_embeddings(embedding, head);
}

VocabularyChange add_chatml(Model& model, Tokenizer& tokenizer, std::uint64_t seed) {
  const std::string im_start = "<|im_start|>", im_end = "<|im_end|>", pad = "<|pad|>";
  VocabularyChange change;
  change.rows_before = model.shape().vocabulary;
  std::vector<std::string> tokens = {im_start, im_end};
  if (!tokenizer.pad_id()) tokens.push_back(pad);
  change.added_tokens = tokenizer.add_special_tokens(tokens);
  if (!tokenizer.bos_id()) tokenizer.set_bos(im_start);
  if (!tokenizer.eos_id()) tokenizer.set_eos(im_end);
  if (!tokenizer.pad_id()) tokenizer.set_pad(pad);
  tokenizer.set_chat_template(std::string(kChatMlTemplate));
  change.im_start = *tokenizer.token_to_id(im_start);
  change.im_end = *tokenizer.token_to_id(im_end);
  change.bos = *tokenizer.bos_id();
  change.eos = *tokenizer.eos_id();
  change.pad = *tokenizer.pad_id();
  resize_embeddings(model, tokenizer.size(), 64, true, seed);
  change.rows = model.shape().vocabulary;
  Json& config = model.config();
  config["bos_token_id"] = change.bos;
  config["eos_token_id"] = change.eos;
  config["pad_token_id"] = change.pad;
  Json& generation = model.generation_config();
  generation["bos_token_id"] = change.bos;
  generation["pad_token_id"] = change.pad;
  // EOS is not what ends an assistant's turn; what ended the base's texts still does.
  Json ends = Json::array();
  const auto end_on = [&](const Json& id) {
    if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
  };
  end_on(change.im_end);
  end_on(change.eos);
  if (generation.contains("eos_token_id") && !generation["eos_token_id"].is_null())
    for (const Json& id :
         generation["eos_token_id"].is_array() ? generation["eos_token_id"] : Json::array({generation["eos_token_id"]}))
      end_on(id);
  generation["eos_token_id"] = ends.size() == 1 ? ends[0] : ends;
  return change;
}

at::Tensor initial_score_weight(const ModelShape& shape, std::uint64_t seed) {
  Random random(seed, "score head");
  return (normals(1, shape.hidden, random) * shape.initializer_range).to(at::kFloat);
}

}  // namespace ballot
