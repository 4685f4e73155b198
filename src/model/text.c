#include "model/text.h"
#include <string.h>
#include "model/coerce.h"
#include "model/judge.h"
#include "model/reader.h"
#include "model/rules.h"
#include "wire/json.h"

static int problem(
    weft__problems *problems, const weft__finding *found, const weft__loc *loc, weft_str text)
{
    weft__problems_add(problems, found, loc, (weft__input){ WEFT__INPUT_TEXT, text });
    return problems->failed ? problems->failed : WEFT_EINVAL;
}

static int read_json_text(weft_str text, weft_json *out, weft_arena *arena,
    weft__problems *problems, const weft__loc *loc)
{
    static const weft__finding found = { .type = "json_invalid", .msg = "Invalid JSON" };
    if (!weft__json_valid(text)) return problem(problems, &found, loc, text);
    out->text = weft__arena_dup(arena, text);
    return out->text.ptr ? 0 : weft__arena_error(arena);
}

static int read_one(const weft_schema *schema, const weft_field *rules, weft_str text, void *out,
    weft_arena *arena, weft__problems *problems, const weft__loc *loc)
{
    if (schema->kind != WEFT__scalar && schema->kind != WEFT__enum) {
        weft__finding found = weft__wrong_kind(schema);
        return problem(problems, &found, loc, text);
    }
    if (schema->scalar == WEFT__json) return read_json_text(text, out, arena, problems, loc);
    weft__finding found;
    weft__token token = { .kind = WEFT__TOKEN_TEXT,
        .text = { text.len ? text.ptr : "", text.len } };
    int rc = weft__coerce(schema, rules, &token, out, arena, &found);
    return rc == WEFT_EINVAL ? problem(problems, &found, loc, text) : rc;
}

int weft__text_append(const weft_schema *schema, const weft_field *field, weft_str text, void *list,
    weft_arena *arena, weft__problems *problems, const weft__loc *loc)
{
    weft__any_list *l = list;
    weft__loc at = { .up = loc, .index = l->count };
    void *item = weft__list_slot(arena, list, schema->item_size);
    if (!item) return weft__arena_error(arena);
    return read_one(schema->of, field, text, item, arena, problems, &at);
}

/* The items as they came are gone: what they were read as is written for the echo. */
static int items_problem(const weft_field *field, const void *list, const weft__finding *found,
    weft__problems *problems, const weft__loc *loc)
{
    weft__buf echo;
    weft__buf_init(&echo, 64 * WEFT__INPUT_ECHO_MAX);
    bool written = weft__json_write(field->type, list, &echo, NULL) == 0;
    weft__problems_add(problems, found, loc,
        (weft__input){ written ? WEFT__INPUT_JSON : WEFT__INPUT_NONE, weft__buf_str(&echo) });
    weft__buf_free(&echo);
    return problems->failed ? problems->failed : WEFT_EINVAL;
}

static int judge_items(const weft_field *field, void *list, weft_arena *arena,
    weft__problems *problems, const weft__loc *loc)
{
    weft__finding found;
    int rc = weft__field_is_judged(field) ? weft__judge(field, list, arena, &found) : 0;
    return rc == WEFT_EINVAL ? items_problem(field, list, &found, problems, loc) : rc;
}

int weft__text_items(
    const weft_field *field, void *list, weft__problems *problems, const weft__loc *loc)
{
    const weft__any_list *l = list;
    weft__finding found;
    if (weft__rules_items(field, "List", l->count, &found) == 0) {
        if (weft__problems_before(problems, loc).count < problems->count) return 0;
        return judge_items(field, list, problems->arena, problems, loc);
    }
    weft__problems_mark before = weft__problems_before(problems, loc);
    bool too_long = field->max_items && l->count > field->max_items;
    if (!too_long && before.count < problems->count) return 0;
    weft__problems_back_to(problems, before);
    return items_problem(field, list, &found, problems, loc);
}

/* Of a text that may be one alone, all is said by its bytes or, of a number, by its value. */
static bool is_only(const weft_field *field, const weft_schema *type, weft_str text, const void *out)
{
    uint64_t only[2] = { 0 };
    if (weft_str_equal(text, weft_str_of(field->only))) return true;
    if (type->kind == WEFT__enum || type->scalar == WEFT__text) return false;
    if (weft__judge_store_only(field, only) < 0) return false;
    return memcmp(only, out, type->size) == 0;
}

/* What was read without a problem. */
static int judge_text(const weft_field *field, weft_str text, void *out, weft_arena *arena,
    weft__problems *problems, const weft__loc *loc)
{
    weft__finding found;
    const weft_schema *type = field->type->kind == WEFT__opt ? field->type->of : field->type;
    int rc = 0;
    if (field->only && !is_only(field, type, text, out)) {
        found = weft__judge_not_only(field);
        rc = WEFT_EINVAL;
    }
    if (rc == 0) rc = weft__judge(field, out, arena, &found);
    return rc == WEFT_EINVAL ? problem(problems, &found, loc, text) : rc;
}

static int read_text(const weft_schema *schema, const weft_field *field, weft_str text, void *out,
    weft_arena *arena, weft__problems *problems, const weft__loc *loc)
{
    if (schema->kind != WEFT__opt) return read_one(schema, field, text, out, arena, problems, loc);
    ((bool *)out)[schema->of->size] = true;
    return read_one(schema->of, field, text, out, arena, problems, loc);
}

enum { FEW_DIGITS = 9 };                       /* fit every integer */

/* What nearly all integers are: a few digits that keep the rules. false: the long way decides, and says what is wrong. */
static bool read_digits(const weft_schema *schema, const weft_field *field, weft_str text, void *out)
{
    if (schema->scalar != WEFT__int64 && schema->scalar != WEFT__int32) return false;
    if (schema->kind != WEFT__scalar || !text.len || text.len > FEW_DIGITS) return false;
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9) return false;
        value = value * 10 + digit;
    }
    weft__finding found;
    if (field && weft__rules_int(field, schema->scalar, value, &found) < 0) return false;
    if (schema->scalar == WEFT__int64) *(int64_t *)out = value;
    else *(int32_t *)out = (int32_t)value;
    return true;
}

int weft__text_read(const weft_schema *schema, const weft_field *field, weft_str text, void *out,
    weft_arena *arena, weft__problems *problems, const weft__loc *loc)
{
    int rc = 0;
    if (!read_digits(schema, field, text, out)) {
        memset(out, 0, schema->size);
        if (schema->kind == WEFT__list)
            return weft__text_append(schema, field, text, out, arena, problems, loc);
        rc = read_text(schema, field, text, out, arena, problems, loc);
    }
    if (rc < 0 || !field || !weft__field_is_judged(field)) return rc;
    return judge_text(field, text, out, arena, problems, loc);
}

int weft__absent_read(const weft_field *field, void *out, weft_arena *arena,
    weft__problems *problems, const weft__loc *loc)
{
    if (field->initial) return weft__default_read(field, 0, out, arena);
    memset(out, 0, field->type->size);
    if (weft__field_may_lack(field)) return 0;
    weft__problems_missing(problems, loc);
    return problems->failed ? problems->failed : WEFT_EINVAL;
}

static int default_parse(const weft_field *field, const weft_field *rules, void *out,
    weft_arena *arena, weft__problems *problems, uint32_t nested)
{
    const weft_schema *type = field->type->kind == WEFT__opt ? field->type->of : field->type;
    weft_str text = weft_str_of(field->initial);
    bool plain =
        (type->kind == WEFT__scalar && type->scalar != WEFT__json) || type->kind == WEFT__enum;
    if (plain) return weft__text_read(field->type, rules, text, out, arena, problems, NULL);
    return weft__json_read_nested(
        field->type, rules, text, out, arena, problems, NULL, nested + 1);
}

int weft__default_check(
    const weft_field *field, void *out, weft_arena *arena, weft__problems *problems)
{
    weft_field own = *field;                       /* .check is not asked about it */
    own.check = NULL;
    return default_parse(&own, &own, out, arena, problems, 0);
}

/* Its limits were checked at the start, and text that no program changes needs no copy. */
int weft__default_read(const weft_field *field, uint32_t nested, void *out, weft_arena *arena)
{
    if (field->type->scalar == WEFT__text) {
        *(weft_str *)out = weft_str_of(field->initial);
        return 0;
    }
    weft__problems problems;
    weft__problems_init(&problems, arena);
    return default_parse(field, NULL, out, arena, &problems, nested);
}
