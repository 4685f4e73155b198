#ifndef WEFT_FUZZ_MODEL_CHECK_H
#define WEFT_FUZZ_MODEL_CHECK_H
/* A model with every kind of member, for all targets that read or write one. */
#include <stdlib.h>
#include <string.h>
#include "model/json.h"
#include "model/text.h"
#include "wire/json.h"

#define MUST(condition) \
    do { \
        if (!(condition)) abort(); \
    } while (0)

WEFT_ENUM(Level, value(LEVEL_LOW, "low"), value(LEVEL_HIGH, "high"), value(LEVEL_IT, "it's"));
WEFT_MODEL(Point, field(double, x, .range = { -1000, 1000 }),
    field(double, y, .multiple_of = 0.5L));
WEFT_MODEL(Node, field(weft_str, name, .min_len = 1, .max_len = 20, .pattern = "^[a-z \"]+$"),
    field(int, count, .initial = "3", .range = { 0, 100 }), opt(int64_t, id), field(bool, on),
    field(Level, level), embed(Point, at), list(weft_str, tags, .min_items = 1, .max_items = 5),
    list(Point, points, .initial = "[]"), map(int, stock, .initial = "{}"), field(weft_json, raw),
    ref(Node, parent), list(Node, children, .initial = "[]"), hidden(int, secret));

WEFT_MODEL(Label, field(weft_str, text, .only = "it's"), opt(int, size, .not_null = true), opt(bool, on, .only = "true"),
    extra(weft_json, rest));
WEFT_UNION(Choice, kind, when("point", Point, point), when("label", Label, label), when("level", Node, node));

static const weft__loc FUZZ_BODY = { .name = WEFT_S("body") };
#endif
