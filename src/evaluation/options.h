// What an evaluation is asked for. Plain structs: they pass through the door of the engine.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"

namespace ballot {

/// Who gives the score: a reward model, or a policy against its reference (log π − log π_ref, summed over the
/// completion), or a policy alone. `ref_free_type`, `scored_tokens`, `force_truncation` and `chat_template` do as the
/// rewardbench package does where it differs from us (docs/evaluation.md has the table).
struct ScorerOptions {
  std::string model;                         ///< reward model: folder, hub name, deps:
  std::string policy, reference;             ///< instead of `model`
  std::string ref_free_type;                 ///< a policy without a reference: "avg", "sum", "norm"
  std::string scored_tokens = "completion";  ///< "completion", "rewardbench" (implicit rewards)
  bool force_truncation = false;      ///< reward models: longer texts lose their beginning instead of being rejects
  std::string chat_template;          ///< a Jinja file instead of the model's own
  std::int64_t max_length = 2048;     ///< tokens; longer rows are counted rejects
  std::int64_t tokens_per_batch = 0;  ///< 0: chosen by memory; changes no score beyond rounding
  std::string device = "auto", dtype;
};
inline void visit_options(OptionVisitor& visit, ScorerOptions& o) {
  visit({"model", "the reward model: a folder or a name in the hub cache", {}, false}, o.model);
  visit({"policy", "score by the implicit reward of this policy instead", {}, false}, o.policy);
  visit({"reference", "the policy's reference", {}, false}, o.reference);
  visit({"ref-free-type",
         "a policy without a reference: mean or sum of its tokens' log-probabilities, or minus their length",
         {"avg", "sum", "norm"}},
        o.ref_free_type);
  visit(
      {"scored-tokens",
       "of implicit rewards: the completion's, or as rewardbench takes them (BOS put in front, the assistant's header "
       "and an EOS scored; over --max-length the prompt keeps 128 tokens)",
       {"completion", "rewardbench"}},
      o.scored_tokens);
  visit({"force-truncation", "reward models: what is longer than --max-length loses its beginning, counted"},
        o.force_truncation);
  visit({"chat-template", "a Jinja file instead of the model's own template", {}, false}, o.chat_template);
  visit({"max-length", "tokens of prompt and completion; longer rows are counted rejects"}, o.max_length);
  visit({"tokens-per-batch", "how many tokens are computed at once (0: what fits memory)", {}, false},
        o.tokens_per_batch);
}

/// `ballot rewardbench`
struct RewardBenchOptions {
  ScorerOptions scorer;
  std::string data;            ///< JSONL or Parquet of any suite, or a hub dataset in the local cache
  std::string suite = "auto";  ///< data/reward_items.h
  std::string out;             ///< folder
  bool force = false;
  std::int64_t seed = 0;
  std::int64_t bootstrap = 2000;
  std::string on_bad_row = "skip", rejects;
};
inline void visit_options(OptionVisitor& visit, RewardBenchOptions& o) {
  visit_options(visit, o.scorer);
  visit({"data", "prompt, chosen, rejected, subset, id: JSONL or Parquet", {}, false}, o.data);
  visit({"suite",
         "which set the rows belong to; auto: as the first row looks",
         {"auto", "rewardbench", "rewardbench2", "rm_bench", "preferences"}},
        o.suite);
  visit({"bootstrap", "replicates of the intervals"}, o.bootstrap);
  visit({"on-bad-row", "skip counts and keeps them in the rejects file", {"skip", "fail"}}, o.on_bad_row);
  visit({"rejects", "rejects file (default OUT.rejects.jsonl)", {}, false}, o.rejects);
}

/// `ballot score`: any preferences.
struct ScoreOptions {
  ScorerOptions scorer;
  std::string data;
  std::string split = "all";  ///< "all", "train", "held_out"
  std::string out;            ///< scores.parquet
  bool force = false;
  std::int64_t seed = 0;
  std::string on_bad_row = "skip", rejects;
};
inline void visit_options(OptionVisitor& visit, ScoreOptions& o) {
  visit_options(visit, o.scorer);
  visit({"data", "preferences (prompt, chosen, rejected): JSONL or Parquet", {}, false}, o.data);
  visit({"split", "rows of this split, where the data has the column", {"all", "train", "held_out"}}, o.split);
  visit({"on-bad-row", "skip counts and keeps them in the rejects file", {"skip", "fail"}}, o.on_bad_row);
  visit({"rejects", "rejects file (default OUT.rejects.jsonl)", {}, false}, o.rejects);
}

/// `ballot eval`
struct EvalOptions {
  std::string model;
  std::vector<std::string> tasks;  ///< names of the harness's task files, groups, or YAML files of one's own
  std::string data;                ///< folder of the tasks' data (interface.md names the files)
  std::string fewshot_data;
  std::string out;
  bool force = false;
  std::int64_t seed = 0;
  std::int64_t limit = 0;  ///< rows a task; 0: all
  std::optional<std::int64_t> num_fewshot;
  bool chat_template = false, multi_turn = false, show_prompt = false;
  std::string bos = "auto";  ///< "auto", "on", "off"
  std::string responses;     ///< score given answers, no model
  std::int64_t bootstrap = 2000;
  std::int64_t tokens_per_batch = 0;
  std::int64_t max_length = 0;          ///< tokens the model reads at once; 0: its configuration's
  std::string gpqa_shuffle = "stable";  ///< "stable", "lm_eval"
  std::string on_bad_row = "skip", rejects;
  std::string device = "auto", dtype;
  // Of a model on a server (--model openai:URL#MODEL):
  std::string tokenizer;                 ///< whose token ids are sent; empty: the model's own, where it is here too
  std::string key_env;                   ///< the variable that holds the server's key
  std::int64_t concurrency = 0;          ///< requests in flight at most; 0: 16
  std::string server_scores = "prompt";  ///< "prompt", "next_token"
};
inline void visit_options(OptionVisitor& visit, EvalOptions& o) {
  visit({"model", "a folder, GGUF file, deps:NAME, a name in the hub cache, or openai:URL#MODEL", {}, false}, o.model);
  visit({"tasks", "names or groups of tasks, or YAML files; `list` shows what there is"}, o.tasks);
  visit({"data", "folder of the tasks' data", {}, false}, o.data);
  visit({"fewshot-data", "folder of few-shot rows that the data lacks", {}, false}, o.fewshot_data);
  visit({"limit", "rows a task (0: all)"}, o.limit);
  visit({"num-fewshot", "examples in front of a question (default: the task's)"}, o.num_fewshot);
  visit({"chat-template", "put the question through the model's chat template"}, o.chat_template);
  visit({"multi-turn", "few-shot examples as turns of a conversation"}, o.multi_turn);
  visit({"bos", "begin every context with BOS", {"auto", "on", "off"}}, o.bos);
  visit({"responses", "score these answers (JSONL: doc_id or key, response) instead of a model's", {}, false},
        o.responses);
  visit({"show-prompt", "print the first prompt of each task", {}, false}, o.show_prompt);
  visit({"bootstrap", "replicates of the clustered intervals"}, o.bootstrap);
  visit({"tokens-per-batch", "how many tokens are computed at once (0: what fits memory)", {}, false},
        o.tokens_per_batch);
  visit({"max-length", "tokens that the model reads at once; longer prompts lose their beginning (0: the model's)"},
        o.max_length);
  visit({"gpqa-shuffle",
         "order of GPQA's answers: each row's own, or as the harness draws it (depends on what ran before)",
         {"stable", "lm_eval"}},
        o.gpqa_shuffle);
  visit({"on-bad-row", "skip counts and keeps them in the rejects file", {"skip", "fail"}}, o.on_bad_row);
  visit({"rejects", "rejects file (default OUT.rejects.jsonl)", {}, false}, o.rejects);
  // Those of servers stand in a manifest under `server`, where there is one (eval_run.cpp).
  visit({"tokenizer", "of a model on a server: the folder, GGUF file or name whose token ids are sent", {}, false},
        o.tokenizer);
  visit({"key-env", "of a model on a server: the environment variable that holds the key", {}, false}, o.key_env);
  visit({"concurrency", "of a model on a server: requests in flight at most (0: 16)", {}, false}, o.concurrency);
  visit({"server-scores",
         "how a server scores choices: by the prompt's log-probabilities, or token by token by the next token's",
         {"prompt", "next_token"},
         false},
        o.server_scores);
}

}  // namespace ballot
