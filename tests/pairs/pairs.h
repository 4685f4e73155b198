#ifndef WEFT_TESTS_PAIRS_PAIRS_H
#define WEFT_TESTS_PAIRS_PAIRS_H
/* Requests and what FastAPI answers them, each with routes of weft that do the same: facts of FastAPI's own tests
 * (MIT, github.com/fastapi/fastapi), in the words of this project. A file holds what belongs together, a group is one
 * application: its routes, and what is asked of them. GROUP makes its test. */
#include "weft.h"

/* A fact says what there is to say of it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

typedef struct fact {
    int id;                          /* FastAPI's tests have an order, this is the place in it */
    const char *method, *path, *headers, *body;   /* headers: "Name: value", several divided by a line feed */
    int status;
    const char *json;                /* the body by value; NULL: not looked at */
    const char *text;                /* the body as it is; NULL: not looked at */
    const char *says;                /* headers of the answer, written as `headers` */
    bool bare;                       /* sent with its own headers and Host alone */
} fact;

typedef struct group {
    const char *name;
    const weft_app *app;
    const fact *facts;
    size_t count;
} group;

/* Ask all of them, and fail the running test where an answer is another one. A redirect is followed, as FastAPI's test client
 * does, unless one is expected. */
void group_holds(const group *g);

/* GROUP(paths, .routes = WEFT_ROUTES(...)): an application of what is behind the name, asked paths_facts. */
#define GROUP(name_, ...) \
    static const weft_app name_##_app = { .title = #name_, __VA_ARGS__ }; \
    const group group_##name_ = { #name_, &name_##_app, name_##_facts, weft_count(name_##_facts) }; \
    WEFT_TEST(pairs_of_##name_) { group_holds(&group_##name_); }

/* JSON as it reads, as a string. */
#define JSON(...) #__VA_ARGS__
#define J "Content-Type: application/json"
#define FORM "Content-Type: application/x-www-form-urlencoded"
#endif
