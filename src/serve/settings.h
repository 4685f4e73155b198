#ifndef WEFT_SRC_SERVE_SETTINGS_H
#define WEFT_SRC_SERVE_SETTINGS_H
/* What the parts of reading settings share: settings.c puts the values together, dotenv.c reads .env, settings_shown.c says what is shown,
 * settings_file.c reads the files. */
#include "base/arena.h"
#include "base/buf.h"
#include "weft/settings.h"

enum { WEFT__SETTINGS_TEXT_MAX = 16 << 20, WEFT__VARIABLES_MAX = 10000 };

/* ---- settings.c ---- */

/* Texts to read settings from; with ptr NULL there is no such file. The JSON is an object. */
typedef struct weft__settings_in {
    const weft_settings_opts *opts;
    weft_str dotenv, file;
    weft_arena *arena;               /* of what they hold */
    weft__buf *faults, *said;        /* a line each */
} weft__settings_in;
/* 0; WEFT_EINVAL: with faults; WEFT_ENOMEM, WEFT_ELIMIT. *out is written on success alone. Waits: never. */
int weft__settings_read(const weft_schema *schema, void *out, const weft__settings_in *in);

/* Give back what all settings hold: for tests. */
void weft__settings_forget(void);

/* ---- dotenv.c ---- */

/* One variable of .env. */
typedef struct weft__variable {
    weft_str name, value;
    int line;
    bool used;
} weft__variable;
typedef struct weft__variables { weft__variable *items; uint32_t count, room; } weft__variables;

/* Read its lines; of a name that comes again the later one counts. Faults are added to `faults`, a line each. 0 or
 * WEFT_ENOMEM. Texts lie in the arena, or in `text`. Waits: never. */
int weft__dotenv_read(weft__variables *out, weft_str text, const char *path, weft_arena *arena, weft__buf *faults);

/* The next member: *at begins at 0. 1; 0 behind the last; WEFT_ENOMEM. The object is well formed. Keys are as they mean, in it or in the arena. */
int weft__object_next(weft_str object, size_t *at, weft_str *key, weft_str *value, weft_arena *arena);

/* ---- settings_shown.c ---- */

/* SHOP_API_KEY, db_pass, "accessToken". */
bool weft__named_like_a_secret(weft_str name);
/* Is there a member in it, or in what it holds, that is secret or named like that? */
bool weft__holds_secrets(const weft_schema *schema);
/* Add a value without its secrets: passwords in URLs, values behind names of secrets; control characters escaped, and not more of it than
 * fits a line. */
void weft__shown_add(weft__buf *out, weft_str value);
#endif
