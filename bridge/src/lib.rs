//! What Ballot takes from Rust: tokenizers, Jinja templates, language identification, and Vega in QuickJS for figures, behind the C
//! interface of `ballot_bridge.h`.

mod ffi;
mod figures;
mod language;
mod parts;
mod python;
mod template;
mod tokenizer;
