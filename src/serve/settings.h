#ifndef WEFT_SRC_SERVE_SETTINGS_H
#define WEFT_SRC_SERVE_SETTINGS_H
/* What the parts of reading settings share: settings.c puts the values together, dotenv.c reads .env. */
#include "base/arena.h"
#include "base/buf.h"
#include "weft/settings.h"

/* Give back what all settings hold: for tests. */
void weft__settings_forget(void);

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

/* The next member: *at begins at 0. False behind the last. The object is well formed. Keys are as they mean, in the arena. */
bool weft__object_next(weft_str object, size_t *at, weft_str *key, weft_str *value, weft_arena *arena);
#endif
