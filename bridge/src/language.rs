//! Which language a text is written in: whichlang decides, whatlang names what whichlang does not know.

use crate::ffi::{into_text, text, Text};

/// The prose of a text: without fenced blocks, inline code and lines that are more signs than letters or end like a statement.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(mark) = fence {
            if trimmed.starts_with(mark) {
                fence = None;
            }
            continue;
        }
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark)) {
            // a fence that opens and closes on one line holds its code there
            if !(trimmed.len() > mark.len() && trimmed[mark.len()..].contains(mark)) {
                fence = Some(mark);
            }
            continue;
        }
        let line = without_inline_code(line);
        if !looks_like_code(&line) {
            out += &line;
            out.push('\n');
        }
    }
    out
}

fn without_inline_code(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((_, behind)) = after.split_once('`') else { break };
        out += before;
        out.push(' ');
        rest = behind;
    }
    out + rest
}

fn looks_like_code(line: &str) -> bool {
    let trimmed = line.trim();
    if trimmed.ends_with([';', '{', '}']) || trimmed.starts_with("#include") || trimmed.starts_with("//") {
        return true;
    }
    let (mut letters, mut signs) = (0, 0);
    for character in trimmed.chars() {
        if character.is_alphabetic() || is_mark(character) {
            letters += 1;
        } else if !character.is_whitespace() && !character.is_numeric() {
            signs += 1;
        }
    }
    letters > 0 && signs > letters
}

/// Vowel signs and the like, which are part of words in Indic scripts, Thai and others, but not letters to Rust.
fn is_mark(character: char) -> bool {
    matches!(character as u32, 0x0300..=0x036F | 0x0900..=0x0DFF | 0x0E31..=0x0E4E | 0x0EB1..=0x0ECD | 0x0F00..=0x109F)
}

fn language(text: &str) -> &'static str {
    let prose = prose(text);
    if prose.chars().filter(|character| character.is_alphabetic()).take(3).count() < 3 {
        return "und";
    }
    let decided = whichlang::detect_language(&prose);
    if decided == whichlang::Lang::Eng {
        return "en";
    }
    // It knows sixteen languages and always answers with one of them: not English, then, but perhaps none of the others either.
    match whatlang::detect_lang(&prose) {
        Some(whatlang::Lang::Eng) | None => two_letters(decided.three_letter_code()),
        Some(named) => two_letters(named.code()),
    }
}

/// ISO 639-1 where there is such a code.
fn two_letters(code: &'static str) -> &'static str {
    const CODES: &[(&str, &str)] = &[
        ("afr", "af"), ("aka", "ak"), ("amh", "am"), ("ara", "ar"), ("aze", "az"), ("bel", "be"), ("ben", "bn"), ("bul", "bg"),
        ("cat", "ca"), ("ces", "cs"), ("cmn", "zh"), ("cym", "cy"), ("dan", "da"), ("deu", "de"), ("ell", "el"), ("eng", "en"),
        ("epo", "eo"), ("est", "et"), ("fin", "fi"), ("fra", "fr"), ("guj", "gu"), ("heb", "he"), ("hin", "hi"), ("hrv", "hr"),
        ("hun", "hu"), ("hye", "hy"), ("ind", "id"), ("ita", "it"), ("jav", "jv"), ("jpn", "ja"), ("kan", "kn"), ("kat", "ka"),
        ("khm", "km"), ("kor", "ko"), ("lat", "la"), ("lav", "lv"), ("lit", "lt"), ("mal", "ml"), ("mar", "mr"), ("mkd", "mk"),
        ("mya", "my"), ("nep", "ne"), ("nld", "nl"), ("nob", "nb"), ("ori", "or"), ("pan", "pa"), ("pes", "fa"), ("pol", "pl"),
        ("por", "pt"), ("ron", "ro"), ("rus", "ru"), ("sin", "si"), ("slk", "sk"), ("slv", "sl"), ("sna", "sn"), ("spa", "es"),
        ("srp", "sr"), ("swe", "sv"), ("tam", "ta"), ("tel", "te"), ("tgl", "tl"), ("tha", "th"), ("tuk", "tk"), ("tur", "tr"),
        ("ukr", "uk"), ("urd", "ur"), ("uzb", "uz"), ("vie", "vi"), ("yid", "yi"), ("zul", "zu"),
    ];
    CODES.iter().find(|(three, _)| *three == code).map_or(code, |(_, two)| two)
}

#[no_mangle]
unsafe extern "C" fn ballot_language(data: *const u8, size: usize, out: *mut Text) -> i32 {
    into_text(out, || Ok(language(text(data, size)?).to_string()))
}

#[no_mangle]
unsafe extern "C" fn ballot_prose(data: *const u8, size: usize, out: *mut Text) -> i32 {
    into_text(out, || Ok(prose(text(data, size)?)))
}
