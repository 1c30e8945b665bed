"""Does `datasets` read a dataset folder that Ballot wrote, and does TRL train from it unchanged?

    ballot binarize labels/* --pool pool.parquet --hub-folder DIR
    python hub_folder.py DIR [MODEL]        # MODEL: default ../golden/models/tiny_llama

Loads every configuration with `datasets.load_dataset` (a fresh cache), compares rows and features with the card, then takes two optimiser
steps of TRL's DPO trainer and of its reward trainer on each configuration of preferences as it is. Writes nothing."""

import pathlib
import sys
import tempfile

import datasets
import yaml
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

folder = pathlib.Path(sys.argv[1])
model = sys.argv[2] if len(sys.argv) > 2 else str(pathlib.Path(__file__).parent.parent / "golden/models/tiny_llama")
card = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
info = {one["config_name"]: one for one in card["dataset_info"]}
names = datasets.get_dataset_config_names(str(folder))
assert sorted(names) == sorted(info), (names, list(info))

with tempfile.TemporaryDirectory() as scratch:
    for name in names:
        loaded = datasets.load_dataset(str(folder), name, cache_dir=scratch + "/cache")
        said = {split["name"]: split["num_examples"] for split in info[name]["splits"]}
        assert {split: rows.num_rows for split, rows in loaded.items()} == said, (name, loaded, said)
        features = loaded["train"].features
        assert features == datasets.Features._from_yaml_list(info[name]["features"]), (name, features)
        print(f"{name}: {said}, {len(features)} columns")
        if name == "annotations":
            continue
        train = loaded["train"]
        assert len(set(train["id"])) == train.num_rows and all(margin >= 0 for margin in train["margin"])
        common = dict(output_dir=scratch + "/" + name, max_steps=2, per_device_train_batch_size=2, report_to=[], use_cpu=True, bf16=False,
                      save_strategy="no", logging_steps=1, disable_tqdm=True, gradient_checkpointing=False)
        tokenizer = AutoTokenizer.from_pretrained(model)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        dpo = DPOTrainer(AutoModelForCausalLM.from_pretrained(model), args=DPOConfig(max_length=512, **common), train_dataset=train,
                         processing_class=tokenizer)
        dpo.train()
        scorer = AutoModelForSequenceClassification.from_pretrained(model, num_labels=1)
        scorer.config.pad_token_id = tokenizer.pad_token_id
        reward = RewardTrainer(scorer, args=RewardConfig(max_length=512, **common), train_dataset=train, processing_class=tokenizer)
        reward.train()
        losses = [[round(step["loss"], 4) for step in trainer.state.log_history if "loss" in step] for trainer in (dpo, reward)]
        print(f"  TRL: DPO losses {losses[0]}, reward losses {losses[1]}")
print("all configurations load, and TRL trains from every one unchanged")
