/* Whether reading a type may call functions of its author. */
#include "model/plan.h"
#include "weft/check.h"
#include "weft/model.h"

static const char *even(int *n) { return *n % 2 ? "odd" : NULL; }

WEFT_MODEL(PlainPart, field(int, n));
WEFT_MODEL(JudgedPart, field(int, n, .check = even));
WEFT_MODEL(PlainWhole, field(PlainPart, part), list(PlainPart, parts));
WEFT_MODEL(JudgedWhole, field(PlainPart, part), list(JudgedPart, parts));

static bool asks(const weft_schema *schema)
{
    const weft__plan *plan;
    WEFT_NEED(weft__plan_of(weft__schema_leaf(schema), &plan) == 0);
    return weft__schema_asks_author(schema);
}

WEFT_TEST(a_type_without_checks_of_its_author_asks_nobody)
{
    WEFT_CHECK(!asks(&weft_schema_PlainWhole));
    WEFT_CHECK(!asks(&weft_schema_PlainWhole));
    WEFT_CHECK(!weft__schema_asks_author(&weft_schema_weft_str));
}

WEFT_TEST(a_check_deep_inside_asks_its_author)
{
    WEFT_CHECK(asks(&weft_schema_JudgedPart));
    WEFT_CHECK(asks(&weft_schema_JudgedWhole));
    WEFT_CHECK(asks(&weft_schema_JudgedWhole));
}

WEFT_TEST(what_was_never_read_may_ask)
{
    weft__plan_forget();
    WEFT_CHECK(weft__schema_asks_author(&weft_schema_PlainWhole));
    WEFT_CHECK(!asks(&weft_schema_PlainWhole));
}
