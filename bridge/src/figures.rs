//! Vega-Lite specifications to SVG: Vega in QuickJS, without a browser.
//!
//! Vega measures text to lay out legends, titles and axes. Without a canvas it guesses from the number of characters, so its
//! measuring function is replaced by one that adds up the advance widths of the fonts given.

use crate::ffi::{or_error, slice, text, Text};
use rquickjs::{CatchResultExt, Context, Ctx, Function, Runtime};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Mutex;
use std::thread::JoinHandle;
use ttf_parser::Face;

type Answer = Result<(String, String), String>; // the picture and the warnings

/// QuickJS lives in a thread of its own: it measures its stack from where it was made, and Vega needs a deep one.
pub struct Handle {
    requests: Mutex<Option<(Sender<String>, Receiver<Answer>)>>,
    thread: Option<JoinHandle<()>>,
}

const STACK: usize = 16 << 20;
const JS_STACK: usize = 4 << 20;

/// What Vega expects of its surroundings. `window` and `document` stay undefined, else it takes this for a browser.
const SURROUNDINGS: &str = r#"
globalThis.self = globalThis;
globalThis.warnings = [];
globalThis.console = {};
for (const level of ["log", "info", "debug"]) console[level] = () => {};
for (const level of ["warn", "error"]) console[level] = (...words) => { warnings.push(words.map(String).join(" ")); };
globalThis.setTimeout = (run, delay, ...values) => { Promise.resolve().then(() => run(...values)); return 0; };
globalThis.clearTimeout = () => {};
globalThis.performance ??= { now: () => Date.now() };
globalThis.structuredClone ??= (value) => JSON.parse(JSON.stringify(value));
"#;

/// Widths by the fonts, nothing from outside, and one function that turns a specification into a promise of SVG.
const AFTERWARDS: &str = r#"
vega.textMetrics.width = (item, text) => {
  const size = item.fontSize ?? 11;
  const weight = item.fontWeight;
  const bold = weight === "bold" || weight === "bolder" || Number(weight) >= 600;
  const line = text == null ? "" : String(text);
  return size > 0 ? advance(line, bold) * size : 0;
};
globalThis.draw = (text) => {
  warnings.length = 0;
  globalThis.picture = undefined;
  globalThis.failure = undefined;
  const logger = vega.logger(vega.Warn);
  logger.warn = (...words) => { warnings.push(words.map(String).join(" ")); return logger; };
  const refuse = (uri) => {
    globalThis.failure = "a figure may not load anything: " + uri;
    return Promise.reject(new Error(failure));
  };
  const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse, options: {} };
  const compiled = vegaLite.compile(JSON.parse(text), { logger }).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none", loader, logger, logLevel: vega.Warn });
  view.toSVG().then((svg) => { globalThis.picture = svg; view.finalize(); })
              .catch((error) => { globalThis.failure = String(error && error.message || error); });
};
"#;

fn width(face: &Face, text: &str) -> f64 {
    let units: u32 = text
        .chars()
        .map(|character| {
            let glyph = face.glyph_index(character).unwrap_or(ttf_parser::GlyphId(0));
            u32::from(face.glyph_hor_advance(glyph).unwrap_or(0))
        })
        .sum();
    f64::from(units) / f64::from(face.units_per_em())
}

fn run<'js>(context: &Ctx<'js>, source: &str) -> Result<(), String> {
    context.eval::<(), _>(source).catch(context).map_err(|error| error.to_string().trim().to_string())
}

fn face(bytes: &[u8]) -> Result<Face<'_>, String> {
    Face::parse(bytes, 0).map_err(|error| format!("the font cannot be read: {error}"))
}

struct Scripts {
    vega: String,
    vega_lite: String,
    regular: Vec<u8>,
    bold: Vec<u8>,
}

fn start(scripts: Scripts) -> Result<(Runtime, Context), String> {
    let quickjs = |error: rquickjs::Error| error.to_string();
    let Scripts { vega, vega_lite, regular, bold } = scripts;
    face(&regular)?;
    let bold = if bold.is_empty() { regular.clone() } else { bold };
    face(&bold)?;
    let runtime = Runtime::new().map_err(quickjs)?;
    runtime.set_max_stack_size(JS_STACK);
    let context = Context::full(&runtime).map_err(quickjs)?;
    context.with(|js| -> Result<(), String> {
        let advance = Function::new(js.clone(), move |text: String, is_bold: bool| -> f64 {
            face(if is_bold { &bold } else { &regular }).map_or(0.0, |face| width(&face, &text))
        });
        js.globals().set("advance", advance.map_err(quickjs)?).map_err(quickjs)?;
        run(&js, SURROUNDINGS)?;
        run(&js, &vega).map_err(|error| format!("vega.min.js: {error}"))?;
        run(&js, &vega_lite).map_err(|error| format!("vega-lite.min.js: {error}"))?;
        run(&js, AFTERWARDS)
    })?;
    Ok((runtime, context))
}

fn draw(context: &Context, specification: &str) -> Answer {
    context.with(|js| {
        let say = |error: rquickjs::CaughtError| error.to_string().trim().to_string();
        let function: Function = js.globals().get("draw").catch(&js).map_err(say)?;
        function.call::<_, ()>((specification,)).catch(&js).map_err(say)?;
        while js.execute_pending_job() {}
        let global = |name: &str| js.globals().get::<_, Option<String>>(name).catch(&js).map_err(say);
        let warnings: Vec<String> = js.globals().get("warnings").catch(&js).map_err(say)?;
        match (global("failure")?, global("picture")?) {
            (Some(failure), _) => Err(failure),
            (None, Some(picture)) => Ok((picture, warnings.join("\n"))),
            (None, None) => Err("Vega gave no picture".into()),
        }
    })
}

fn new(scripts: Scripts) -> Result<Handle, String> {
    let (ready_sender, ready) = channel();
    let (requests, to_draw) = channel::<String>();
    let (answers, drawn) = channel();
    let work = move || match start(scripts) {
        Err(error) => drop(ready_sender.send(Err(error))),
        Ok((_runtime, context)) => {
            let _ = ready_sender.send(Ok(()));
            for specification in to_draw {
                if answers.send(crate::ffi::guarded(|| draw(&context, &specification))).is_err() {
                    break;
                }
            }
        }
    };
    let thread = std::thread::Builder::new()
        .name("figures".into())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|error| format!("no thread for the figures: {error}"))?;
    ready.recv().unwrap_or_else(|_| Err("the figures' thread died at its start".into()))?;
    Ok(Handle { requests: Mutex::new(Some((requests, drawn))), thread: Some(thread) })
}

impl Handle {
    fn svg(&self, specification: &str) -> Answer {
        let gone = || "the figures' thread is gone".to_string();
        let guard = self.requests.lock().map_err(|_| gone())?;
        let (requests, answers) = guard.as_ref().ok_or_else(gone)?;
        requests.send(specification.to_string()).map_err(|_| gone())?;
        answers.recv().map_err(|_| gone())?
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Ok(mut requests) = self.requests.lock() {
            *requests = None; // ends the thread's loop
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[no_mangle]
unsafe extern "C" fn ballot_figures_new(
    vega: *const u8,
    vega_size: usize,
    vega_lite: *const u8,
    vega_lite_size: usize,
    regular: *const u8,
    regular_size: usize,
    bold: *const u8,
    bold_size: usize,
    out: *mut *mut Handle,
    error: *mut Text,
) -> i32 {
    or_error(error, || {
        let scripts = Scripts {
            vega: text(vega, vega_size)?.into(),
            vega_lite: text(vega_lite, vega_lite_size)?.into(),
            regular: slice(regular, regular_size).into(),
            bold: slice(bold, bold_size).into(),
        };
        out.write(Box::into_raw(Box::new(new(scripts)?)));
        Ok(())
    })
}

#[no_mangle]
unsafe extern "C" fn ballot_figures_free(handle: *mut Handle) {
    if !handle.is_null() {
        drop(Box::from_raw(handle));
    }
}

#[no_mangle]
unsafe extern "C" fn ballot_figures_svg(
    handle: &Handle,
    specification: *const u8,
    size: usize,
    out: *mut Text,
    warnings: *mut Text,
) -> i32 {
    or_error(out, || {
        let (picture, said) = handle.svg(text(specification, size)?)?;
        out.write(picture.into());
        warnings.write(said.into());
        Ok(())
    })
}
