#include <string.h>
#include "model/judge.h"
#include "model/reader.h"
#include "wire/json_plain.h"

bool weft__read_fail(weft__reader *r, int rc)
{
    r->rc = rc;
    return false;
}

uint32_t weft__read_steps(const weft__reader *r, weft__step *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i <= r->depth; i++) {
        if (i < WEFT__JSON_DEPTH_MAX && r->tagged >> i & 1) {
            weft_str name = r->cases[i]->name;
            out[n++] = (weft__step){ name.ptr, (uint32_t)name.len, 0 };
        }
        if (i < r->depth) out[n++] = r->path[i];
    }
    return n;
}

static __attribute__((noinline)) void problem_in_union(
    weft__reader *r, const weft__finding *found, weft__input input)
{
    weft__step steps[WEFT__STEPS_MAX];
    uint32_t count = weft__read_steps(r, steps);
    weft__problems_add_at(r->problems, found, r->prefix, steps, count, input);
}

bool weft__read_problem(weft__reader *r, const weft__finding *found, const char *begin)
{
    weft__input input = { WEFT__INPUT_JSON, { begin, (size_t)(r->in.at - begin) } };
    if (r->tagged) problem_in_union(r, found, input);
    else weft__problems_add_at(r->problems, found, r->prefix, r->path, r->depth, input);
    return r->problems->failed ? weft__read_fail(r, r->problems->failed) : true;
}

bool weft__read_wrong_kind(weft__reader *r, const weft_schema *schema)
{
    const char *begin = r->in.at;
    if (!weft__json_skip(&r->in, r->depth)) return false;
    weft__finding found = weft__wrong_kind(schema);
    return weft__read_problem(r, &found, begin);
}

bool weft__read_twice(weft__reader *r, weft_str key, const char *at)
{
    weft_str error = weft__arena_printf(
        r->arena, "Duplicate key '%.*s'", key.len > 100 ? 100 : (int)key.len, key.ptr);
    if (!error.ptr) return weft__read_fail(r, weft__arena_error(r->arena));
    return weft__json_fail(&r->in, error.ptr, at);
}

static inline bool read_text_copy(weft__reader *r, weft_str text, weft_str *out)
{
    size_t room = text.len < 16 ? 16 : text.len + 1;
    char *to = weft__arena_alloc(r->arena, room);
    if (!to) return weft__read_fail(r, weft__arena_error(r->arena));
    if (text.len <= 16) weft__copy16(to, text.ptr, text.len);
    else memcpy(to, text.ptr, text.len);
    to[text.len] = 0;
    *out = (weft_str){ to, text.len };
    return true;
}

bool weft__read_text_copy(weft__reader *r, weft_str text, weft_str *out)
{
    return read_text_copy(r, text, out);
}

bool weft__read_text_of(weft__reader *r, const weft__json_string *string, weft_str *out, bool *nul)
{
    *nul = false;
    *out = string->raw;
    if (!string->escaped) return true;
    char *to = weft__arena_alloc(r->arena, string->raw.len + 1);
    if (!to) return weft__read_fail(r, weft__arena_error(r->arena));
    *out = (weft_str){ to, weft__json_unescape(string->raw, to, nul) };
    to[out->len] = 0;
    return true;
}

static bool token_text(weft__reader *r, weft__token *t)
{
    weft__json_string string;
    bool nul;
    t->kind = WEFT__TOKEN_TEXT;
    return weft__json_string_read(&r->in, &string) &&
           weft__read_text_of(r, &string, &t->text, &nul);
}

bool weft__read_token(weft__reader *r, weft__token *t)
{
    switch (weft__json_peek(&r->in)) {
    case '"': return token_text(r, t);
    case 'n': t->kind = WEFT__TOKEN_NULL; break;
    case 't': t->kind = WEFT__TOKEN_TRUE; break;
    case 'f': t->kind = WEFT__TOKEN_FALSE; break;
    case '[': t->kind = WEFT__TOKEN_LIST; break;
    case '{': t->kind = WEFT__TOKEN_OBJECT; break;
    default:
        t->kind = WEFT__TOKEN_NUMBER;
        weft__number_scan(r->in.at, r->in.end, &t->number);
    }
    return weft__json_skip(&r->in, r->depth);
}

/* The way of every scalar that is not simply what its type asks for: `at` stands on the value. */
static __attribute__((noinline, cold)) bool read_slowly(
    weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out)
{
    weft__token token;
    weft__finding found;
    const char *begin = r->in.at;
    if (!weft__read_token(r, &token)) return false;
    int rc = weft__coerce(schema, rules, &token, out, r->arena, &found);
    if (rc == 0) return true;
    return rc == WEFT_EINVAL ? weft__read_problem(r, &found, begin) : weft__read_fail(r, rc);
}

/* Each reader of a scalar is called in tail position, so that what comes often costs no frame
 * for what does not. */
#define READER static __attribute__((noinline)) bool

READER read_int(weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out)
{
    weft__number number;
    int64_t value;
    weft__finding found;
    const char *begin = r->in.at, *behind = weft__number_scan(begin, r->in.end, &number);
    if (!behind || weft__number_int64(&number, &value) < 0)
        return read_slowly(r, schema, rules, out);
    r->in.at = behind;
    bool narrow = schema->scalar == WEFT__int32;
    if ((rules || narrow) && weft__rules_int(rules, schema->scalar, value, &found) < 0)
        return weft__read_problem(r, &found, begin);
    if (narrow) *(int32_t *)out = (int32_t)value;
    else *(int64_t *)out = value;
    return true;
}

READER read_double(weft__reader *r, const weft_schema *schema, const weft_field *rules, double *out)
{
    weft__number number;
    weft__finding found;
    const char *begin = r->in.at, *behind = weft__number_scan(begin, r->in.end, &number);
    if (!behind) return read_slowly(r, schema, rules, out);
    r->in.at = behind;
    *out = weft__number_double(&number);
    return weft__rules_double(rules, *out, &found) == 0 || weft__read_problem(r, &found, begin);
}

READER read_bool(weft__reader *r, const weft_schema *schema, bool *out)
{
    size_t left = (size_t)(r->in.end - r->in.at);
    if (left >= 4 && memcmp(r->in.at, "true", 4) == 0) {
        *out = true;
        r->in.at += 4;
    } else if (left >= 5 && memcmp(r->in.at, "false", 5) == 0) {
        *out = false;
        r->in.at += 5;
    } else {
        return read_slowly(r, schema, NULL, out);
    }
    return true;
}

/* Behind the plain characters that follow the quote at `at`, when they are the whole string;
 * NULL for all other strings. */
static inline const char *plain_string_end(const weft__reader *r)
{
    const char *p = r->in.at + 1, *end = r->in.end;
    if (end - p >= 8) {
        uint64_t special = weft__json_special8(weft__load8(p));
        p = special ? p + __builtin_ctzll(special) / 8 : weft__json_plain_end(p + 8, end);
    } else {
        while (p < end && !weft__json_special((unsigned char)*p)) p++;
    }
    return p < end && *p == '"' ? p : NULL;
}

static inline bool limits_text(const weft_field *rules)
{
    return rules && (rules->min_len || rules->max_len || rules->pattern || rules->format);
}

/* Checked text of a value that begins at `begin`: kept as it lies when it is in the arena
 * already. */
static inline bool take_text(weft__reader *r, const weft_field *rules, weft_str text, bool kept,
    const char *begin, weft_str *out)
{
    if (limits_text(rules)) {
        weft__finding found;
        int rc = weft__rules_text(rules, text, &found);
        if (rc == WEFT_EINVAL) return weft__read_problem(r, &found, begin);
        if (rc < 0) return weft__read_fail(r, rc);
    }
    if (!kept) return read_text_copy(r, text, out);
    *out = text;
    return true;
}

/* Text with escapes, or with bytes above ASCII. */
READER read_marked_text(weft__reader *r, const weft_field *rules, weft_str *out)
{
    static const weft__finding found = WEFT__FOUND_NUL;
    const char *begin = r->in.at;
    weft__json_string string;
    weft_str text;
    bool nul;
    if (!weft__json_string_read(&r->in, &string)) return false;
    if (!weft__read_text_of(r, &string, &text, &nul)) return false;
    if (nul) return weft__read_problem(r, &found, begin);
    return take_text(r, rules, text, string.escaped, begin, out);
}

READER read_text(
    weft__reader *r, const weft_schema *schema, const weft_field *rules, weft_str *out)
{
    const char *begin = r->in.at;
    if (begin == r->in.end || *begin != '"') return read_slowly(r, schema, rules, out);
    const char *behind = plain_string_end(r);
    if (!behind) return read_marked_text(r, rules, out);
    r->in.at = behind + 1;
    return take_text(
        r, rules, (weft_str){ begin + 1, (size_t)(behind - begin - 1) }, false, begin, out);
}

READER read_enum(weft__reader *r, const weft_schema *schema, void *out)
{
    if (r->in.at == r->in.end || *r->in.at != '"') return read_slowly(r, schema, NULL, out);
    const char *behind = plain_string_end(r), *first = r->in.at + 1;
    const weft_field *value =
        behind ? weft__enum_value(schema, (weft_str){ first, (size_t)(behind - first) }) : NULL;
    if (!value) return read_slowly(r, schema, NULL, out);
    r->in.at = behind + 1;
    weft__enum_store(schema, out, value->tag);
    return true;
}

READER read_json(weft__reader *r, weft_json *out)
{
    const char *begin = r->in.at;
    if (!weft__json_skip(&r->in, r->depth)) return false;
    return weft__read_text_copy(r, (weft_str){ begin, (size_t)(r->in.at - begin) }, &out->text);
}

/* An option is its value and, right behind it, two bools: set and null. */
READER read_option(weft__reader *r, const weft_schema *schema, const weft_field *rules, char *out)
{
    bool *set = (bool *)(out + schema->of->size);
    if (r->in.at < r->in.end && *r->in.at == 'n') {
        set[1] = true;
        return weft__json_literal(&r->in, "null", 4);
    }
    set[0] = true;
    return weft__read_value(r, schema->of, rules, out);
}

/* A kind and a scalar in one, for one jump instead of two. */
#define SHAPE(kind, scalar) ((kind) << 4 | (scalar))

bool weft__read_value(
    weft__reader *r, const weft_schema *schema, const weft_field *rules, void *out)
{
    if (r->in.at < r->in.end && (unsigned char)*r->in.at <= ' ') weft__json_peek(&r->in);
    switch (SHAPE(schema->kind, schema->scalar)) {
    case SHAPE(WEFT__scalar, WEFT__int32):
    case SHAPE(WEFT__scalar, WEFT__int64): return read_int(r, schema, rules, out);
    case SHAPE(WEFT__scalar, WEFT__double): return read_double(r, schema, rules, out);
    case SHAPE(WEFT__scalar, WEFT__bool): return read_bool(r, schema, out);
    case SHAPE(WEFT__scalar, WEFT__text): return read_text(r, schema, rules, out);
    case SHAPE(WEFT__scalar, WEFT__json): return read_json(r, out);
    case SHAPE(WEFT__scalar, WEFT__date):
    case SHAPE(WEFT__scalar, WEFT__time):
    case SHAPE(WEFT__scalar, WEFT__datetime):
    case SHAPE(WEFT__scalar, WEFT__duration):
    case SHAPE(WEFT__scalar, WEFT__uuid):
    case SHAPE(WEFT__scalar, WEFT__decimal):
    case SHAPE(WEFT__scalar, WEFT__bytes): return read_slowly(r, schema, rules, out);
    case SHAPE(WEFT__enum, WEFT__no_scalar): return read_enum(r, schema, out);
    case SHAPE(WEFT__model, WEFT__no_scalar): return weft__read_model(r, schema, NULL, out);
    case SHAPE(WEFT__list, WEFT__no_scalar): return weft__read_list(r, schema, rules, out);
    case SHAPE(WEFT__map, WEFT__no_scalar): return weft__read_map(r, schema, rules, out);
    case SHAPE(WEFT__opt, WEFT__no_scalar): return read_option(r, schema, rules, out);
    case SHAPE(WEFT__union, WEFT__no_scalar): return weft__read_union(r, schema, out);
    default: return weft__json_skip(&r->in, r->depth);
    }
}

/* A value that may be one thing alone. */
static bool read_only(
    weft__reader *r, const weft_schema *schema, const weft_field *field, char *out)
{
    weft__token token;
    const char *begin = r->in.at;
    bool option = schema->kind == WEFT__opt;
    if (!weft__read_token(r, &token)) return false;
    if (option && !field->not_null && token.kind == WEFT__TOKEN_NULL) {
        out[schema->of->size + 1] = true;
        return true;
    }
    if (!weft__judge_is_only(field, &token)) {
        weft__finding found = weft__judge_not_only(field);
        return weft__read_problem(r, &found, begin);
    }
    if (option) out[schema->of->size] = true;
    int rc = weft__judge_store_only(field, out);
    return rc == 0 || weft__read_fail(r, rc);
}

/* An option that may not be null is read as its value is. */
bool weft__read_judged(weft__reader *r, const weft_schema *schema, const weft_field *field,
    const weft_field *rules, void *out)
{
    weft__finding found;
    weft__json_peek(&r->in);
    const char *begin = r->in.at;
    uint32_t before = r->problems->total;
    bool sure = field->not_null && schema->kind == WEFT__opt;
    if (field->only) {
        if (!read_only(r, schema, field, out)) return false;
    } else if (sure) {
        ((bool *)out)[schema->of->size] = true;
        if (!weft__read_value(r, schema->of, rules, out)) return false;
    } else if (!weft__read_value(r, schema, rules, out)) {
        return false;
    }
    if (r->problems->total != before) return true;
    int rc = weft__judge(field, out, r->arena, &found);
    if (rc == 0) return true;
    return rc == WEFT_EINVAL ? weft__read_problem(r, &found, begin) : weft__read_fail(r, rc);
}

static bool read_whole(
    weft__reader *r, const weft_schema *schema, const weft_field *field, void *out)
{
    const weft_field *rules = field && weft__field_has_rules(field) ? field : NULL;
    static const char mark[] = "\xEF\xBB\xBF";
    if (r->in.end - r->in.at >= 3 && memcmp(r->in.at, mark, 3) == 0)
        return weft__json_fail(&r->in, "Unexpected UTF-8 BOM (decode using utf-8-sig)", r->in.at);
    bool read = field && weft__field_is_judged(field)
        ? weft__read_judged(r, schema, field, rules, out)
        : weft__read_value(r, schema, rules, out);
    if (!read) return false;
    weft__json_peek(&r->in);
    return r->in.at == r->in.end || weft__json_fail(&r->in, "Extra data", r->in.at);
}

int weft__json_read_nested(const weft_schema *schema, const weft_field *constraints, weft_str json,
    void *out, weft_arena *arena, weft__problems *problems, const weft__loc *prefix,
    uint32_t nested)
{
    if (json.len > 1 << 30) return WEFT_ELIMIT;
    if (nested > WEFT__NESTED_MAX) return WEFT_EDEADLK;
    memset(out, 0, schema->size);
    weft__reader r;                                /* the path is set step by step */
    r.in = weft__json_open(json);
    r.arena = arena;
    r.problems = problems;
    r.prefix = prefix;
    r.rc = 0;
    r.nested = nested;
    r.depth = 0;
    r.tagged = 0;
    uint32_t before = problems->total;
    bool read = read_whole(&r, schema, constraints, out);
    if (r.rc < 0) return r.rc;
    if (!read) {
        weft__problems_syntax(problems, prefix, weft__json_error_position(&r.in), r.in.error);
        return problems->failed ? problems->failed : WEFT_EINVAL;
    }
    return problems->total > before || weft__problems_full(problems) ? WEFT_EINVAL : 0;
}

int weft__json_read(const weft_schema *schema, const weft_field *constraints, weft_str json,
    void *out, weft_arena *arena, weft__problems *problems, const weft__loc *prefix)
{
    return weft__json_read_nested(schema, constraints, json, out, arena, problems, prefix, 0);
}
