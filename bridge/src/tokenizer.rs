//! Tokenizers of the `tokenizers` library.

use crate::ffi::{into_text, or_error, slice, text, Ids, Text};
use std::sync::OnceLock;
use tokenizers::{AddedToken, Tokenizer};

pub struct Handle {
    tokenizer: Tokenizer,
    size: OnceLock<i64>,
}

fn load(json: &str) -> Result<Handle, String> {
    let mut tokenizer = Tokenizer::from_bytes(json.as_bytes()).map_err(|error| error.to_string())?;
    // A file may carry the padding and truncation of its last use; every caller here wants the whole text and nothing else.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
    Ok(Handle { tokenizer, size: OnceLock::new() })
}

impl Handle {
    fn size(&self) -> i64 {
        *self.size.get_or_init(|| {
            self.tokenizer.get_vocab(true).values().max().map_or(0, |largest| i64::from(*largest) + 1)
        })
    }
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_new(json: *const u8, size: usize, out: *mut *mut Handle, error: *mut Text) -> i32 {
    or_error(error, || {
        out.write(Box::into_raw(Box::new(load(text(json, size)?)?)));
        Ok(())
    })
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_free(handle: *mut Handle) {
    if !handle.is_null() {
        drop(Box::from_raw(handle));
    }
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_to_json(handle: &Handle, out: *mut Text) -> i32 {
    into_text(out, || handle.tokenizer.to_string(true).map_err(|error| error.to_string()))
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_json_from_parts(parts: *const u8, size: usize, out: *mut Text) -> i32 {
    into_text(out, || crate::parts::tokenizer_json(text(parts, size)?))
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_encode(
    handle: &Handle,
    data: *const u8,
    size: usize,
    add_special: bool,
    out: *mut Ids,
    error: *mut Text,
) -> i32 {
    or_error(error, || {
        let encoding = handle.tokenizer.encode_fast(text(data, size)?, add_special).map_err(|error| error.to_string())?;
        out.write(encoding.get_ids().to_vec().into());
        Ok(())
    })
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_encode_spans(
    handle: &Handle,
    data: *const u8,
    size: usize,
    add_special: bool,
    out: *mut Ids,
    spans: *mut Ids,
    error: *mut Text,
) -> i32 {
    or_error(error, || {
        let encoding = handle.tokenizer.encode(text(data, size)?, add_special).map_err(|error| error.to_string())?;
        let mut bytes = Vec::with_capacity(2 * encoding.len());
        for (begin, end) in encoding.get_offsets() {
            for place in [begin, end] {
                bytes.push(u32::try_from(*place).map_err(|_| "a text of more than 4 GB".to_string())?);
            }
        }
        out.write(encoding.get_ids().to_vec().into());
        spans.write(bytes.into());
        Ok(())
    })
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_decode(
    handle: &Handle,
    ids: *const u32,
    count: usize,
    skip_special: bool,
    out: *mut Text,
) -> i32 {
    into_text(out, || {
        let ids = slice(ids, count);
        // The library drops an unknown id in silence.
        for (place, id) in ids.iter().enumerate() {
            if handle.tokenizer.id_to_token(*id).is_none() {
                return Err(format!("id {id} at place {place} is not in the vocabulary of {}", handle.size()));
            }
        }
        handle.tokenizer.decode(ids, skip_special).map_err(|error| error.to_string())
    })
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_token_to_id(handle: &Handle, token: *const u8, size: usize) -> i64 {
    let found = crate::ffi::guarded(|| Ok(handle.tokenizer.token_to_id(text(token, size)?)));
    found.ok().flatten().map_or(-1, i64::from)
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_id_to_token(handle: &Handle, id: u32, out: *mut Text) -> i32 {
    into_text(out, || handle.tokenizer.id_to_token(id).ok_or_else(String::new))
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_size(handle: &Handle) -> i64 {
    crate::ffi::guarded(|| Ok(handle.size())).unwrap_or(0)
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_added_tokens(handle: &Handle, out: *mut Text) -> i32 {
    into_text(out, || {
        let mut tokens: Vec<_> = handle.tokenizer.get_added_tokens_decoder().into_iter().collect();
        tokens.sort_by_key(|(id, _)| *id);
        let tokens: Vec<_> = tokens
            .into_iter()
            .map(|(id, token)| serde_json::json!({"id": id, "content": token.content, "special": token.special}))
            .collect();
        serde_json::to_string(&tokens).map_err(|error| error.to_string())
    })
}

#[no_mangle]
unsafe extern "C" fn ballot_tokenizer_add_special(handle: &mut Handle, tokens: *const u8, size: usize, error: *mut Text) -> i32 {
    or_error(error, || {
        let tokens: Vec<String> = serde_json::from_str(text(tokens, size)?).map_err(|error| error.to_string())?;
        let tokens: Vec<_> = tokens.into_iter().map(|token| AddedToken::from(token, true)).collect();
        handle.tokenizer.add_special_tokens(tokens).map_err(|error| error.to_string())?;
        handle.size = OnceLock::new();
        Ok(())
    })
}
