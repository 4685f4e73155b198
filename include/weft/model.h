#ifndef WEFT_MODEL_H
#define WEFT_MODEL_H
/* One declaration of a type gives the struct, its JSON both ways, and its validation.
 *
 *     WEFT_MODEL(Item,
 *         field(int64_t,  id,    .range = { 1, WEFT_NO_END }),
 *         field(weft_str, name,  .min_len = 1, .max_len = 80),
 *         opt  (weft_str, note),                     // absent, null or a value: weft_opt_weft_str
 *         list (weft_str, tags,  .max_items = 10));  // weft_list_weft_str
 *
 * declares struct Item, the types weft_list_Item, weft_opt_Item and weft_map_Item, and static schemas.
 * Keywords of a model: field, list, opt, map, ref (a pointer, NULL is JSON null), embed (the members of
 * another model, inlined in JSON), hidden (in C only, never in JSON). Each is of a type
 * that has a schema. At most 64 members.
 * Keywords of an input: path, query, header, body, request, reply (web.h).
 * Models are C: put them into .c files or headers that C includes.   Example: examples/items.c  */
#include "weft/base.h"
#include "weft/each.h"

/* No member at all: the input of a handler that takes nothing. */
typedef struct weft_none { char unused; } weft_none;

/* One JSON value kept as it came, whatever its type; checked to be well formed. */
typedef struct weft_json { weft_str text; } weft_json;

typedef struct weft_schema weft_schema;
typedef struct weft_request weft_request;
typedef struct weft_reply weft_reply;

/* An open end of a range: .range = { 0, WEFT_NO_END }, { -WEFT_NO_END, 100 }. */
#define WEFT_NO_END ((long double)__builtin_inf())

typedef enum { WEFT__scalar, WEFT__model, WEFT__list, WEFT__opt, WEFT__map, WEFT__enum, WEFT__special } weft_kind;
typedef enum { WEFT__no_scalar, WEFT__int32, WEFT__int64, WEFT__double, WEFT__bool, WEFT__text, WEFT__json } weft_scalar;
typedef enum {
    WEFT__field, WEFT__ref, WEFT__embed, WEFT__hidden, WEFT__value,              /* of models and enums */
    WEFT__path, WEFT__query, WEFT__header, WEFT__body, WEFT__request, WEFT__reply  /* of inputs */
} weft_place;

/* One member of a model or an input. What comes before `doc` is written by the macros; the rest are the
 * options of a declaration, each by name: field(int, n, .range = { 0, 45 }).
 * A member must be there unless it is an opt or a ref or has an initial value. What limits a value holds for
 * the values of an option too, and for each item of a list or map; min_items and max_items for the list or
 * map itself. An option that its type cannot have is refused when the program starts.  */
typedef struct weft_field {
    const char *name;
    uint32_t name_len;
    weft_place place;
    const weft_schema *type;
    size_t offset;
    long tag;                    /* the constant of an enum's value */

    const char *doc;             /* what it is, for people and for OpenAPI */
    const char *as;              /* its name in JSON, query or header, when that differs from C's */
    const char *initial;         /* its value when it is absent, as text: .initial = "10"; JSON for lists, maps, models */
    long double range[2];        /* lowest and highest value, both allowed; {0, 0} is no range */
    bool above, below;           /* .above: the lower end itself is not allowed; .below: the upper end */
    long double multiple_of;     /* 0: none */
    uint32_t min_len, max_len;   /* of text, in characters; max_len 0: none */
    uint32_t min_items, max_items;  /* of lists and maps; max_items 0: none */
    const char *pattern;         /* regular expression (PCRE2) found somewhere in the text: anchor it with ^ and $;
                                  * \d, \w and \s are ASCII, $ is the very end */
} weft_field;

/* What is known of a type. `of` is the type of a list's, map's or option's value, item_size the distance
 * between two items of a list or map. Schemas are static const in each file that declares the model, and
 * equal when name and shape are. */
struct weft_schema {
    const char *name;
    weft_kind kind;
    size_t size, item_size;
    const weft_schema *of;
    const weft_field *fields;
    size_t count;
    const char *declared;            /* file and line of a user's type */
    struct weft__plan **plan;        /* where what is computed from a model's fields is kept, once it was needed */
    weft_scalar scalar;
};

/* A list, an option and a map of T are types of their own: they can be assigned, passed and returned. */
#define WEFT_LIST(T) WEFT__LIST_OF(T)
#define WEFT_OPT(T)  WEFT__OPT_OF(T)
#define WEFT_MAP(T)  WEFT__MAP_OF(T)
#define WEFT__LIST_OF(T) weft_list_##T    /* behind a macro of its own, so that bool is _Bool by now */
#define WEFT__OPT_OF(T)  weft_opt_##T
#define WEFT__MAP_OF(T)  weft_map_##T
#define WEFT__SHAPES(T) \
    typedef struct weft_list_##T { T *items; uint32_t count, room; } weft_list_##T; \
    typedef struct weft_map_##T { struct weft_entry_##T *items; uint32_t count, room; } weft_map_##T
#define WEFT__OPTION(T) \
    typedef struct weft_opt_##T { T value; bool set, null; } weft_opt_##T; \
    struct weft_entry_##T { weft_str key; T value; }
#define WEFT__BUILTIN(T) WEFT__SHAPES(T); WEFT__OPTION(T); \
    extern const weft_schema weft_schema_##T, weft_schema_weft_list_##T, weft_schema_weft_map_##T, weft_schema_weft_opt_##T

/* What comes with weft. bool is _Bool; int is 32 bits; numbers that do not fit their type are an error
 * of the client's, never cut. double takes what JSON can say: no NaN, no infinity. */
WEFT__BUILTIN(int); WEFT__BUILTIN(int32_t); WEFT__BUILTIN(int64_t); WEFT__BUILTIN(double); WEFT__BUILTIN(_Bool);
WEFT__BUILTIN(weft_str); WEFT__BUILTIN(weft_json);
extern const weft_schema weft_schema_weft_none;
#if defined __STDC_VERSION__ && __STDC_VERSION__ >= 202311L   /* there bool is a keyword, not a macro for _Bool */
#define weft_schema_bool weft_schema__Bool
#define weft_schema_weft_list_bool weft_schema_weft_list__Bool
#define weft_schema_weft_map_bool weft_schema_weft_map__Bool
#define weft_schema_weft_opt_bool weft_schema_weft_opt__Bool
#define weft_list_bool weft_list__Bool
#define weft_map_bool weft_map__Bool
#define weft_opt_bool weft_opt__Bool
#endif

/* An option that holds a value: out->quantity = (weft_opt_int)WEFT_SOME(3). */
#define WEFT_SOME(...) { .value = __VA_ARGS__, .set = true }

#define WEFT__STATIC static const __attribute__((unused))

/* For models that mention each other: declare one before the other, define it after. */
#define WEFT_DECLARE(Name) \
    typedef struct Name Name; WEFT__SHAPES(Name); \
    WEFT__STATIC weft_schema weft_schema_##Name, weft_schema_weft_list_##Name, weft_schema_weft_map_##Name
#define WEFT__KINDS(Name, kind_, fields_) \
    static struct weft__plan *weft__plan_##Name __attribute__((unused)); \
    WEFT__STATIC weft_schema weft_schema_##Name = { #Name, kind_, sizeof(Name), 0, 0, fields_, sizeof fields_ / sizeof *fields_, WEFT__HERE, &weft__plan_##Name, WEFT__no_scalar }; \
    WEFT__STATIC weft_schema weft_schema_weft_list_##Name = { #Name, WEFT__list, sizeof(weft_list_##Name), sizeof(Name), &weft_schema_##Name, 0, 0, 0, 0, WEFT__no_scalar }; \
    WEFT__STATIC weft_schema weft_schema_weft_map_##Name = { #Name, WEFT__map, sizeof(weft_map_##Name), sizeof(struct weft_entry_##Name), &weft_schema_##Name, 0, 0, 0, 0, WEFT__no_scalar }; \
    WEFT__STATIC weft_schema weft_schema_weft_opt_##Name = { #Name, WEFT__opt, sizeof(weft_opt_##Name), 0, &weft_schema_##Name, 0, 0, 0, 0, WEFT__no_scalar }
#define WEFT_DEFINE(Name, ...) \
    struct Name { WEFT__EACH(WEFT__MEMBER, Name, __VA_ARGS__) }; WEFT__OPTION(Name); \
    WEFT__STATIC weft_field weft__fields_##Name[] = { WEFT__EACH(WEFT__FIELD, Name, __VA_ARGS__) }; \
    WEFT__KINDS(Name, WEFT__model, weft__fields_##Name)
#define WEFT_MODEL(Name, ...) WEFT_DECLARE(Name); WEFT_DEFINE(Name, __VA_ARGS__)

/* What a handler is given: each member says where in the request it comes from. */
#define WEFT_INPUT(Name, ...) \
    typedef struct Name { WEFT__EACH(WEFT__IMEMBER, Name, __VA_ARGS__) } Name; \
    WEFT__STATIC weft_field weft__fields_##Name[] = { WEFT__EACH(WEFT__IFIELD, Name, __VA_ARGS__) }; \
    WEFT__STATIC weft_schema weft_schema_##Name = { #Name, WEFT__model, sizeof(Name), 0, 0, weft__fields_##Name, sizeof weft__fields_##Name / sizeof(weft_field), WEFT__HERE, 0, WEFT__no_scalar }

/* WEFT_ENUM(Status, value(STATUS_OPEN, "open"), value(STATUS_SENT, "sent")): text in JSON, a constant in C. */
#define WEFT_ENUM(Name, ...) \
    typedef enum Name { WEFT__EACH(WEFT__EMEMBER, Name, __VA_ARGS__) } Name; WEFT__SHAPES(Name); WEFT__OPTION(Name); \
    WEFT__STATIC weft_field weft__fields_##Name[] = { WEFT__EACH(WEFT__EFIELD, Name, __VA_ARGS__) }; \
    WEFT__KINDS(Name, WEFT__enum, weft__fields_##Name)

/* The macro of a keyword expands to two arguments, of which the second is taken: a word that has none is one
 * argument, and what is taken then is the message that names it. */
#define WEFT__SECOND(...) WEFT__SECOND_(__VA_ARGS__, )
#define WEFT__SECOND_(first, second, ...) second
#define WEFT__NO_KEYWORD(of, d, keywords) _Static_assert(0, "no keyword of " of ": " #d " (there are " keywords ")");

#define WEFT__MEMBER(Name, d) WEFT__SECOND(WEFT_MODEL_KEYWORD_##d, \
    WEFT__NO_KEYWORD("a model", d, "field, list, opt, map, ref, embed, hidden"))
#define WEFT_MODEL_KEYWORD_field(T, n, ...)  , T n;
#define WEFT_MODEL_KEYWORD_list(T, n, ...)   , weft_list_##T n;
#define WEFT_MODEL_KEYWORD_opt(T, n, ...)    , weft_opt_##T n;
#define WEFT_MODEL_KEYWORD_map(T, n, ...)    , weft_map_##T n;
#define WEFT_MODEL_KEYWORD_ref(T, n, ...)    , T *n;
#define WEFT_MODEL_KEYWORD_embed(T, n, ...)  , T n;
#define WEFT_MODEL_KEYWORD_hidden(T, n, ...) , T n;
#define WEFT_MODEL_KEYWORD_ ,
#define WEFT__FIELD(Name, d)   WEFT__ROW(Name, WEFT__S_##d)
#define WEFT__S_field(T, n, ...)  WEFT__field, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__S_list(T, n, ...)   WEFT__field, n, &weft_schema_weft_list_##T, __VA_ARGS__
#define WEFT__S_opt(T, n, ...)    WEFT__field, n, &weft_schema_weft_opt_##T, __VA_ARGS__
#define WEFT__S_map(T, n, ...)    WEFT__field, n, &weft_schema_weft_map_##T, __VA_ARGS__
#define WEFT__S_ref(T, n, ...)    WEFT__ref, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__S_embed(T, n, ...)  WEFT__embed, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__S_hidden(T, n, ...) WEFT__hidden, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__ROW(...) WEFT__ROW_(__VA_ARGS__)
#define WEFT__ROW_(Name, p, n, t, ...) { .name = #n, .name_len = sizeof #n - 1, .type = t, .offset = offsetof(Name, n), .place = p, __VA_ARGS__ },
#define WEFT__IMEMBER(Name, d) WEFT__SECOND(WEFT_INPUT_KEYWORD_##d, \
    WEFT__NO_KEYWORD("an input", d, "path, query, header, body, request, reply"))
#define WEFT_INPUT_KEYWORD_path(T, n, ...)   , T n;
#define WEFT_INPUT_KEYWORD_query(T, n, ...)  , T n;
#define WEFT_INPUT_KEYWORD_header(T, n, ...) , T n;
#define WEFT_INPUT_KEYWORD_body(T, n, ...)   , T n;
#define WEFT_INPUT_KEYWORD_request(n) , const weft_request *n;
#define WEFT_INPUT_KEYWORD_reply(n) , weft_reply *n;
#define WEFT_INPUT_KEYWORD_ ,
#define WEFT__IFIELD(Name, d)  WEFT__ROW(Name, WEFT__T_##d)
#define WEFT__T_path(T, n, ...)   WEFT__path, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_query(T, n, ...)  WEFT__query, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_header(T, n, ...) WEFT__header, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_body(T, n, ...)   WEFT__body, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_request(n) WEFT__request, n, 0, .doc = 0
#define WEFT__T_reply(n) WEFT__reply, n, 0, .doc = 0
/* In an enum a constant stands where in a struct the message could stand: its value is what holds it. */
#define WEFT__EMEMBER(Name, d) WEFT__SECOND(WEFT_ENUM_KEYWORD_##d, \
    weft__no_keyword_##Name = sizeof(struct { WEFT__NO_KEYWORD("an enum", d, "value") int unused; })),
#define WEFT_ENUM_KEYWORD_value(c, text) , c
#define WEFT__EFIELD(Name, d) WEFT__E_##d
#define WEFT__E_value(c, text) { .name = "" text, .name_len = sizeof(text) - 1, .place = WEFT__value, .tag = c },
#endif
