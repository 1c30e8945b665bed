/* What the Rust crate of this folder offers, as C. Written by hand; src/ffi.rs and the functions marked there are the other side.
 *
 * Strings go in as pointer and length, in UTF-8, and are not kept. Results come back in buffers that belong to Rust: free each one
 * that was filled with ballot_text_free or ballot_ids_free. Every function returns 0, or 1 where it failed: then `out` (or `error`)
 * holds the reason as text. Panics are caught and come back that way, too. Handles may be used from several threads at once,
 * unless said otherwise; a function that takes a handle as `const` does not change what others see.
 */
#ifndef BALLOT_BRIDGE_H
#define BALLOT_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BallotText {
  char* data; /* not ended by a zero */
  size_t size, capacity;
} BallotText;
typedef struct BallotIds {
  uint32_t* data;
  size_t size, capacity;
} BallotIds;
void ballot_text_free(BallotText text);
void ballot_ids_free(BallotIds ids);

/* Tokenizers: tokenizer.json as text in, the same out. */
typedef struct BallotTokenizer BallotTokenizer;
int ballot_tokenizer_new(const char* json, size_t size, BallotTokenizer** out, BallotText* error);
void ballot_tokenizer_free(BallotTokenizer* tokenizer);
int ballot_tokenizer_to_json(const BallotTokenizer* tokenizer, BallotText* out);
/* The parts of a GGUF file, as JSON (src/parts.rs has the fields), to the text of a tokenizer.json. */
int ballot_tokenizer_json_from_parts(const char* parts, size_t size, BallotText* out);
int ballot_tokenizer_encode(const BallotTokenizer* tokenizer, const char* text, size_t size, bool add_special, BallotIds* out,
                            BallotText* error);
/* The same, and for each id the bytes [begin, end) of the text, two numbers an id. */
int ballot_tokenizer_encode_spans(const BallotTokenizer* tokenizer, const char* text, size_t size, bool add_special, BallotIds* out,
                                  BallotIds* spans, BallotText* error);
int ballot_tokenizer_decode(const BallotTokenizer* tokenizer, const uint32_t* ids, size_t count, bool skip_special, BallotText* out);
/* -1 where there is no such token. */
int64_t ballot_tokenizer_token_to_id(const BallotTokenizer* tokenizer, const char* token, size_t size);
/* 1 (and no text) where there is no such id. */
int ballot_tokenizer_id_to_token(const BallotTokenizer* tokenizer, uint32_t id, BallotText* out);
/* One more than the largest id. */
int64_t ballot_tokenizer_size(const BallotTokenizer* tokenizer);
/* Added tokens as JSON: [{"id": 0, "content": "<s>", "special": true}, ...] by id. */
int ballot_tokenizer_added_tokens(const BallotTokenizer* tokenizer, BallotText* out);
/* `tokens`: a JSON list of strings. Not to be called while another thread uses the handle. */
int ballot_tokenizer_add_special(BallotTokenizer* tokenizer, const char* tokens, size_t size, BallotText* error);

/* Jinja. `chat`: the dialect of chat templates, else Jinja2's with strict undefined and the last newline kept. */
typedef struct BallotTemplate BallotTemplate;
int ballot_template_new(const char* source, size_t size, bool chat, BallotTemplate** out, BallotText* error);
void ballot_template_free(BallotTemplate* handle);
/* `context`: a JSON object. `now`: seconds since 1970 for strftime_now. */
int ballot_template_render(const BallotTemplate* handle, const char* context, size_t size, int64_t now, BallotText* out);

/* Language. `language`: ISO 639-1, else 639-3, "und" where the text does not tell. `prose`: the text without its code. */
int ballot_language(const char* text, size_t size, BallotText* out);
int ballot_prose(const char* text, size_t size, BallotText* out);

/* Figures: Vega-Lite to SVG. `bold` may be empty. Calls from several threads wait for each other. */
typedef struct BallotFigures BallotFigures;
int ballot_figures_new(const char* vega, size_t vega_size, const char* vega_lite, size_t vega_lite_size, const char* regular,
                       size_t regular_size, const char* bold, size_t bold_size, BallotFigures** out, BallotText* error);
void ballot_figures_free(BallotFigures* handle);
/* `warnings`: what Vega had to say, a line each; may be empty. */
int ballot_figures_svg(const BallotFigures* handle, const char* specification, size_t size, BallotText* out, BallotText* warnings);

/* For tests: panics on purpose, which must come back as an error. */
int ballot_bridge_panic(BallotText* out);

#ifdef __cplusplus
}
#endif
#endif
