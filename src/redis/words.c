/* A command's text and values as the bytes that are sent. */
#define _GNU_SOURCE
#include <string.h>
#include "redis/inside.h"

enum { WORDS_MAX = 1 << 20 };

/* What is being written. */
typedef struct writing {
    const weft_redis_command *command;
    weft__buf *to;
    size_t value;                    /* the next */
    uint32_t words;
    weft__buf fault;
} writing;

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static weft_str next_word(const char **at)
{
    while (is_space(**at)) ++*at;
    const char *from = *at;
    while (**at && !is_space(**at)) ++*at;
    return (weft_str){ from, (size_t)(*at - from) };
}

static const char *find_place(weft_str word) { return memmem(word.ptr, word.len, "{}", 2); }

static int fail_at(writing *w, int code, const char *what)
{
    const weft_redis_command *c = w->command;
    code = weft__fail(c->place, code, "%s%.*s: %.*s", what, WEFT_FMT(weft__buf_str(&w->fault)), WEFT__REDIS_SHOWN, c->text);
    weft__buf_free(&w->fault);
    return code;
}

static int bad_value(writing *w, int rc)
{
    const weft_redis_command *c = w->command;
    if (rc != WEFT_EINVAL) return fail_at(w, rc, "the values are more than can be sent, or there is no memory for them");
    rc = weft__fail(c->place, rc, "value %zu is %.*s: %.*s", w->value, WEFT_FMT(weft__buf_str(&w->fault)), WEFT__REDIS_SHOWN, c->text);
    weft__buf_free(&w->fault);
    return rc;
}

static int miscounted(writing *w)
{
    const weft_redis_command *c = w->command;
    size_t places = 0;
    for (const char *at = c->text; (at = strstr(at, "{}")); at += 2) places++;
    return weft__fail(c->place, WEFT_EINVAL, "%zu {} for %zu value%s: %.*s", places, c->count, c->count == 1 ? "" : "s", WEFT__REDIS_SHOWN, c->text);
}

static int put_value(writing *w)
{
    int rc = weft__rvalue_put(w->to, &w->command->values[w->value++], &w->fault);
    if (rc < 0) return bad_value(w, rc);
    w->words += (uint32_t)rc;
    return 0;
}

/* "visits:{}:{}": literal and values by turns, one argument. */
static int put_joined(writing *w, weft_str word)
{
    size_t begun = weft__resp_begin(w->to);
    int rc = 0;
    for (const char *at; rc == 0 && (at = find_place(word));) {
        size_t before = (size_t)(at - word.ptr);
        weft__buf_add(w->to, word.ptr, before);
        word = (weft_str){ at + 2, word.len - before - 2 };
        rc = w->value < w->command->count ? weft__rvalue_text(w->to, &w->command->values[w->value++], &w->fault) : 1;
    }
    weft__buf_add_str(w->to, word);
    if (rc == 0 && w->to->failed) rc = w->to->failed;
    if (rc == 0) weft__resp_end(w->to, begun);
    w->words++;
    return rc > 0 ? miscounted(w) : rc < 0 ? bad_value(w, rc) : 0;
}

static int put_word(writing *w, weft_str word)
{
    const char *place = find_place(word);
    if (*word.ptr == '"' || *word.ptr == '\'') return fail_at(w, WEFT_EINVAL, "quotes mean nothing here; what has a space in it is a {}");
    if (!place) return weft__resp_put(w->to, word), w->words++, 0;
    if (word.len > 2) return put_joined(w, word);
    return w->value < w->command->count ? put_value(w) : miscounted(w);
}

/* The first word says what it is; one that is no literal could be anything. */
static int put_name(writing *w, weft_str word, const char *sha, weft__rwritten *out)
{
    if (!word.len) return fail_at(w, WEFT_EINVAL, "a command without words");
    if (find_place(word)) return fail_at(w, WEFT_EINVAL, "the first word of a command is no value");
    out->known = weft__rknown_of(word);
    weft__resp_put(w->to, !sha ? word : word.len == 4 ? WEFT_S("EVALSHA") : WEFT_S("EVALSHA_RO"));
    w->words = 1;
    return 0;
}

static int put_sha(writing *w, const char *sha)
{
    weft__resp_put(w->to, weft_str_of(sha));
    w->words++;
    w->value++;
    return 0;
}

static int put_rest(writing *w, const char *at, const char *sha, weft__rwritten *out)
{
    for (weft_str word; (word = next_word(&at)).len;) {
        bool literal = !find_place(word);
        if (w->words == 1 && !literal && out->known->flags & WEFT__RC_SECOND) return fail_at(w, WEFT_EINVAL, "the second word of this command is no value");
        if (w->words == 1 && literal && out->known->flags & WEFT__RC_SECOND && weft__rknown_second(out->known, word))
            return fail_at(w, WEFT_EINVAL, weft__rknown_second(out->known, word));
        int rc = sha && w->words == 1 ? put_sha(w, sha) : put_word(w, word);
        if (rc < 0) return rc;
    }
    return 0;
}

/* The values of SUBSCRIBE stand behind it without places of their own. */
static int put_all(writing *w, const char *sha, weft__rwritten *out)
{
    const char *at = w->command->text;
    int rc = put_name(w, next_word(&at), sha, out);
    if (rc < 0) return rc;
    bool lists = out->known->flags & WEFT__RC_NEVER && !*at;
    rc = put_rest(w, at, sha, out);
    while (rc == 0 && lists && w->value < w->command->count) rc = put_value(w);
    if (rc == 0 && w->value != w->command->count) rc = miscounted(w);
    if (rc == 0 && w->words > WORDS_MAX) rc = fail_at(w, WEFT_EINVAL, "more than 1 048 576 words");
    if (rc == 0 && w->to->failed) rc = fail_at(w, w->to->failed, "the command is more than can be sent, or there is no memory for it");
    return rc;
}

/* The number of words stands before them, and is known behind: its digits are moved there. */
int weft__rwrite(weft__buf *to, const weft_redis_command *command, const char *sha, weft__rwritten *out)
{
    enum { HEAD_MAX = 16 };
    char space[HEAD_MAX] = "";
    writing w = { .command = command, .to = to };
    size_t before = to->len;
    weft__buf head = { .ptr = (char[HEAD_MAX + 1]){ 0 }, .room = HEAD_MAX, .bytes_max = HEAD_MAX };
    *out = (weft__rwritten){ 0 };
    weft__buf_init(&w.fault, 512);
    weft__buf_add(to, space, HEAD_MAX);
    int rc = put_all(&w, sha, out);
    weft__buf_free(&w.fault);
    if (rc < 0) {
        to->len = before;
        to->failed = 0;
        return rc;
    }
    out->words = w.words;
    weft__resp_put_head(&head, w.words);
    memmove(to->ptr + before + head.len, to->ptr + before + HEAD_MAX, to->len - before - HEAD_MAX);
    memcpy(to->ptr + before, head.ptr, head.len);
    to->len -= HEAD_MAX - head.len;
    weft__block_of((weft_str){ to->ptr + before, to->len - before }, out);
    return 0;
}
