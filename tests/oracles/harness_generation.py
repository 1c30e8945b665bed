"""Tasks that generate, by lm-evaluation-harness itself: prompts, answers, scores, errors and hashes of a few rows of ours.

`local_ifeval` is the harness's own IFEval over eval/ifeval/input_data.jsonl (written here, with the published columns), with fewer new
tokens; `short_answers` is a task of our own with stop texts, examples and exact match. Writes harness_generation.json.

usage: NLTK_DATA=FOLDER harness_generation.py            (NLTK's Punkt model: see ifeval_verdicts.py)"""
import json
import os
import pathlib
import tempfile

os.environ["HF_DATASETS_OFFLINE"] = "1"
import common
import lm_eval
import torch
import yaml
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

IFEVAL = pathlib.Path(lm_eval.__file__).parent / "tasks" / "leaderboard" / "ifeval" / "ifeval.yaml"
EVAL = common.GOLDEN / "eval"
PARAMETERS = ["num_highlights", "relation", "num_words", "num_sentences", "keywords", "forbidden_words", "end_phrase", "num_bullets", "letter", "let_frequency", "let_relation", "language"]
ROWS = [
    ("Name three rivers without using a comma.", [("punctuation:no_comma", {}), ("keywords:existence", {"keywords": ["river"]})]),
    ("Write at most one sentence about snow.", [("length_constraints:number_sentences", {"relation": "less than", "num_sentences": 2})]),
    ("Say hello in lower case letters only and use more than 3 words.", [("change_case:english_lowercase", {}), ("length_constraints:number_words", {"relation": "at least", "num_words": 4})]),
    ("List two colours as bullet points and highlight one of them.", [("detectable_format:number_bullet_lists", {"num_bullets": 2}), ("detectable_format:number_highlighted_sections", {"num_highlights": 1})]),
    ("Tell me a short story about a fox. Use the letter # four times.", [("keywords:letter_frequency", {"letter": "#", "let_frequency": 4, "let_relation": "at least"})]),
    ("Answer in French: how are you? Do not say bien. End with Merci.", [("language:response_language", {"language": "fr"}), ("keywords:forbidden_words", {"forbidden_words": ["bien"]}), ("startend:end_checker", {"end_phrase": "Merci."})]),
]
SHORT = [{"q": "What is the capital of France?", "a": "Paris"}, {"q": "Which animal says moo?", "a": "the cow"}, {"q": "What is two plus two?", "a": ["4", "four"]}, {"q": "What colour is the sky on a clear day?", "a": "Blue."}]


def write_data():
    (EVAL / "ifeval").mkdir(parents=True, exist_ok=True)
    with open(EVAL / "ifeval" / "input_data.jsonl", "w") as file:
        for i, (prompt, instructions) in enumerate(ROWS):
            kwargs = [{name: given.get(name) for name in PARAMETERS} for _, given in instructions]
            file.write(json.dumps({"key": 100 + i, "prompt": prompt, "instruction_id_list": [name for name, _ in instructions], "kwargs": kwargs}) + "\n")
    with open(EVAL / "short_answers.jsonl", "w") as file:
        for row in SHORT: file.write(json.dumps({"q": row["q"], "a": str(row["a"])}) + "\n")


def tasks(folder, tokens):
    (folder / "ifeval.yaml").write_text(yaml.safe_dump({"include": str(IFEVAL), "task": "local_ifeval", "dataset_path": "json", "dataset_name": None, "test_split": "test", "dataset_kwargs": {"data_files": {"test": str(EVAL / "ifeval" / "input_data.jsonl")}},
                                                        "generation_kwargs": {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": tokens}}))
    (folder / "short.yaml").write_text(yaml.safe_dump({
        "task": "short_answers", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(EVAL / "short_answers.jsonl")}}, "test_split": "test", "output_type": "generate_until",
        "doc_to_text": "Question: {{q}}\nAnswer:", "doc_to_target": "a", "num_fewshot": 2, "fewshot_config": {"sampler": "first_n", "samples": [{"q": "What is the capital of Spain?", "a": "Madrid"}, {"q": "Which animal barks?", "a": "the dog"}]},
        "generation_kwargs": {"until": ["\n", "Question:"], "max_gen_toks": 12}, "metric_list": [{"metric": "exact_match", "ignore_case": True, "ignore_punctuation": True}], "metadata": {"version": 1}}))


def run(model, task, tokens, chat=False, multiturn=False):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tasks(folder, tokens)
        manager = TaskManager(include_path=[str(folder)], include_defaults=False)
        result = lm_eval.simple_evaluate(model=model, tasks=[task], task_manager=manager, apply_chat_template=chat, fewshot_as_multiturn=multiturn, bootstrap_iters=100, log_samples=True)
    rows = []
    for s in sorted(result["samples"][task], key=lambda s: s["doc_id"]):
        args = s["arguments"]["gen_args_0"] if isinstance(s["arguments"], dict) else dict(zip(("arg_0", "arg_1"), s["arguments"][0]))
        row = {"doc_id": s["doc_id"], "context": args["arg_0"], "answer": s["resps"][0][0], "filtered": s["filtered_resps"], "target": str(s["target"])}
        row.update({k: s[k] for k in (*s["metrics"], "doc_hash", "prompt_hash", "target_hash")})
        rows.append(row)
    scores = {k: v for k, v in result["results"][task].items() if k != "alias"}
    print(f"  {task} chat={chat} multiturn={multiturn}: {scores}", flush=True)
    return {"task": task, "tokens": tokens, "chat_template": chat, "multi_turn": multiturn, "max_length": model.max_length, "results": scores, "rows": rows}


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    write_data()
    runs = {}
    for name, folder in (("tiny", common.MODELS / "tiny_llama"), ("smollm2", common.smollm2_folder())):
        model = HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=1)
        runs[name] = [run(model, "local_ifeval", 24 if name == "tiny" else 40), run(model, "local_ifeval", 24 if name == "tiny" else 40, chat=True, multiturn=True), run(model, "short_answers", 12), run(model, "short_answers", 12, chat=True, multiturn=True)]
        if name == "tiny":
            model._max_length = 40
            runs[name].append(run(model, "short_answers", 12))
    head = common.provenance(__file__, ("lm-eval", "torch", "transformers", "tokenizers", "nltk", "langdetect"), {"everything": "exact; the two rows that the reference judges at random aside"}, "greedy answers in fp32")
    common.write_golden(common.GOLDEN / "harness_generation.json", head, {"models": "models/tiny_llama, SmolLM2-135M-Instruct in fp32", **runs})


if __name__ == "__main__": main()
