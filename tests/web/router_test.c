#include "web/router.h"
#include <stdio.h>
#include <string.h>
#include "weft/check.h"

/* A router of the patterns given: GET routes unless written "POST /path". */
typedef struct table {
    weft_arena arena;
    weft__trie trie;
    int count;
} table;

static void table_open(table *t)
{
    weft__arena_init(&t->arena, NULL, 64 << 20);
    t->count = 0;
    WEFT_NEED(weft__trie_init(&t->trie, &t->arena) == 0);
}

static void table_add(table *t, const char *route)
{
    weft__pattern pattern;
    const char *why = NULL, *space = strchr(route, ' ');
    weft__http_verb verb = WEFT__GET;
    if (space) {
        char method[16] = { 0 };
        memcpy(method, route, (size_t)(space - route));
        verb = weft__verb_of(method);
        route = space + 1;
    }
    WEFT_NEED(weft__pattern_parse(weft_str_of(route), &pattern, &why) == 0);
    WEFT_NEED(weft__trie_add(&t->trie, &pattern, verb, t->count++) == 0);
}

static weft__match look(const table *t, weft__http_verb verb, const char *path)
{
    weft__match m;
    weft__trie_match(&t->trie, weft_str_of(path), verb, &m);
    return m;
}

#define TABLE(t, ...) table t; table_open(&t); \
    for (const char *const *r_ = (const char *const[]){ __VA_ARGS__, NULL }; *r_; r_++) table_add(&t, *r_)

static const char *fault_of(const char *pattern)
{
    weft__pattern p;
    const char *why = "none";
    return weft__pattern_parse(weft_str_of(pattern), &p, &why) == 0 ? "none" : why;
}

WEFT_TEST(a_literal_path_is_found_as_it_stands)
{
    TABLE(t, "/", "/items", "/items/", "/items/new");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/").route, 0);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items").route, 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items/").route, 2);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items/new").route, 3);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/item").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items/new/").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "//items").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "*").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "items").route, WEFT__NO_ROUTE);
    weft__arena_free(&t.arena);
}

WEFT_TEST(of_two_routes_that_match_the_first_declared_is_taken)
{
    TABLE(t, "/users/me", "/users/{id}", "/{kind}/top", "/shops/top", "/{kind}/{id}");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/users/me").route, 0);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/users/you").route, 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/users/top").route, 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/shops/top").route, 2);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/shops/else").route, 4);
    weft__arena_free(&t.arena);
}

WEFT_TEST(the_first_declared_wins_also_over_a_literal)
{
    TABLE(t, "/users/{id}", "/users/me", "/{rest:path}");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/users/me").route, 0);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/users/me/x").route, 2);
    weft__arena_free(&t.arena);
}

WEFT_TEST(parameters_are_the_raw_segments_in_the_order_of_the_pattern)
{
    TABLE(t, "/a/{one}/b/{two}");
    weft__match m = look(&t, WEFT__GET, "/a/x%2Fy/b/%20");
    WEFT_CHECK_EQ(m.route, 0);
    WEFT_CHECK_EQ(m.count, 2);
    WEFT_CHECK_STR(m.params[0], "x%2Fy");
    WEFT_CHECK_STR(m.params[1], "%20");
    weft__arena_free(&t.arena);
}

WEFT_TEST(parameters_come_from_the_route_that_was_taken_not_from_one_that_was_tried)
{
    TABLE(t, "/{a}/{b}/end", "/x/{b}/other", "/{a}/y/{c}");
    weft__match m = look(&t, WEFT__GET, "/x/y/z");
    WEFT_CHECK_EQ(m.route, 2);
    WEFT_CHECK_EQ(m.count, 2);
    WEFT_CHECK_STR(m.params[0], "x");
    WEFT_CHECK_STR(m.params[1], "z");
    weft__arena_free(&t.arena);
}

WEFT_TEST(a_parameter_takes_one_whole_segment_that_is_not_empty)
{
    TABLE(t, "/items/{id}", "/x/{id}/y");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items/").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items/a/b").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items/a/").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/x//y").route, WEFT__NO_ROUTE);
    weft__arena_free(&t.arena);
}

WEFT_TEST(a_path_parameter_takes_the_rest_with_its_slashes)
{
    TABLE(t, "/files/{rest:path}");
    WEFT_CHECK_STR(look(&t, WEFT__GET, "/files/home/joe/my.txt").params[0], "home/joe/my.txt");
    WEFT_CHECK_STR(look(&t, WEFT__GET, "/files//home").params[0], "/home");
    weft__match empty = look(&t, WEFT__GET, "/files/");
    WEFT_CHECK_EQ(empty.route, 0);
    WEFT_CHECK_STR(empty.params[0], "");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/files").route, WEFT__NO_ROUTE);
    weft__arena_free(&t.arena);
}

WEFT_TEST(text_around_a_parameter_is_no_part_of_it)
{
    TABLE(t, "/v{major}/x", "/files/{name}.txt", "/files/{name}", "/a-{b}-c");
    WEFT_CHECK_STR(look(&t, WEFT__GET, "/v12/x").params[0], "12");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/v/x").route, WEFT__NO_ROUTE);
    weft__match m = look(&t, WEFT__GET, "/files/note.txt");
    WEFT_CHECK_EQ(m.route, 1);
    WEFT_CHECK_STR(m.params[0], "note");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/files/.txt").route, 2);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/a--c").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/a-c").route, WEFT__NO_ROUTE);
    WEFT_CHECK_STR(look(&t, WEFT__GET, "/a-x-c").params[0], "x");
    weft__arena_free(&t.arena);
}

WEFT_TEST(literals_are_compared_decoded_and_an_encoded_slash_is_no_slash)
{
    TABLE(t, "/items", "/m\xc3\xbcsli", "/items/{id}", "/a/b");
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/%69tems").route, 0);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/m%C3%BCsli").route, 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/m%c3%bcsli").route, 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/a%2Fb").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items%2F3").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/item%73%00").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/item%7").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/item%zz").route, WEFT__NO_ROUTE);
    weft__arena_free(&t.arena);
}

WEFT_TEST(methods_of_one_path_are_told_apart)
{
    TABLE(t, "GET /items", "POST /items", "DELETE /items/{id}");
    WEFT_CHECK_EQ(look(&t, WEFT__POST, "/items").route, 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items").route, 0);
    weft__match m = look(&t, WEFT__PUT, "/items");
    WEFT_CHECK_EQ(m.route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(m.verbs, 1u << WEFT__GET | 1u << WEFT__HEAD | 1u << WEFT__POST);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/items/3").verbs, 1u << WEFT__DELETE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/nothing").verbs, 0);
    weft__arena_free(&t.arena);
}

WEFT_TEST(another_method_is_found_behind_a_route_that_lacks_it)
{
    TABLE(t, "GET /users/me", "PUT /users/{id}");
    weft__match m = look(&t, WEFT__PUT, "/users/me");
    WEFT_CHECK_EQ(m.route, 1);
    WEFT_CHECK_STR(m.params[0], "me");
    WEFT_CHECK_EQ(look(&t, WEFT__POST, "/users/me").verbs, 1u << WEFT__GET | 1u << WEFT__HEAD | 1u << WEFT__PUT);
    weft__arena_free(&t.arena);
}

WEFT_TEST(an_unknown_method_has_no_route)
{
    TABLE(t, "GET /items");
    WEFT_CHECK_EQ(look(&t, WEFT__OTHER_METHOD, "/items").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__CONNECT, "/items").route, WEFT__NO_ROUTE);
    WEFT_CHECK(look(&t, WEFT__OTHER_METHOD, "/items").verbs != 0);
    weft__arena_free(&t.arena);
}

WEFT_TEST(head_is_answered_by_the_get_route)
{
    TABLE(t, "GET /items", "HEAD /other", "GET /other");
    WEFT_CHECK_EQ(look(&t, WEFT__HEAD, "/items").route, 0);
    WEFT_CHECK_EQ(look(&t, WEFT__HEAD, "/other").route, 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/other").route, 2);
    weft__arena_free(&t.arena);
}

WEFT_TEST(patterns_that_make_no_sense_are_refused_with_their_reason)
{
    WEFT_CHECK_STR(weft_str_of(fault_of("items")), "it must begin with '/'");
    WEFT_CHECK_STR(weft_str_of(fault_of("")), "it must begin with '/'");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{id")), "'{' without '}' in its segment");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{i/d}")), "'{' without '}' in its segment");
    WEFT_CHECK_STR(weft_str_of(fault_of("/id}")), "'}' without '{'");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{id}}")), "'}' without '{'");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{}")), "a parameter without a name");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{:path}")), "a parameter without a name");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{a}{b}")), "two parameters in one segment");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{a b}")), "a parameter's name has letters, digits and '_' only");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{a{b}}")), "a parameter's name has letters, digits and '_' only");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{a:int}")), "after ':' only 'path' may stand; the member's type says the rest");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{r:path}/x")), "{name:path} must be the last segment");
    WEFT_CHECK_STR(weft_str_of(fault_of("/x{r:path}")), "{name:path} must be a segment of its own");
    WEFT_CHECK_STR(weft_str_of(fault_of("/{a}/{a}")), "two parameters with the same name");
    WEFT_CHECK_STR(weft_str_of(fault_of("/a?b=c")), "'?' and '#' are no part of a path");
    WEFT_CHECK_STR(weft_str_of(fault_of("/a%20b")), "write the path as it reads, not percent-encoded");
    WEFT_CHECK_STR(weft_str_of(fault_of("/a\n")), "spaces, backslashes and control characters are not allowed");
    WEFT_CHECK_STR(weft_str_of(fault_of("/\xc3\xbc{a}")), "only ASCII may stand beside a parameter in its segment");
    WEFT_CHECK_STR(weft_str_of(fault_of("/m\xc3\xbcsli/{a}/")), "none");
}

WEFT_TEST(patterns_have_limits)
{
    char text[1024];
    size_t n = 0;
    for (int i = 0; i < 17; i++) n += (size_t)sprintf(text + n, "/{p%d}", i);
    WEFT_CHECK_STR(weft_str_of(fault_of(text)), "more than 16 parameters");
    for (n = 0; n < 130;) n += (size_t)sprintf(text + n, "/a");
    WEFT_CHECK_STR(weft_str_of(fault_of(text)), "more than 64 segments");
    memset(text, 'a', 300);
    text[0] = '/';
    text[300] = 0;
    WEFT_CHECK_STR(weft_str_of(fault_of(text)), "a segment has more than 255 bytes");
}

static bool covers(const char *wide, const char *narrow)
{
    weft__pattern a, b;
    const char *why;
    WEFT_NEED(weft__pattern_parse(weft_str_of(wide), &a, &why) == 0 && weft__pattern_parse(weft_str_of(narrow), &b, &why) == 0);
    return weft__pattern_covers(&a, &b);
}

WEFT_TEST(a_pattern_covers_what_it_matches_wholly)
{
    WEFT_CHECK(covers("/users/{id}", "/users/me"));
    WEFT_CHECK(covers("/users/{id}", "/users/{name}"));
    WEFT_CHECK(covers("/users/{id}", "/users/v{n}.txt"));
    WEFT_CHECK(covers("/users/v{id}", "/users/v2"));
    WEFT_CHECK(covers("/{rest:path}", "/users/{id}/x"));
    WEFT_CHECK(covers("/users/{rest:path}", "/users/"));
    WEFT_CHECK(covers("/a", "/a"));
    WEFT_CHECK(!covers("/users/me", "/users/{id}"));
    WEFT_CHECK(!covers("/users/{id}", "/users/"));
    WEFT_CHECK(!covers("/users/{id}", "/users/{rest:path}"));
    WEFT_CHECK(!covers("/users/{rest:path}", "/users"));
    WEFT_CHECK(!covers("/users/v{id}", "/users/v"));
    WEFT_CHECK(!covers("/users/v{id}", "/users/{id}"));
    WEFT_CHECK(!covers("/{a}", "/{a}/{b}"));
    WEFT_CHECK(!covers("/a", "/b"));
}

/* ---- against a matcher that is as plain as can be ---- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static bool plain_match(const weft__pattern *p, const char *path)
{
    const char *at = path + 1;
    for (unsigned i = 0; i < p->count; i++) {
        const weft__segment *s = &p->segments[i];
        if (!at) return false;
        if (s->kind == WEFT__REST) return true;
        size_t len = strcspn(at, "/"), around = s->before.len + s->after.len;
        if (s->kind == WEFT__LITERAL && !weft_str_equal(s->before, (weft_str){ at, len })) return false;
        if (s->kind == WEFT__PARAM) {
            if (len <= around || memcmp(at, s->before.ptr, s->before.len)) return false;
            if (memcmp(at + len - s->after.len, s->after.ptr, s->after.len)) return false;
        }
        at = at[len] ? at + len + 1 : NULL;
    }
    return !at;
}

static void random_text(uint32_t *seed, const char *const *pieces, size_t count, bool may_rest, char *out)
{
    *out = 0;
    for (unsigned n = 1 + next_random(seed) % 4; n; n--) {
        strcat(out, "/");
        if (may_rest && n == 1 && next_random(seed) % 6 == 0) strcat(out, "{r:path}");
        else {
            char piece[16];
            snprintf(piece, sizeof piece, pieces[next_random(seed) % count], n);
            strcat(out, piece);
        }
    }
}

WEFT_TEST(random_routes_and_paths_agree_with_a_plain_matcher)
{
    static const char *const parts[] = { "a", "b", "ab", "", "{p%u}", "{p%u}", "a{p%u}", "{p%u}b", "a{p%u}b" };
    static const char *const words[] = { "a", "b", "ab", "", "aab", "c", "abb" };
    uint32_t seed = 7;
    for (int round = 0; round < 300; round++) {
        char texts[12][64];
        weft__pattern patterns[12];
        table t;
        table_open(&t);
        for (int i = 0; i < 12; i++) {
            const char *why;
            random_text(&seed, parts, weft_count(parts), true, texts[i]);
            WEFT_NEED(weft__pattern_parse(weft_str_of(texts[i]), &patterns[i], &why) == 0);
            WEFT_NEED(weft__trie_add(&t.trie, &patterns[i], WEFT__GET, i) == 0);
        }
        for (int i = 0; i < 100; i++) {
            char path[64];
            int want = 0;
            random_text(&seed, words, weft_count(words), false, path);
            while (want < 12 && !plain_match(&patterns[want], path)) want++;
            weft__match m = look(&t, WEFT__GET, path);
            if (!WEFT_CHECK_EQ(m.route, want == 12 ? WEFT__NO_ROUTE : want)) return;
            if (m.route >= 0 && !WEFT_CHECK_EQ(m.count, patterns[m.route].params)) return;
        }
        weft__arena_free(&t.arena);
    }
}

/* All 4 096 mixtures of twelve literals and parameters: a matcher that tries them one after the other from
 * the root each time would never come back from a path that fits them all but at its end. */
WEFT_TEST(a_path_that_fits_every_branch_is_answered)
{
    static char texts[4096][64];
    table t;
    table_open(&t);
    for (unsigned i = 0; i < 4096; i++) {
        size_t n = 0;
        for (unsigned bit = 0; bit < 12; bit++) n += (size_t)sprintf(texts[i] + n, i >> bit & 1 ? "/a" : "/{p%u}", bit);
        strcpy(texts[i] + n, i == 4095 ? "/end" : "/z");
        table_add(&t, texts[i]);
    }
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/a/a/a/a/a/a/a/a/a/a/a/a/end").route, 4095);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/a/a/a/a/a/a/a/a/a/a/a/a/y").route, WEFT__NO_ROUTE);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, "/a/a/a/a/a/a/a/a/a/a/a/a/z").route, 0);
    weft__arena_free(&t.arena);
}

WEFT_TEST(a_very_long_path_of_slashes_is_answered)
{
    static char path[64 * 1024];
    TABLE(t, "/{a}/{b}/{c}", "/{a}//x", "/", "//");
    memset(path, '/', sizeof path - 1);
    WEFT_CHECK_EQ(look(&t, WEFT__GET, path).route, WEFT__NO_ROUTE);
    weft__arena_free(&t.arena);
}
