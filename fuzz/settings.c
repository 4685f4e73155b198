/* Settings out of hostile texts: .env, a JSON file and an environment, which stand behind one another with NUL bytes between. Whatever they
 * say, what is told of them is lines of plain text, and a secret is never among it. */
#define _GNU_SOURCE
#include "model_check.h"
#include "serve/settings.h"

enum { VARIABLES_MAX = 32, TEXT_MAX = 16 << 20 };

WEFT_DECLARE(Tree);
WEFT_DEFINE(Tree, field(int, n, .initial = "0"), ref(Tree, next));
WEFT_MODEL(Inner, field(weft_str, host), opt(int, port), opt(weft_str, password), extra(weft_json, more));
WEFT_MODEL(Settings,
    field(int, port, .initial = "8000", .range = { 1, 65535 }),
    field(bool, debug, .initial = "false"),
    field(weft_str, url, .initial = ""),
    field(Level, level, .initial = "low"),
    list(weft_str, names, .initial = "[]"),
    list(int, sizes, .initial = "[1]"),
    list(Inner, peers, .initial = "[]"),
    map(weft_str, stock, .initial = "{}"),
    field(weft_json, any, .initial = "null"),
    opt(Inner, inner),
    opt(Tree, tree),
    opt(Choice, choice),
    field(weft_str, api, .initial = "", .secret = true));

/* The next text, up to a NUL or the end; a NUL is put behind it. NULL: there is none. */
static char *next_text(const uint8_t **at, const uint8_t *end)
{
    if (*at >= end) return NULL;
    const uint8_t *nul = memchr(*at, 0, (size_t)(end - *at));
    size_t n = (size_t)((nul ? nul : end) - *at);
    char *text = malloc(n + 1);
    MUST(text != NULL);
    memcpy(text, *at, n);
    text[n] = 0;
    *at += n + (nul != NULL);
    return text;
}

static void must_be_plain(const weft__buf *said)
{
    for (size_t i = 0; i < said->len; i++) MUST((unsigned char)said->ptr[i] >= ' ' || said->ptr[i] == '\n');
}

static void must_not_have(const weft__buf *said, weft_str secret)
{
    if (said->len && secret.len) MUST(!memmem(said->ptr, said->len, secret.ptr, secret.len));
}

/* Two secrets that nothing else could have said. */
static void check_secrets(const char *const *environment, const weft__buf *faults, const weft__buf *said)
{
    for (const char *const *e = environment; *e; e++) {
        if (strncmp(*e, "S_API=zqj", 9) != 0) continue;
        weft_str secret = weft_str_of(*e + 6);
        bool alone = true;
        for (const char *const *other = environment; *other; other++) alone &= other == e || !strstr(*other, "zqj");
        if (!alone) continue;
        must_not_have(faults, secret);
        must_not_have(said, secret);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    char *dotenv = next_text(&at, end), *file = next_text(&at, end), *environment[VARIABLES_MAX + 1] = { NULL };
    for (int i = 0; i < VARIABLES_MAX && (environment[i] = next_text(&at, end)); i++) continue;
    weft_settings_opts opts = { .prefix = "S_", .file = file ? "file" : NULL, .print = true, .environment = (const char *const *)environment };
    bool other_secret = (dotenv && strstr(dotenv, "zqj")) || (file && strstr(file, "zqj"));
    weft_arena arena;
    weft__buf faults, said;
    static Settings out;
    weft__arena_init(&arena, NULL, 8 << 20);
    weft__buf_init(&faults, TEXT_MAX);
    weft__buf_init(&said, TEXT_MAX);
    weft__settings_in in = { .opts = &opts, .arena = &arena, .faults = &faults, .said = &said };
    if (dotenv) in.dotenv = weft_str_of(dotenv);
    if (file && file[strspn(file, " \t\r\n")] == '{' && weft__json_valid(weft_str_of(file))) in.file = weft_str_of(file);
    int rc = weft__settings_read(&weft_schema_Settings, &out, &in);
    MUST(rc == 0 || (rc == WEFT_EINVAL && faults.len) || (rc < 0 && (arena.exceeded || said.failed || faults.failed)));
    MUST(rc < 0 || !faults.len);
    must_be_plain(&faults);
    must_be_plain(&said);
    if (!other_secret) check_secrets((const char *const *)environment, &faults, &said);
    weft__buf_free(&faults);
    weft__buf_free(&said);
    weft__arena_free(&arena);
    free(dotenv);
    free(file);
    for (int i = 0; i < VARIABLES_MAX; i++) free(environment[i]);
    return 0;
}
