#include <string.h>
#include "model/reader.h"

/* Where the tag of an object lies: nowhere, or as a text, or as another value. */
typedef struct tag_found {
    enum { NO_TAG, TAG_TEXT, TAG_OTHER } kind;
    weft__json_string text;
    const char *begin, *end;
} tag_found;

bool weft__read_key_is(const weft__json_string *key, weft_str name)
{
    char spelled[6 * WEFT__NAME_MAX];
    bool nul = false;
    if (!key->escaped) return weft_str_equal(key->raw, name);
    if (key->raw.len > sizeof spelled) return false;
    return weft_str_equal(
        (weft_str){ spelled, weft__json_unescape(key->raw, spelled, &nul) }, name);
}

/* Past a key and its colon, to the value. */
static bool key_passed(weft__json_in *in, weft__json_string *key)
{
    if (weft__json_peek(in) != '"' || !weft__json_string_read(in, key)) return false;
    if (weft__json_peek(in) != ':') return false;
    in->at++;
    weft__json_peek(in);
    return true;
}

/* Look for the tag in the object that begins at `in.at`, which is a copy: the object is read
 * afterwards. Most clients put the tag first; where it stands last, what stands before it is passed
 * once more for each union it is in. What is no JSON is told when the object is read. */
static __attribute__((noinline)) tag_found find_tag(weft__json_in in, uint32_t depth, weft_str name)
{
    tag_found found = { .kind = NO_TAG, .begin = in.at, .end = in.at };
    weft__json_string key;
    for (in.at++; key_passed(&in, &key);) {
        found.begin = in.at;
        bool text = in.at < in.end && *in.at == '"';
        if (weft__read_key_is(&key, name)) {
            bool read = text ? weft__json_string_read(&in, &found.text)
                             : weft__json_skip(&in, depth);
            if (!read) break;
            found.kind = text ? TAG_TEXT : TAG_OTHER;
            found.end = in.at;
            break;
        }
        if (!weft__json_skip(&in, depth) || weft__json_peek(&in) != ',') break;
        in.at++;
    }
    return found;
}

static weft__ctx discriminator(const weft__plan *plan)
{
    return (weft__ctx){ "discriminator", WEFT__CTX_QUOTED, .s = weft_str_of(plan->tag->name) };
}

static bool refuse(weft__reader *r, const weft__finding *found)
{
    const char *begin = r->in.at;
    return weft__json_skip(&r->in, r->depth) && weft__read_problem(r, found, begin);
}

static bool no_tag(weft__reader *r, const weft__plan *plan)
{
    weft__finding found = { "union_tag_not_found",
        "Unable to extract tag using discriminator {0}", { discriminator(plan) } };
    return refuse(r, &found);
}

/* A long one is not repeated in full; its text is made to last as long as the arena. */
static bool wrong_tag(
    weft__reader *r, const weft_schema *schema, const weft__plan *plan, weft_str tag)
{
    enum { SHOWN_MAX = 100 };
    size_t shown = tag.len < SHOWN_MAX ? tag.len : SHOWN_MAX;
    while (shown && shown < tag.len && ((unsigned char)tag.ptr[shown] & 0xC0) == 0x80) shown--;
    tag.len = shown;
    if (!weft__read_text_copy(r, tag, &tag)) return false;
    weft__finding found = { "union_tag_invalid",
        "Input tag '{1}' found using {0} does not match any of the expected tags: {2}",
        { discriminator(plan), { "tag", WEFT__CTX_TEXT, .s = tag },
            { "expected_tags", WEFT__CTX_TAGS, .e = schema } } };
    return refuse(r, &found);
}

static const weft__member *case_of(const weft__plan *plan, weft_str text)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (weft_str_equal(plan->members[i].name, text)) return &plan->members[i];
    return NULL;
}

/* Which case the object is, whose tag may be what it should not: `*out` is then NULL, and the object
 * passed with its problem. Apart, because its frame is not needed while the case is read. */
static __attribute__((noinline)) bool find_case(weft__reader *r, const weft_schema *schema,
    const weft__plan *plan, weft_str name, const weft__member **out)
{
    tag_found found = find_tag(r->in, r->depth + 1, name);
    weft_str text = { found.begin, (size_t)(found.end - found.begin) };
    bool nul = false;
    *out = NULL;
    if (found.kind == NO_TAG) return no_tag(r, plan);
    if (found.kind == TAG_OTHER) return wrong_tag(r, schema, plan, text);
    if (!weft__read_text_of(r, &found.text, &text, &nul)) return false;
    *out = case_of(plan, text);
    return *out || wrong_tag(r, schema, plan, text);
}

bool weft__read_union(weft__reader *r, const weft_schema *schema, void *out)
{
    const weft__plan *plan;
    const weft__member *m;
    int rc = weft__plan_of(schema, &plan);
    if (rc < 0) return weft__read_fail(r, rc);
    if (r->in.at == r->in.end || *r->in.at != '{') return weft__read_wrong_kind(r, schema);
    if (r->depth == WEFT__JSON_DEPTH_MAX) return weft__read_enter(r);
    weft_str name = { plan->tag->name, plan->tag->name_len };
    if (!find_case(r, schema, plan, name, &m)) return false;
    if (!m) return true;
    memcpy((char *)out + plan->tag->offset, &m->field->tag, (size_t)plan->tag->tag);
    uint64_t here = 1ULL << r->depth;
    r->tagged |= here;
    r->cases[r->depth] = m;
    bool read = weft__read_model(r, m->type, &name, (char *)out + m->offset);
    r->tagged &= ~here;
    return read;
}
