/* weft_settings: the files that settings are read from, and the memory that they live in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "os/file.h"
#include "serve/settings.h"
#include "wire/json.h"

enum { FILE_BYTES_MAX = 1 << 20, ARENA_BYTES_MAX = 64 << 20 };

extern char **environ;

/* The whole of it; ptr NULL: it is not there, or has a fault, which was added. 0 or WEFT_ENOMEM. */
static int read_file(const weft__settings_in *in, weft__os *os, const char *path, weft_str *out)
{
    const weft__file_ops *files = os->ops->files;
    char *bytes = weft__arena_alloc(in->arena, FILE_BYTES_MAX + 1);
    struct iovec iov = { bytes, FILE_BYTES_MAX };
    weft__file_op open = { .kind = WEFT__FILE_OPEN, .path = path, .flags = O_RDONLY };
    *out = (weft_str){ NULL, 0 };
    if (!bytes) return WEFT_ENOMEM;
    files->file_do(os, &open);
    if (open.result == -ENOENT) return 0;
    int64_t got = open.result;
    while (got >= 0 && iov.iov_len) {
        weft__file_op read = { .kind = WEFT__FILE_READ, .fd = (int)open.result, .iov = &iov, .iov_count = 1, .offset = -1 };
        files->file_do(os, &read);
        got = read.result;
        if (got <= 0) break;
        iov = (struct iovec){ (char *)iov.iov_base + got, iov.iov_len - (size_t)got };
    }
    if (open.result >= 0) files->file_do(os, &(weft__file_op){ .kind = WEFT__FILE_CLOSE, .fd = (int)open.result });
    if (got < 0) weft__buf_printf(in->faults, "%s: cannot be read: %s\n", path, strerror((int)-got));
    else if (!iov.iov_len) weft__buf_printf(in->faults, "%s: larger than 1 MiB\n", path);
    else *out = (weft_str){ bytes, FILE_BYTES_MAX - iov.iov_len };
    if (out->ptr) bytes[out->len] = 0;
    return 0;
}

static int read_json_file(weft__settings_in *in, weft__os *os)
{
    weft_str text;
    const char *path = in->opts->file;
    size_t faults = in->faults->len;
    int rc = read_file(in, os, path, &text);
    if (rc < 0 || in->faults->len != faults) return rc;
    if (!text.ptr) {
        weft__buf_printf(in->faults, "%s: there is no such file\n", path);
        return 0;
    }
    weft__json_in json = weft__json_open(text);
    bool object = weft__json_peek(&json) == '{', good = weft__json_skip(&json, 0);
    if (good && weft__json_peek(&json)) good = weft__json_fail(&json, "Extra data", json.at);
    if (!good) weft__buf_printf(in->faults, "%s: no JSON: %s at character %zu\n", path, json.error, weft__json_error_position(&json) + 1);
    else if (!object) weft__buf_printf(in->faults, "%s: expected a JSON object\n", path);
    else in->file = text;
    return 0;
}

static int read_files(weft__settings_in *in)
{
    const char *dotenv = in->opts->dotenv;
    weft__os *os = weft__os_linux_new();
    if (!os) return WEFT_ENOMEM;
    int rc = *dotenv ? read_file(in, os, dotenv, &in->dotenv) : 0;
    if (rc == 0 && in->opts->file) rc = read_json_file(in, os);
    os->ops->free(os);
    return rc;
}

/* ---- all of it ---- */

/* What settings hold lives as long as the process. */
typedef struct kept { struct kept *next; weft_arena arena; } kept;
static kept *all_kept;

void weft__settings_forget(void)
{
    while (all_kept) {
        kept *k = all_kept;
        all_kept = k->next;
        weft__arena_free(&k->arena);
        weft__free(k);
    }
}

static void say(const weft__settings_in *in, int rc)
{
    if (rc == WEFT_EINVAL) fprintf(stderr, "weft: the settings have faults:\n%.*s", WEFT_FMT(weft__buf_str(in->faults)));
    else if (rc < 0) fputs("weft: no memory for the settings\n", stderr);
    else if (in->said->len) fprintf(stderr, "weft: settings:\n%.*s", WEFT_FMT(weft__buf_str(in->said)));
}

int weft_settings_with(const weft_schema *schema, void *out, const weft_settings_opts *given)
{
    weft_settings_opts opts = *given;
    weft__buf faults, said;
    weft__settings_in in = { .opts = &opts, .faults = &faults, .said = &said };
    kept *k = weft__calloc(sizeof *k);
    int rc = WEFT_ENOMEM;
    if (!opts.dotenv) opts.dotenv = ".env";
    if (!opts.environment) opts.environment = (const char *const *)environ;
    weft__buf_init(&faults, WEFT__SETTINGS_TEXT_MAX);
    weft__buf_init(&said, WEFT__SETTINGS_TEXT_MAX);
    if (k) {
        weft__arena_init(&k->arena, NULL, ARENA_BYTES_MAX);
        in.arena = &k->arena;
        rc = read_files(&in);
        if (rc == 0) rc = weft__settings_read(schema, out, &in);
    }
    say(&in, rc);
    weft__buf_free(&faults);
    weft__buf_free(&said);
    if (rc == 0) {
        k->next = all_kept;
        all_kept = k;
    } else if (k) {
        weft__arena_free(&k->arena);
        weft__free(k);
    }
    return rc;
}
