//! From what a GGUF file says of its tokenizer to the text of a tokenizer.json.
//!
//! The formats differ in three things that change ids: how text is split before the merges apply (`pre`), how the merges of a
//! SentencePiece vocabulary follow from its scores, and how spaces are spelled.

use serde::Deserialize;
use serde_json::{json, Map, Value};
use std::collections::HashMap;

#[derive(Deserialize)]
struct Parts {
    /// "gpt2" (byte-level BPE) or "llama" (BPE over U+2581 with byte fallback).
    model: String,
    #[serde(default)]
    pre: String,
    /// `general.architecture`; Gemma's vocabularies need a treatment of their own.
    #[serde(default)]
    architecture: String,
    tokens: Vec<String>,
    #[serde(default)]
    token_types: Vec<i32>,
    #[serde(default)]
    merges: Vec<String>,
    #[serde(default)]
    scores: Vec<f64>,
    bos: Option<u32>,
    eos: Option<u32>,
    unk: Option<u32>,
    add_bos: Option<bool>,
    add_eos: Option<bool>,
    add_space_prefix: Option<bool>,
}

const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const SPACE: &str = "\u{2581}";

// The patterns by which the published tokenizer.json files of these families split text.
const LLAMA3_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

pub fn tokenizer_json(text: &str) -> Result<String, String> {
    let parts: Parts = serde_json::from_str(text).map_err(|error| format!("the parts of the tokenizer: {error}"))?;
    if !parts.token_types.is_empty() && parts.token_types.len() != parts.tokens.len() {
        return Err(format!("{} tokens have {} types", parts.tokens.len(), parts.token_types.len()));
    }
    match parts.model.as_str() {
        "gpt2" => byte_level(&parts),
        "llama" => sentencepiece(&parts),
        other => Err(format!("a tokenizer of the kind '{other}' (known: gpt2, llama)")),
    }
}

fn byte_level(parts: &Parts) -> Result<String, String> {
    let byte_level = |use_regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": use_regex});
    let split = |pattern: &str| {
        json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false}, byte_level(false)]})
    };
    let mut normalizer = Value::Null;
    let mut ignore_merges = false;
    let pre_tokenizer = match parts.pre.as_str() {
        "smollm" => json!({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, byte_level(true)]}),
        "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "smaug-bpe" => {
            ignore_merges = true;
            split(LLAMA3_SPLIT)
        }
        "qwen2" | "deepseek-r1-qwen" | "megrez" => {
            normalizer = json!({"type": "NFC"});
            split(QWEN2_SPLIT)
        }
        "" | "default" | "gpt-2" => byte_level(true),
        other => {
            return Err(format!(
                "text split in the way '{other}' before BPE (known: smollm, llama-bpe, qwen2, gpt-2); a folder with tokenizer.json will do"
            ))
        }
    };
    let mut merges = Vec::with_capacity(parts.merges.len());
    for (place, merge) in parts.merges.iter().enumerate() {
        let (left, right) = merge.split_once(' ').ok_or_else(|| format!("merge {place} is not two tokens: {merge:?}"))?;
        merges.push(json!([left, right]));
    }
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": ignore_merges,
        "vocab": vocabulary(&parts.tokens)?, "merges": merges});
    let around = around(parts, parts.add_bos.unwrap_or(false))?;
    let post_processor = match around {
        Value::Null => byte_level(true),
        template => json!({"type": "Sequence", "processors": [byte_level(true), template]}),
    };
    file(parts, &parts.tokens, normalizer, pre_tokenizer, post_processor, byte_level(true), model)
}

fn sentencepiece(parts: &Parts) -> Result<String, String> {
    let is_gemma = parts.architecture.starts_with("gemma");
    let mut tokens = parts.tokens.clone();
    if is_gemma {
        // Tokens of spaces alone are stored as spaces, but text reaches the vocabulary with U+2581 in their place.
        for token in &mut tokens {
            if !token.is_empty() && token.chars().all(|character| character == ' ') {
                *token = SPACE.repeat(token.len());
            }
        }
    }
    // The better score merges first. Gemma's scores do not follow the order of its merges; the order of its tokens does.
    let scores: Vec<f64> = if is_gemma {
        (0..tokens.len()).map(|index| -(index as f64)).collect()
    } else if parts.scores.len() == tokens.len() {
        parts.scores.clone()
    } else {
        return Err(format!("{} tokens have {} scores", tokens.len(), parts.scores.len()));
    };
    let space = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let with_prefix = !is_gemma && parts.add_space_prefix.unwrap_or(true);
    let normalizer = if with_prefix {
        json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, space]})
    } else {
        space
    };
    let pre_tokenizer = if is_gemma {
        json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false})
    } else {
        Value::Null
    };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if with_prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let unknown = match parts.unk {
        Some(id) => Some(token(parts, id)?.to_string()),
        None => parts.token_types.iter().position(|kind| *kind == UNKNOWN).map(|id| tokens[id].clone()),
    };
    let model = json!({
        "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": vocabulary(&tokens)?, "merges": merges_by_score(&tokens, &scores)});
    let around = around(parts, parts.add_bos.unwrap_or(true))?;
    file(parts, &tokens, normalizer, pre_tokenizer, around, json!({"type": "Sequence", "decoders": decoders}), model)
}

/// Every way to cut a token into two others is a merge; a better score of the whole comes first, and of equal ones the longer left.
fn merges_by_score(tokens: &[String], scores: &[f64]) -> Vec<Value> {
    let ids: HashMap<&str, usize> = tokens.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect();
    struct Merge<'a> {
        left: &'a str,
        right: &'a str,
        lengths: (usize, usize), // in characters
        score: f64,
    }
    let mut merges = Vec::new();
    for (whole, token) in tokens.iter().enumerate() {
        let length = token.chars().count();
        let mut of_token = Vec::new();
        for (index, (place, _)) in token.char_indices().enumerate().skip(1) {
            let (left, right) = token.split_at(place);
            if let (Some(left_id), Some(right_id)) = (ids.get(left), ids.get(right)) {
                of_token.push((*left_id, *right_id, Merge { left, right, lengths: (index, length - index), score: scores[whole] }));
            }
        }
        of_token.sort_by_key(|(left_id, right_id, _)| (*left_id, *right_id));
        merges.extend(of_token.into_iter().map(|(_, _, merge)| merge));
    }
    merges.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.lengths.cmp(&a.lengths)));
    merges.iter().map(|merge| json!([merge.left, merge.right])).collect()
}

fn vocabulary(tokens: &[String]) -> Result<Map<String, Value>, String> {
    let mut vocabulary = Map::with_capacity(tokens.len());
    for (id, token) in tokens.iter().enumerate() {
        if let Some(earlier) = vocabulary.insert(token.clone(), json!(id)) {
            return Err(format!("the tokens {earlier} and {id} are alike: {token:?}"));
        }
    }
    Ok(vocabulary)
}

fn token(parts: &Parts, id: u32) -> Result<&str, String> {
    parts.tokens.get(id as usize).map(String::as_str).ok_or_else(|| format!("id {id} of {} tokens", parts.tokens.len()))
}

/// What is put before and after a text where special tokens are asked for; null where nothing is.
fn around(parts: &Parts, add_bos: bool) -> Result<Value, String> {
    let mut special = Map::new();
    let mut mark = |id: Option<u32>, wanted: bool, name: &str| -> Result<Vec<Value>, String> {
        if !wanted {
            return Ok(Vec::new());
        }
        let id = id.ok_or_else(|| format!("{name} is to be added, but the file does not name it"))?;
        let text = token(parts, id)?;
        special.insert(text.into(), json!({"id": text, "ids": [id], "tokens": [text]}));
        Ok(vec![json!({"SpecialToken": {"id": text, "type_id": 0}})])
    };
    let before = mark(parts.bos, add_bos, "BOS")?;
    let after = mark(parts.eos, parts.add_eos.unwrap_or(false), "EOS")?;
    if special.is_empty() {
        return Ok(Value::Null);
    }
    let sequence = |name: &str, kind: u32| vec![json!({"Sequence": {"id": name, "type_id": kind}})];
    let single = [before.clone(), sequence("A", 0), after.clone()].concat();
    let pair = [before.clone(), sequence("A", 0), after.clone(), before, sequence("B", 1), after].concat();
    Ok(json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}))
}

fn file(
    parts: &Parts,
    tokens: &[String],
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: Value,
    decoder: Value,
    model: Value,
) -> Result<String, String> {
    let added: Vec<_> = parts
        .token_types
        .iter()
        .enumerate()
        .filter(|(id, kind)| {
            **kind == CONTROL || **kind == USER_DEFINED || (**kind == UNKNOWN && parts.unk == Some(*id as u32))
        })
        .map(|(id, kind)| {
            json!({"id": id, "content": tokens[id], "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": *kind != USER_DEFINED})
        })
        .collect();
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": post_processor, "decoder": decoder, "model": model});
    serde_json::to_string(&file).map_err(|error| error.to_string())
}
