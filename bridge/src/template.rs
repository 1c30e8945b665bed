//! Jinja templates by minijinja, in two dialects.

use crate::ffi::{into_text, or_error, text, Text};
use crate::python;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use std::error::Error as _;

pub struct Handle {
    environment: Environment<'static>,
}

const NAME: &str = "template";

fn parse(source: &str, chat: bool) -> Result<Handle, String> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    if chat {
        syntax.trim_blocks(true).lstrip_blocks(true);
    } else {
        syntax.keep_trailing_newline(true);
    }
    environment.set_syntax(syntax.build().map_err(|error| error.to_string())?);
    environment.set_undefined_behavior(if chat { UndefinedBehavior::Lenient } else { UndefinedBehavior::Strict });
    environment.set_debug(true); // keeps the template's text for errors; costs nothing without one
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(python::methods);
    environment.add_filter("tojson", python::tojson);
    // A template comes from a stranger's model folder: it may not run for ever.
    environment.set_recursion_limit(200);
    environment.set_fuel(Some(50_000_000));
    if chat {
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, format!("{REFUSED}{message}")))
        });
        environment.add_function("strftime_now", |state: &minijinja::State, format: &str| {
            let now = state.lookup(NOW).and_then(|now| now.as_i64()).unwrap_or(0);
            python::strftime(format, now)
        });
    }
    let source = if chat { without_generation_marks(source) } else { source.to_string() };
    environment.add_template_owned(NAME, source).map_err(describe)?;
    Ok(Handle { environment })
}

const NOW: &str = "__now";
const REFUSED: &str = "the template refuses: ";

/// `{% generation %}` marks the assistant's text for loss masks and does not change what is rendered. Jinja2 knows it by an
/// extension; here the marks become a condition that holds, so that trimming around them stays the same.
fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(begin) = rest.find("{%") {
        let Some(length) = rest[begin..].find("%}") else { break };
        let tag = &rest[begin..begin + length + 2];
        let inside = tag[2..tag.len() - 2].trim_matches(|character| character == '-' || character == '+').trim();
        out += &rest[..begin];
        match inside {
            "generation" => out += &tag.replacen("generation", "if true", 1),
            "endgeneration" => out += &tag.replacen("endgeneration", "endif", 1),
            _ => out += tag,
        }
        rest = &rest[begin + length + 2..];
    }
    out + rest
}

/// One line: the place, and what is wrong there, with the reasons beneath.
fn describe(error: Error) -> String {
    let mut deepest = &error;
    let mut reason = error.source();
    let mut more = String::new();
    while let Some(inner) = reason {
        match inner.downcast_ref::<Error>() {
            Some(inner) => deepest = inner,
            None => more = format!(": {inner}"),
        }
        reason = inner.source();
    }
    if let Some(words) = deepest.detail().and_then(|detail| detail.strip_prefix(REFUSED)) {
        return format!("{REFUSED}{words}");
    }
    let place = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let what = match deepest.detail() {
        Some(detail) => format!("{}: {detail}", deepest.kind()),
        None => deepest.kind().to_string(),
    };
    let name = undefined_name(&error).map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{place}{what}{name}{more}")
}

/// The expression that an undefined value came from, cut out of the template.
fn undefined_name(error: &Error) -> Option<String> {
    if error.kind() != ErrorKind::UndefinedError {
        return None;
    }
    Some(error.template_source()?.get(error.range()?)?.trim().to_string())
}

fn render(handle: &Handle, context: &str, now: i64) -> Result<String, String> {
    let mut context: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(context).map_err(|error| format!("the context is not a JSON object: {error}"))?;
    context.insert(NOW.into(), now.into());
    let template = handle.environment.get_template(NAME).map_err(describe)?;
    template.render(Value::from(Serde(context))).map_err(describe)
}

#[no_mangle]
unsafe extern "C" fn ballot_template_new(source: *const u8, size: usize, chat: bool, out: *mut *mut Handle, error: *mut Text) -> i32 {
    or_error(error, || {
        out.write(Box::into_raw(Box::new(parse(text(source, size)?, chat)?)));
        Ok(())
    })
}

#[no_mangle]
unsafe extern "C" fn ballot_template_free(handle: *mut Handle) {
    if !handle.is_null() {
        drop(Box::from_raw(handle));
    }
}

#[no_mangle]
unsafe extern "C" fn ballot_template_render(handle: &Handle, context: *const u8, size: usize, now: i64, out: *mut Text) -> i32 {
    into_text(out, || render(handle, text(context, size)?, now))
}
