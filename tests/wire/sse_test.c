/* Server-sent events as they are written: whatever a text holds, it stays in its field. */
#include "weft/check.h"
#include "wire/sse.h"

static void writes(weft__sse event, const char *expected)
{
    weft__buf out;
    weft__buf_init(&out, 4096);
    WEFT_CHECK(weft__sse_fault(&event) == NULL);
    weft__sse_add(&out, &event);
    WEFT_CHECK_STR(weft__buf_str(&out), expected);
    weft__buf_free(&out);
}

WEFT_TEST(an_event_has_a_line_for_each_field_and_an_empty_one_at_its_end)
{
    writes((weft__sse){ .data = WEFT_S("hello") }, "data: hello\n\n");
    writes((weft__sse){ .data = WEFT_S("12.5"), .id = WEFT_S("7"), .type = WEFT_S("price"), .retry_ms = 2000, .comment = WEFT_S("look") },
        ": look\nid: 7\nevent: price\nretry: 2000\ndata: 12.5\n\n");
    writes((weft__sse){ .comment = WEFT_S("still here") }, ": still here\n\n");
    writes((weft__sse){ .retry_ms = 1 }, "retry: 1\n\n");
    writes((weft__sse){ 0 }, "");
}

/* An id that is empty takes back the one before; an empty type is the usual one. */
WEFT_TEST(a_text_that_is_empty_is_not_one_that_is_absent)
{
    writes((weft__sse){ .data = WEFT_S("") }, "data: \n\n");
    writes((weft__sse){ .id = WEFT_S(""), .type = WEFT_S(""), .data = WEFT_S("x") }, "id: \ndata: x\n\n");
}

WEFT_TEST(each_line_of_data_stays_data_however_lines_end)
{
    writes((weft__sse){ .data = WEFT_S("a\nb") }, "data: a\ndata: b\n\n");
    writes((weft__sse){ .data = WEFT_S("a\r\nb\rc") }, "data: a\ndata: b\ndata: c\n\n");
    writes((weft__sse){ .data = WEFT_S("a\n\nid: 9\n") }, "data: a\ndata: \ndata: id: 9\ndata: \n\n");
    writes((weft__sse){ .data = WEFT_S("\r\n\n\r") }, "data: \ndata: \ndata: \ndata: \n\n");
    writes((weft__sse){ .data = WEFT_S(" a:b") }, "data:  a:b\n\n");
    writes((weft__sse){ .comment = WEFT_S("a\ndata: b") }, ": a\n: data: b\n\n");
}

WEFT_TEST(ids_and_types_that_would_be_other_fields_are_refused)
{
    static const weft__sse refused[] = { { .id = WEFT_S("1\ndata: x") }, { .id = WEFT_S("1\r") }, { .id = WEFT_S("a\0b") },
        { .type = WEFT_S("a\n\n") }, { .type = WEFT_S("\r") }, { .type = WEFT_S("\0") }, { .retry_ms = -1 } };
    for (size_t i = 0; i < weft_count(refused); i++) WEFT_CHECK(weft__sse_fault(&refused[i]) != NULL);
}
