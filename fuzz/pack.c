#include "model/pack.h"
#include "model_check.h"
#include "weft/values.h"

/* The first byte bounds the memory, the second picks the type, the rest is what another process
 * sent. */

enum { VALUE_MAX = 512 };
_Static_assert(sizeof(Node) <= VALUE_MAX, "the largest type that is read");

WEFT_MODEL(Everything, hidden(Node, node), opt(Node, maybe), map(Node, named), field(weft_none, nothing),
    ref(Everything, next), field(bool, last));
_Static_assert(sizeof(Everything) <= 2 * VALUE_MAX && sizeof(Choice) <= 2 * VALUE_MAX, "... and these");
WEFT_MODEL(Moment, field(weft_date, day), field(weft_time, at), field(weft_datetime, when), field(weft_duration, takes),
    field(weft_uuid, id), field(weft_decimal, price), field(weft_bytes, raw), opt(weft_datetime, until));
_Static_assert(sizeof(Moment) <= 2 * VALUE_MAX, "... and this");
WEFT_INPUT(with_request_in, path(int, id), request(asked));
WEFT_INPUT(with_reply_in, query(weft_opt_weft_str, q), reply(answer));

/* One value has one form: what was read packs to what it was read from. */
static void check_again(const weft_schema *schema, const void *value, weft_str bytes)
{
    weft__buf out;
    weft__fault fault;
    weft__buf_init(&out, 16 << 20);
    MUST(weft__pack(schema, value, &out, &fault) == 0);
    MUST(weft_str_equal(weft__buf_str(&out), bytes));
    weft__buf_free(&out);
    size_t room = bytes.len / 2;
    weft__buf_init(&out, room);
    MUST(weft__pack(schema, value, &out, &fault) == WEFT_ELIMIT && out.len == 0);
    weft__buf_free(&out);
}

/* What no bytes can make is refused, and said. */
static void check_refusals(void)
{
    static const weft_schema strange = { .name = "weft_reply", .kind = WEFT__special, .size = 8 };
    Everything ring = { .next = &ring };
    weft__buf out;
    weft__fault fault;
    weft__buf_init(&out, 16 << 20);
    MUST(weft__pack(&weft_schema_Everything, &ring, &out, &fault) == WEFT_ELIMIT && fault.text[0]);
    MUST(weft__pack(&weft_schema_with_request_in, &(with_request_in){ 0 }, &out, &fault) ==
         WEFT_EINVAL);
    MUST(weft__pack(&weft_schema_with_reply_in, &(with_reply_in){ 0 }, &out, NULL) == WEFT_EINVAL);
    MUST(weft__pack(&strange, &ring, &out, &fault) == WEFT_EINVAL && fault.text[0]);
    MUST(weft__pack_check(&weft_schema_Everything, &fault) == 0 &&
         weft__pack_check(&strange, &fault) == WEFT_EINVAL);
    MUST(weft__pack_check(&weft_schema_with_reply_in, &fault) == WEFT_EINVAL);
    weft__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const weft_schema *const schemas[] = { &weft_schema_Everything, &weft_schema_Node,
        &weft_schema_weft_map_double, &weft_schema_weft_list_Node, &weft_schema_weft_opt_weft_str,
        &weft_schema_weft_json, &weft_schema_weft_none, &weft_schema_int64_t,
        &weft_schema_with_request_in, &weft_schema_Choice, &weft_schema_Moment };
    static _Alignas(16) char value[2 * VALUE_MAX];
    if (size < 2) {
        check_refusals();
        return 0;
    }
    const weft_schema *schema = schemas[data[1] % weft_count(schemas)];
    weft_str bytes = { (const char *)data + 2, size - 2 };
    weft_arena arena;
    weft__arena_init(&arena, NULL, data[0] < 128 ? (size_t)data[0] * 128 : 8 << 20);
    int rc = weft__unpack(schema, bytes, value, &arena);
    MUST(rc == 0 || rc == WEFT_EPROTO || rc == WEFT_ELIMIT ||
         (rc == WEFT_EINVAL && schema == &weft_schema_with_request_in));
    if (rc == 0)
        check_again(schema, value, bytes);
    weft__arena_free(&arena);
    return 0;
}
