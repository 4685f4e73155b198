#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/plan.h"
#include "reading.h"
#include "small_stack.h"
#include "wire/json.h"
#include "support/failing.h"

/* What an enemy may send, and what may run out. */

WEFT_ENUM(Level, value(LEVEL_LOW, "low"), value(LEVEL_HIGH, "high"));
WEFT_MODEL(Point, field(double, x, .range = { -1000, 1000 }), field(double, y));
WEFT_MODEL(Node,
    field(weft_str, name, .min_len = 1, .max_len = 20, .pattern = "^[a-z \\\\\"\\n]+$"),
    field(int, count, .initial = "3", .range = { 0, 100 }), opt(int64_t, id), field(bool, on),
    field(Level, level), embed(Point, at), list(weft_str, tags, .max_items = 5),
    list(Point, points, .initial = "[]"), map(int, stock, .initial = "{}"),
    map(int, sizes, .int_keys = true, .initial = "{}"), field(weft_json, raw),
    ref(Node, parent), list(Node, children, .initial = "[]"), hidden(int, secret));

static const char *const documents[] = {
    "{\"name\":\"a\\n "
    "b\",\"count\":5,\"id\":-7,\"on\":true,\"level\":\"low\",\"x\":1.5e2,\"y\":0,\"tags\":["
    "\"\\u00e9\",\"\xC3\xA9\"],\"points\":[{\"x\":1,\"y\":2}],"
    "\"stock\":{\"a\":1,\"b\":2},\"sizes\":{\"+7\":1,\"08\":2},\"raw\":{\"k\":[null,\"x\"]},\"parent\":null,\"children\":[]}",
    " { \"children\" : [ { \"name\" : \"c\" , \"on\" : false , \"level\" : \"high\" , \"x\" : -1 , "
    "\"y\" : 1e-3 , \"tags\" : [ ] , \"raw\" : 1 } ] , \"name\" : \"d\" , "
    "\"on\" : \"yes\" , \"level\" : \"\\u006cow\" , \"y\" : \"1.5\" , \"x\" : 3 , \"tags\" : [ ] , "
    "\"raw\" : \"\\ud83d\\ude00\" , \"unknown\" : [ { } , -0.5 ] }",
    "{\"name\":\"e\",\"on\":0,\"level\":\"high\",\"x\":0,\"y\":0,\"tags\":[],\"raw\":[],\"parent\":"
    "{\"name\":\"f\",\"on\":1,\"level\":\"low\",\"x\":0,\"y\":0,\"tags\":[\"t\"],"
    "\"raw\":null,\"id\":null},\"stock\":{\"0\":0,\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,"
    "\"7\":7,\"8\":8,\"9\":9,\"10\":10,\"11\":11,\"12\":12,\"13\":13,"
    "\"14\":14,\"15\":15,\"16\":16,\"17\":17}}",
};

static int read_node(reading *r, weft_str json)
{
    Node node;
    weft__buf_clear(&r->text);
    weft__arena_free(&r->arena);
    return read_str(r, &weft_schema_Node, NULL, json, &node);
}

WEFT_TEST(a_document_cut_short_anywhere_has_one_syntax_problem)
{
    for (size_t i = 0; i < weft_count(documents); i++) {
        size_t whole = strlen(documents[i]);
        reading r = reading_open();
        WEFT_CHECK_EQ(read_node(&r, weft_str_of(documents[i])), 0);
        for (size_t len = 0; len < whole; len++) {
            char *copy = malloc(len + !len); /* of its own size, so that reading past it is seen */
            memcpy(copy, documents[i], len);
            int rc = read_node(&r, (weft_str){ copy, len });
            if (rc != WEFT_EINVAL || strcmp(only_problem(&r), "json_invalid"))
                weft__check_fail(__FILE__, __LINE__, "document %zu cut to %zu bytes: %d, %s", i,
                    len, rc, only_problem(&r));
            free(copy);
        }
        reading_close(&r);
    }
}

static uint64_t random_state = 0x9E3779B97F4A7C15;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13, random_state ^= random_state >> 7,
        random_state ^= random_state << 17;
    return random_state * 0x2545F4914F6CDD1D;
}

/* Overwrites, doubles or drops a few bytes; returns the new length. */
static size_t mutate(char *text, size_t len)
{
    static const char likely[] = "\"\\{}[],:-.0123456789eEntfu \x80\xC3\xFF";
    for (uint64_t n = 1 + random_bits() % 4; n; n--) {
        size_t at = random_bits() % len, count = 1 + random_bits() % 8;
        if (count > len - at) count = len - at;
        switch (random_bits() % 4) {
        case 0: text[at] = (char)random_bits(); break;
        case 1: text[at] = likely[random_bits() % (sizeof likely - 1)]; break;
        case 2:
            memmove(text + at + count, text + at, len - at);
            len += count;
            break;
        default:
            if (count == len) break;
            memmove(text + at, text + at + count, len - at - count);
            len -= count;
        }
    }
    return len;
}

/* Whatever comes is either read or has problems, and both can be written as JSON. */
WEFT_TEST(mutated_documents_are_read_or_refused_in_order)
{
    reading r = reading_open();
    long taken = 0, refused = 0;
    for (int round = 0; round < 60000; round++) {
        const char *document = documents[random_bits() % weft_count(documents)];
        size_t len = strlen(document);
        char *text = malloc(len + 64);
        memcpy(text, document, len);
        len = mutate(text, len);
        text = realloc(text, len);
        Node node;
        weft__arena_free(&r.arena);
        int rc = read_str(&r, &weft_schema_Node, NULL, (weft_str){ text, len }, &node);
        weft_str json = rc == 0 ? json_of(&r, &weft_schema_Node, &node) : detail_of(&r);
        if (rc == 0) taken++;
        else refused++;
        WEFT_CHECK(rc == 0 || (rc == WEFT_EINVAL && r.problems.count > 0));
        if (!weft__json_valid(json))
            weft__check_fail(__FILE__, __LINE__, "%.*s gave %.*s", (int)len, text, WEFT_FMT(json));
        free(text);
    }
    WEFT_CHECK(taken > 1000 && refused > 10000);
    reading_close(&r);
}

static int read_and_write(const char *document)
{
    weft_arena arena;
    weft__problems problems;
    weft__buf out;
    Node node;
    weft__arena_init(&arena, NULL, 1 << 20);
    weft__problems_init(&problems, &arena);
    weft__buf_init(&out, 1 << 20);
    int rc = weft__json_read(
        &weft_schema_Node, NULL, weft_str_of(document), &node, &arena, &problems, NULL);
    if (rc == 0) rc = weft__json_write(&weft_schema_Node, &node, &out, NULL);
    else if (rc == WEFT_EINVAL && weft__problems_write(&problems, &out) < 0) rc = out.failed;
    weft__buf_free(&out);
    weft__arena_free(&arena);
    return rc;
}

WEFT_TEST(reading_and_writing_without_memory_says_so_and_loses_none)
{
    for (size_t d = 0; d < weft_count(documents); d++) {
        FAIL_EACH_IN_TURN(i) {
            int rc = read_and_write(documents[d]);
            WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : 0);
            weft__model_forget();
        }
    }
}

WEFT_TEST(problems_without_memory_say_so_and_lose_none)
{
    static const char *const wrong[] = {
        ("{\"name\":\"A\",\"count\":1000,\"id\":[],\"on\":\"maybe\",\"level\":\"mid\",\"x\":1e9,"
        "\"y\":null,\"tags\":{},\"points\":[1,2],\"stock\":{\"a\":\"b\"},"
        "\"sizes\":{\"a\":1,\"\\u0000\":2}}"),
        "{\"name\":\"",
        "{\"name\":\"a\",\"name\":\"b\"}",
    };
    for (size_t d = 0; d < weft_count(wrong); d++) {
        FAIL_EACH_IN_TURN(i) {
            int rc = read_and_write(wrong[d]);
            WEFT_CHECK_EQ(rc, fails.failed ? WEFT_ENOMEM : WEFT_EINVAL);
            weft__model_forget();
        }
    }
}

WEFT_TEST(an_arena_of_any_size_is_enough_or_the_limit_is_said)
{
    int enough = 0;
    for (size_t bytes = 0; bytes < 16384; bytes += 16) {
        for (size_t d = 0; d < weft_count(documents); d++) {
            weft_arena arena;
            weft__problems problems;
            Node node;
            weft__arena_init(&arena, NULL, bytes);
            weft__problems_init(&problems, &arena);
            int rc = weft__json_read(
                &weft_schema_Node, NULL, weft_str_of(documents[d]), &node, &arena, &problems, NULL);
            WEFT_CHECK(rc == 0 || rc == WEFT_ELIMIT);
            enough += rc == 0;
            weft__arena_free(&arena);
        }
    }
    WEFT_CHECK(enough > 0);
}

static void *read_deep(void *failed)
{
    char *text = malloc(16384), *at = text;
    for (int i = 0; i < 32; i++)
        at = stpcpy(at, "{\"name\":\"a\",\"on\":true,\"level\":\"low\",\"x\":0,\"y\":0,\"tags\":[],"
                        "\"raw\":1,\"children\":[");
    for (int i = 0; i < 32; i++) at = stpcpy(at, "]}");
    *(bool *)failed = read_and_write(text) != 0;
    free(text);
    return NULL;
}

WEFT_TEST(the_deepest_document_fits_a_small_stack)
{
    holds_on_a_small_stack(read_deep);
}

static void *read_often(void *failed)
{
    for (int i = 0; i < 300; i++)
        if (read_and_write(documents[i % 3]) != 0) *(bool *)failed = true;
    return NULL;
}

WEFT_TEST(threads_make_plans_at_once)
{
    for (int round = 0; round < 10; round++) {
        pthread_t threads[4];
        bool failed[4] = { false };
        weft__model_forget();
        for (int i = 0; i < 4; i++)
            WEFT_NEED(pthread_create(&threads[i], NULL, read_often, &failed[i]) == 0);
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            WEFT_CHECK(!failed[i]);
        }
    }
}
