#include "model/pattern.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "model/plan.h"
#include "reading.h"

WEFT_TEST(a_pattern_is_found_anywhere_unless_it_is_anchored)
{
    WEFT_CHECK_EQ(weft__pattern_search("b+", WEFT_S("abbc")), 1);
    WEFT_CHECK_EQ(weft__pattern_search("^b+", WEFT_S("abbc")), 0);
    WEFT_CHECK_EQ(weft__pattern_search("^abbc$", WEFT_S("abbc\n")), 0);
    WEFT_CHECK_EQ(weft__pattern_search("^$", (weft_str){ 0 }), 1);
    WEFT_CHECK_EQ(weft__pattern_search("a.c", WEFT_S("a\0c")), 1);
}

WEFT_TEST(patterns_see_characters_and_ascii_classes)
{
    WEFT_CHECK_EQ(weft__pattern_search("^..$", WEFT_S("\xC3\xA9\xF0\x9F\x98\x80")), 1);
    WEFT_CHECK_EQ(weft__pattern_search("^\\d$", WEFT_S("\xD9\xA1")), 0);
    WEFT_CHECK_EQ(weft__pattern_search("^\\p{Nd}$", WEFT_S("\xD9\xA1")), 1);
    WEFT_CHECK_EQ(weft__pattern_search("(?i)^\xC3\x89$", WEFT_S("\xC3\xA9")), 1);
}

/* Each further character doubles the work of this one: 20 are beyond our limit, not beyond
 * PCRE2's own. */
WEFT_TEST(a_search_that_takes_too_long_is_a_problem)
{
    static const char slow[] = "^(a+)+$";
    char text[64];
    memset(text, 'a', sizeof text);
    text[20] = '!';
    WEFT_CHECK_EQ(weft__pattern_search(slow, (weft_str){ text, 21 }), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft__pattern_search(slow, (weft_str){ text, 20 }), 1);
    static const weft_field field = { .pattern = slow };
    reading r = reading_open();
    weft_str out;
    WEFT_CHECK_EQ(read_str(&r, &weft_schema_weft_str, &field,
                      WEFT_S("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\""), &out),
        WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(only_problem(&r)), "string_pattern_limit");
    WEFT_CHECK_STR(
        r.problems.items[0].msg, "String takes too long to match against pattern '^(a+)+$'");
    reading_close(&r);
}

/* What fails late at each byte where a match may begin would take time by the text's square. */
WEFT_TEST(no_search_costs_more_than_its_text_allows)
{
    static const char *const slow[] = { "[a-z]+$", "[a-z]+[0-9]", "[ab]+[bc]\\d", "(a|b)*\\d",
        "(?>[a-z]+)\\d", "a.*b.*\\d", "(?=[a-z]+\\d)." };
    enum { BYTES = 200000 };
    char *text = malloc(BYTES);
    memset(text, 'a', BYTES);
    text[BYTES - 1] = '!';
    text[BYTES - 2] = 'b';
    for (size_t i = 0; i < weft_count(slow); i++)
        if (weft__pattern_search(slow[i], (weft_str){ text, BYTES }) != WEFT_ELIMIT)
            weft__check_fail(__FILE__, __LINE__, "%s is not bounded", slow[i]);
    free(text);
}

WEFT_TEST(a_long_text_of_words_is_searched_to_its_end)
{
    static const char *const words[] = { "[a-z]+[0-9]", "^[a-z !]+$", "[a-z]+ [a-z]+\\d",
        "x|y\\b", "\\w+@\\w+" };
    static const int found[] = { 0, 1, 0, 0, 0 };
    enum { BYTES = 1000000 };
    char *text = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) text[i] = i % 9 == 8 ? ' ' : 'a';
    for (size_t i = 0; i < weft_count(words); i++)
        WEFT_CHECK_EQ(weft__pattern_search(words[i], (weft_str){ text, BYTES }), found[i]);
    free(text);
}

WEFT_TEST(a_pattern_that_does_not_compile_says_why)
{
    char why[200];
    WEFT_CHECK_EQ(weft__pattern_check("a(b", why, sizeof why), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(why), "missing closing parenthesis at character 3");
    WEFT_CHECK_EQ(weft__pattern_search("a(b", WEFT_S("a")), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__pattern_check("\\C", why, sizeof why), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__pattern_check("[a-z]+", why, sizeof why), 0);
}

WEFT_TEST(equal_patterns_at_different_places_are_one)
{
    char a[] = "^same[0-9]$", b[] = "^same[0-9]$";
    weft__model_forget();
    WEFT_CHECK_EQ(weft__pattern_search(a, WEFT_S("same1")), 1);
    WEFT_CHECK_EQ(weft__pattern_search(b, WEFT_S("same2")), 1);
    weft__model_forget();
}

static void *search_often(void *failed)
{
    static const char *const patterns[] = { "^a+$", "^b+$", "^[a-c]+$", "c$", "x|y", "^.{4}$",
        "a(?=b)", "\\w\\w" };
    static const int found[] = { 0, 0, 1, 1, 0, 1, 1, 1 };
    for (int i = 0; i < 4000; i++)
        if (weft__pattern_search(patterns[i % 8], WEFT_S("aabc")) != found[i % 8])
            *(bool *)failed = true;
    return NULL;
}

WEFT_TEST(threads_search_and_compile_at_once)
{
    for (int round = 0; round < 5; round++) {
        pthread_t threads[4];
        bool failed[4] = { false };
        weft__model_forget();
        for (int i = 0; i < 4; i++)
            WEFT_NEED(pthread_create(&threads[i], NULL, search_often, &failed[i]) == 0);
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            WEFT_CHECK(!failed[i]);
        }
    }
}
