"""The peers of evaluation_bench: lm-eval's hf backend, rewardbench's own loop (a padded batch through transformers), llama.cpp (xllamacpp).
One JSON object on the last line.

usage: evaluation_peer.py choice MODEL TASK_FOLDER TASK,TASK... THREADS
       evaluation_peer.py reward MODEL ROWS.jsonl THREADS
       evaluation_peer.py llama_cpp MODEL REQUEST.json THREADS      (the weights of BALLOT_SMOLLM2_GGUF, made f32)"""
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile
import time

os.environ.update({"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"})
BATCHES = [int(b) for b in os.environ.get("BALLOT_PEER_BATCHES", "1,4,8").split(",")]


def choice(model, folder, names, threads):
    import lm_eval
    import torch
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    torch.set_num_threads(int(threads))
    manager = TaskManager(include_path=[folder], include_defaults=False)
    lm, seconds, scores = HFLM(pretrained=model, dtype="float32", device="cpu", batch_size=1), {}, {}
    for batch in BATCHES:
        lm.batch_size_per_gpu = batch
        start = time.time()
        out = lm_eval.simple_evaluate(model=lm, tasks=names.split(","), task_manager=manager, bootstrap_iters=0, log_samples=True)
        seconds[batch] = time.time() - start
        for task, samples in out["samples"].items():
            scores[task] = [[float(r[0][0]) for r in s["resps"]] for s in sorted(samples, key=lambda s: s["doc_id"])]
    return {"seconds": seconds, "best_seconds": min(seconds.values()), "log_likelihoods": scores}


def reward(model, path, threads):
    """As rewardbench/rewardbench.py: chosen and rejected of each batch tokenised, padded on the left and scored, in the order of the file."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    torch.set_num_threads(int(threads))
    tok = AutoTokenizer.from_pretrained(model, padding_side="left")
    if tok.pad_token is None: tok.pad_token = tok.eos_token
    net = AutoModelForSequenceClassification.from_pretrained(model, dtype=torch.float32).eval()
    net.config.pad_token_id = tok.pad_token_id
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    text = lambda r, side: tok.apply_chat_template([{"role": "user", "content": r["prompt"]}, {"role": "assistant", "content": r[side]}], tokenize=False)
    seconds, scores = {}, []
    for batch in BATCHES:
        start, sides = time.time(), {"chosen": [], "rejected": []}
        with torch.no_grad():
            for i in range(0, len(rows), batch):
                for side, out in sides.items():
                    out += net(**tok([text(r, side) for r in rows[i:i + batch]], return_tensors="pt", padding=True)).logits[:, 0].tolist()
        seconds[batch] = time.time() - start
        if batch == BATCHES[0]: scores = list(zip(sides["chosen"], sides["rejected"]))  # one alone has no padding
    return {"seconds": seconds, "best_seconds": min(seconds.values()), "scores": scores}


def make_f32(source, path):
    """The same file with every tensor in f32."""
    import gguf
    import numpy as np
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type", "general.quantization_version"): continue
        kind = field.types[0]
        writer.add_key_value(name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for t in reader.tensors: writer.add_tensor(t.name, np.ascontiguousarray(gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32)))
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()


def llama_cpp(_, path, threads):
    import xllamacpp
    request = json.loads(pathlib.Path(path).read_text())
    prompts, length = request["prompts"], request["tokens"]
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "f32.gguf")
        make_f32(os.environ["BALLOT_SMOLLM2_GGUF"], file)
        p = xllamacpp.CommonParams()
        p.model.path = file
        p.n_parallel = len(prompts)
        p.kv_unified = True
        p.n_ctx = 64 + len(prompts[0]) + len(prompts) * (length + 64) + (len(prompts) > 1) * len(prompts) * len(prompts[0])
        p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(threads)
        p.cache_type_k = p.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        p.warmup = True
        server = xllamacpp.Server(p)
        ask = lambda ids: server.handle_completions({"prompt": ids, "max_tokens": length, "n_predict": length, "temperature": 0, "ignore_eos": True, "cache_prompt": True, "return_tokens": True})
        ask(prompts[0][:4])  # what is only done once
        start = time.time()
        if len(prompts) > 1:
            server.handle_completions({"prompt": prompts[0][:-8], "max_tokens": 1, "n_predict": 1, "temperature": 0, "cache_prompt": True})  # the shared beginning, for its prompt cache
        with concurrent.futures.ThreadPoolExecutor(len(prompts)) as pool: answers = list(pool.map(ask, prompts))
        seconds = time.time() - start
    timings = answers[0].get("timings", {})
    made = sum(a["usage"]["completion_tokens"] for a in answers)
    return {"seconds": seconds, "tokens_per_second": timings.get("predicted_per_second"), "total_tokens_per_second": made / seconds, "made": made}


if __name__ == "__main__": print("\n" + json.dumps({"choice": choice, "reward": reward, "llama_cpp": llama_cpp}[sys.argv[1]](*sys.argv[2:])))
