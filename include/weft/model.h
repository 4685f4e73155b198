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
 * And those that speak of the model as a whole: extra(T, name), no_extra() and check(function), see below; table("items"), key(id),
 * unique(name), index(day, price) and reference(shop_id, Shop) make it a table of a database, see table.h.
 * Keywords of an input: path, query, header, cookie, form, file, body, request, reply (web.h), depends, config (provider.h).
 * Models are C: put them into .c files or headers that C includes.   Example: examples/items.c  */
#include "weft/base.h"
#include "weft/each.h"
#include "weft/values.h"

/* No member at all: the input of a handler that takes nothing. */
typedef struct weft_none { char unused; } weft_none;

/* One JSON value kept as it came, whatever its type; checked to be well formed. */
typedef struct weft_json { weft_str text; } weft_json;

typedef struct weft_schema weft_schema;
typedef struct weft_request weft_request;
typedef struct weft_reply weft_reply;
typedef struct weft_provider weft_provider;

/* An open end of a range: .range = { 0, WEFT_NO_END }, { -WEFT_NO_END, 100 }. */
#define WEFT_NO_END ((long double)__builtin_inf())

typedef enum { WEFT__scalar, WEFT__model, WEFT__list, WEFT__opt, WEFT__map, WEFT__enum, WEFT__special, WEFT__union } weft_kind;
typedef enum { WEFT__no_scalar, WEFT__int32, WEFT__int64, WEFT__double, WEFT__bool, WEFT__text, WEFT__json,
    WEFT__date, WEFT__time, WEFT__datetime, WEFT__duration, WEFT__uuid, WEFT__decimal, WEFT__bytes } weft_scalar;
typedef enum {
    WEFT__field, WEFT__ref, WEFT__embed, WEFT__hidden, WEFT__value,              /* of models and enums */
    WEFT__path, WEFT__query, WEFT__header, WEFT__cookie, WEFT__form, WEFT__file,  /* of inputs */
    WEFT__body, WEFT__request, WEFT__reply, WEFT__depends, WEFT__config,
    WEFT__extra, WEFT__no_extra, WEFT__check,                                    /* of a model as a whole */
    WEFT__table, WEFT__key, WEFT__unique, WEFT__index, WEFT__reference,
    WEFT__tag, WEFT__when                                                        /* of unions */
} weft_place;

/* What a weft_str may be asked to be. An email address has one '@' and a domain with a point; a URL is http or https with a
 * host, at most 2083 characters; an address of the internet of either kind, or of version 4 or 6. The text is kept as it came. */
typedef enum { WEFT_ANY_TEXT, WEFT_EMAIL, WEFT_URL, WEFT_IP, WEFT_IPV4, WEFT_IPV6 } weft_text_format;

/* The options of a declaration, each by name: field(int, n, .range = { 0, 45 }). What limits a value (.range to
 * .pattern) holds for the values of an option too, and for each item of a list or map. An option that its type
 * cannot have is refused when the program starts.
 *
 * A member must be there unless it is an opt or a ref or has an initial value, and only an opt, a ref and a
 * weft_json may be null: null for a member with an initial value is a fault like any other value of a wrong type.
 * An opt tells the three apart: absent (neither set nor null), null (.null) and a value (.set), which is what a
 * PATCH asks. */
#define WEFT__FIELD_OPTIONS \
    const char *doc;             /* what it is, for people and for OpenAPI */ \
    const char *as;              /* its name in JSON, query or header, when that differs from C's */ \
    const char *initial;         /* its value when it is absent, as text: .initial = "10"; JSON for lists, maps, models */ \
    const char *example;         /* a value for documentation, written as .initial is */ \
    long double range[2];        /* lowest and highest value, both allowed; {0, 0} is no range */ \
    bool above, below;           /* .above: the lower end itself is not allowed; .below: the upper end */ \
    long double multiple_of;     /* 0: none */ \
    uint32_t min_len, max_len;   /* of text in characters, of weft_bytes in bytes; max_len 0: none */ \
    uint32_t min_items, max_items;  /* of lists and maps; max_items 0: none */ \
    const char *pattern;         /* regular expression (PCRE2) found somewhere in the text: anchor it with ^ and $; \
                                  * \d, \w and \s are ASCII, $ is the very end */ \
    weft_text_format format;     /* of text: WEFT_EMAIL, WEFT_URL, WEFT_IP, WEFT_IPV4, WEFT_IPV6 */ \
    uint32_t max_digits, decimal_places;  /* of a weft_decimal; 0: as many as it has */ \
    int uuid_version;            /* of a weft_uuid, 1 to 8; 0: any */ \
    const char *only;            /* the one value it may have, as text: .only = "order". Of a text, integer, bool or enum. \
                                  * Nothing is converted to it, "1" is no 1. It is written whatever the struct holds */ \
    bool int_keys;               /* of a map: its keys are integers of 64 bits. In C they stay texts, as weft writes numbers: "007" \
                                  * is "7", and a map that has both has a key twice */ \
    bool unique;                 /* no two items of the list are equal; of scalars and enums */ \
    bool required;               /* of an opt: it must be there, though it may be null */ \
    bool not_null;               /* of an opt: it may be absent, but not null; without a value it is not written */ \
    size_t bytes_max;            /* of a form's field or file: the largest there may be; 0: see web.h */ \
    bool embed;                  /* of a body that is the only one: the JSON names it, {"item": ...} */ \
    bool secret;                 /* weft_settings never shows it; documentation says that it is a password */

/* What becomes of a row when the one it refers to is deleted: that is refused (WEFT_EDB_REFERENCE), or the row goes with it, or its
 * column becomes NULL. */
typedef enum { WEFT_REFUSE, WEFT_CASCADE, WEFT_SET_NULL } weft_on_delete;

/* One member of a model or an input. What comes before the options is written by the macros.
 *
 * .check is a function of yours: const char *name(T *value) returns NULL when the value is good, or else why it is
 * not ("must not be blank"), which the client is told as "Value error, must not be blank". T is the type of the member as its
 * keyword says it: weft_str of field and opt, weft_list_weft_str of list, weft_map_int of map. It is called once the value is
 * what its declaration asks for; for an opt only with a value, never with what .initial gave. It may change the
 * value. The text must live as long as the request: a literal, or weft_format's. The compiler refuses another
 * signature. It runs while the request is being read, so it must neither wait nor block: checks that ask others belong into the
 * handler. One that waits ends the program, which says which it was. */
typedef struct weft_field {
    const char *name;
    uint32_t name_len;
    weft_place place;
    const weft_schema *type;
    size_t offset;
    long tag;                    /* the constant of an enum's value or a union's case; of its tag, the size */
    const weft_provider *provider;   /* of depends */
    WEFT__FIELD_OPTIONS
    const void *check;
    size_t checked;              /* not for use: where the compiler looks at the signature */
    const char *provides;        /* the type of depends and config, as it is spelled */
    const weft_schema *refers;   /* of reference */
    weft_on_delete on_delete;
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
    bool literal;                    /* of an enum: what is no value of it is a literal_error */
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
WEFT__BUILTIN(weft_date); WEFT__BUILTIN(weft_time); WEFT__BUILTIN(weft_datetime); WEFT__BUILTIN(weft_duration);
WEFT__BUILTIN(weft_uuid); WEFT__BUILTIN(weft_decimal); WEFT__BUILTIN(weft_bytes);
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
#define WEFT__KINDS(Name, kind_, fields_, ...) \
    static struct weft__plan *weft__plan_##Name __attribute__((unused)); \
    WEFT__STATIC weft_schema weft_schema_##Name = { #Name, kind_, sizeof(Name), 0, 0, fields_, sizeof fields_ / sizeof *fields_, WEFT__HERE, &weft__plan_##Name, WEFT__no_scalar, __VA_ARGS__ }; \
    WEFT__STATIC weft_schema weft_schema_weft_list_##Name = { #Name, WEFT__list, sizeof(weft_list_##Name), sizeof(Name), &weft_schema_##Name, 0, 0, 0, 0, WEFT__no_scalar, false }; \
    WEFT__STATIC weft_schema weft_schema_weft_map_##Name = { #Name, WEFT__map, sizeof(weft_map_##Name), sizeof(struct weft_entry_##Name), &weft_schema_##Name, 0, 0, 0, 0, WEFT__no_scalar, false }; \
    WEFT__STATIC weft_schema weft_schema_weft_opt_##Name = { #Name, WEFT__opt, sizeof(weft_opt_##Name), 0, &weft_schema_##Name, 0, 0, 0, 0, WEFT__no_scalar, false }
#define WEFT_DEFINE(Name, ...) \
    struct Name { WEFT__EACH(WEFT__MEMBER, Name, __VA_ARGS__) }; WEFT__OPTION(Name); \
    WEFT__STATIC weft_field weft__fields_##Name[] = { WEFT__EACH(WEFT__FIELD, Name, __VA_ARGS__) }; \
    WEFT__KINDS(Name, WEFT__model, weft__fields_##Name, false)
#define WEFT_MODEL(Name, ...) WEFT_DECLARE(Name); WEFT_DEFINE(Name, __VA_ARGS__)

/* What a handler is given: each member says where in the request it comes from. */
#define WEFT_INPUT(Name, ...) \
    typedef struct Name { WEFT__EACH(WEFT__IMEMBER, Name, __VA_ARGS__) } Name; \
    WEFT__STATIC weft_field weft__fields_##Name[] = { WEFT__EACH(WEFT__IFIELD, Name, __VA_ARGS__) }; \
    WEFT__STATIC weft_schema weft_schema_##Name = { #Name, WEFT__model, sizeof(Name), 0, 0, weft__fields_##Name, sizeof weft__fields_##Name / sizeof(weft_field), WEFT__HERE, 0, WEFT__no_scalar, false }

/* WEFT_ENUM(Status, value(STATUS_OPEN, "open"), value(STATUS_SENT, "sent")): text in JSON, a constant in C.
 * WEFT_LITERAL(Order, value(BY_NAME, "name"), value(BY_DATE, "date")) is the same but for the name of the problem a client gets
 * for another text: "literal_error", as for Python's Literal, instead of "enum". */
#define WEFT_ENUM(Name, ...) WEFT__CONSTANTS(Name, false, __VA_ARGS__)
#define WEFT_LITERAL(Name, ...) WEFT__CONSTANTS(Name, true, __VA_ARGS__)
#define WEFT__CONSTANTS(Name, literal_, ...) \
    typedef enum Name { WEFT__EACH(WEFT__EMEMBER, Name, __VA_ARGS__) } Name; WEFT__SHAPES(Name); WEFT__OPTION(Name); \
    WEFT__STATIC weft_field weft__fields_##Name[] = { WEFT__EACH(WEFT__EFIELD, Name, __VA_ARGS__) }; \
    WEFT__KINDS(Name, WEFT__enum, weft__fields_##Name, literal_)

/* One of several models, told apart by a text that stands beside their members:
 *
 *     WEFT_UNION(Event, type, when("order.created", Created, created), when("order.deleted", Deleted, deleted));
 *
 * declares struct Event with the tag `type` (Event_created, Event_deleted, or Event_none, 0) and the members created and
 * deleted, of which the one that the tag names has a value. In JSON it is {"type":"order.created", ...}: the members
 * of Created with the tag in front, which may stand anywhere when read. A text that is no case is "union_tag_invalid", an absent
 * one "union_tag_not_found"; problems inside have the case in their place: ["body","order.created","id"]. No model of
 * a union has a member of the tag's name. A union can stand wherever a model can, but it is not embedded. One with
 * Event_none, or any other number that is no case, cannot be written.
 * For unions that models mention which they hold: WEFT_DECLARE(Event), those models, WEFT_DEFINE_UNION(Event, ...). */
#define WEFT_UNION(Name, tag_, ...) WEFT_DECLARE(Name); WEFT_DEFINE_UNION(Name, tag_, __VA_ARGS__)
#define WEFT_DEFINE_UNION(Name, tag_, ...) \
    struct Name { \
        enum { Name##_none, WEFT__EACH(WEFT__UTAG, Name, __VA_ARGS__) } tag_; \
        union { WEFT__EACH(WEFT__UMEMBER, Name, __VA_ARGS__) }; \
    }; \
    WEFT__OPTION(Name); \
    WEFT__STATIC weft_field weft__fields_##Name[] = { \
        { .name = #tag_, .name_len = sizeof #tag_ - 1, .place = WEFT__tag, .offset = offsetof(Name, tag_), \
            .tag = sizeof(((Name *)0)->tag_) }, \
        WEFT__EACH(WEFT__UFIELD, Name, __VA_ARGS__) }; \
    WEFT__KINDS(Name, WEFT__union, weft__fields_##Name, false)

/* The macro of a keyword expands to two arguments, of which the second is taken: a word that has none is one
 * argument, and what is taken then is the message that names it. */
#define WEFT__SECOND(...) WEFT__SECOND_(__VA_ARGS__, )
#define WEFT__SECOND_(first, second, ...) second
#define WEFT__NO_KEYWORD(of, d, keywords) _Static_assert(0, "no keyword of " of ": " #d " (there are " keywords ")");

/* Keywords that speak of a model as a whole, each at most once (check any number of times):
 *   extra(T, name)   keys that no member has are kept, in a weft_map_T, and written back behind the members. T is
 *                    weft_json for any value. Without it, they are checked to be JSON and left out.
 *   no_extra()       such keys are refused: "extra_forbidden", each with its place and value.
 *   check(function)  const char *function(Name *value) as for .check above, called when all members are good, in the
 *                    order of their declaration; of an embedded model too. It may change the value. The struct must be known
 *                    before: WEFT_DECLARE(Name), the function's declaration, WEFT_DEFINE(Name, ...). */
#define WEFT__MEMBER(Name, d) WEFT__SECOND(WEFT_MODEL_KEYWORD_##d, \
    WEFT__NO_KEYWORD("a model", d, "field, list, opt, map, ref, embed, hidden, extra, no_extra, check, table, key, unique, index, reference"))
#define WEFT_MODEL_KEYWORD_field(T, n, ...)  , T n;
#define WEFT_MODEL_KEYWORD_list(T, n, ...)   , weft_list_##T n;
#define WEFT_MODEL_KEYWORD_opt(T, n, ...)    , weft_opt_##T n;
#define WEFT_MODEL_KEYWORD_map(T, n, ...)    , weft_map_##T n;
#define WEFT_MODEL_KEYWORD_ref(T, n, ...)    , T *n;
#define WEFT_MODEL_KEYWORD_embed(T, n, ...)  , T n;
#define WEFT_MODEL_KEYWORD_hidden(T, n, ...) , T n;
#define WEFT_MODEL_KEYWORD_extra(T, n, ...)  , weft_map_##T n;
#define WEFT_MODEL_KEYWORD_no_extra() ,
#define WEFT_MODEL_KEYWORD_check(f) ,
#define WEFT_MODEL_KEYWORD_table(name) ,
#define WEFT_MODEL_KEYWORD_key(...) ,
#define WEFT_MODEL_KEYWORD_unique(...) ,
#define WEFT_MODEL_KEYWORD_index(...) ,
#define WEFT_MODEL_KEYWORD_reference(n, T, ...) ,
#define WEFT_MODEL_KEYWORD_ ,
/* A row of the table: the macro that writes it, place, member, what .check is given, schema, options. */
#define WEFT__FIELD(Name, d)   WEFT__ROW_BY(Name, WEFT__S_##d)
#define WEFT__S_field(T, n, ...)  WEFT__ROW, WEFT__field, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__S_list(T, n, ...)   WEFT__ROW, WEFT__field, n, n, &weft_schema_weft_list_##T, __VA_ARGS__
#define WEFT__S_opt(T, n, ...)    WEFT__ROW, WEFT__field, n, n.value, &weft_schema_weft_opt_##T, __VA_ARGS__
#define WEFT__S_map(T, n, ...)    WEFT__ROW, WEFT__field, n, n, &weft_schema_weft_map_##T, __VA_ARGS__
#define WEFT__S_ref(T, n, ...)    WEFT__ROW, WEFT__ref, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__S_embed(T, n, ...)  WEFT__ROW, WEFT__embed, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__S_hidden(T, n, ...) WEFT__ROW, WEFT__hidden, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__S_extra(T, n, ...)  WEFT__ROW, WEFT__extra, n, n, &weft_schema_weft_map_##T, __VA_ARGS__
#define WEFT__S_no_extra()        WEFT__ROW_OF_MODEL, WEFT__no_extra
#define WEFT__S_check(f)          WEFT__ROW_OF_CHECK, f
#define WEFT__S_table(name)       WEFT__ROW_OF_TABLE, name
#define WEFT__S_key(...)          WEFT__ROW_OF_COLUMNS, WEFT__key, __VA_ARGS__
#define WEFT__S_unique(...)       WEFT__ROW_OF_COLUMNS, WEFT__unique, __VA_ARGS__
#define WEFT__S_index(...)        WEFT__ROW_OF_COLUMNS, WEFT__index, __VA_ARGS__
#define WEFT__S_reference(n, T, ...) WEFT__ROW_OF_REFERENCE, n, T, __VA_ARGS__
#define WEFT__ROW_BY(...) WEFT__ROW_BY_(__VA_ARGS__)
#define WEFT__ROW_BY_(Name, row, ...) row(Name, __VA_ARGS__)
/* The options stand a second time where .check has its real type, so that the compiler looks at it. */
#define WEFT__ROW(Name, p, n, c, t, ...) { .name = #n, .name_len = sizeof #n - 1, .type = t, .offset = offsetof(Name, n), .place = p, \
    __VA_ARGS__ __VA_OPT__(, .checked = 0 * sizeof((struct { WEFT__FIELD_OPTIONS const char *(*check)(__typeof__(((Name *)0)->c) *); }){ __VA_ARGS__ })) },
#define WEFT__ROW_OF_MODEL(Name, p) { .name = "", .place = p },
#define WEFT__ROW_OF_CHECK(Name, f) { .name = "", .place = WEFT__check, .check = f, .checked = 0 * sizeof(struct { char c; \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&(f)), const char *(*)(Name *)), \
        "check '" #f "' must be declared: const char *" #f "(" #Name " *value)"); }) },
#define WEFT__ROW_OF_TABLE(Name, text) { .name = "", .place = WEFT__table, .as = "" text },
/* Columns are told by their names; sizeof is where the compiler looks whether they are members. */
#define WEFT__ROW_OF_COLUMNS(Name, p, ...) { .name = "", .place = p, .as = #__VA_ARGS__, .checked = 0 * (WEFT__MEMBERS(Name, __VA_ARGS__)) },
#define WEFT__ROW_OF_REFERENCE(Name, n, T, ...) { .name = "", .place = WEFT__reference, .as = #n, .refers = &weft_schema_##T, \
    .checked = 0 * (WEFT__MEMBERS1(Name, n) __VA_OPT__(+ sizeof((struct { weft_on_delete on_delete; }){ __VA_ARGS__ }))), __VA_ARGS__ },
#define WEFT__MEMBERS(Name, ...) WEFT__PICK16(__VA_ARGS__, WEFT__MEMBERS_MANY, WEFT__MEMBERS_MANY, WEFT__MEMBERS_MANY, WEFT__MEMBERS_MANY, \
    WEFT__MEMBERS_MANY, WEFT__MEMBERS_MANY, WEFT__MEMBERS_MANY, WEFT__MEMBERS_MANY, WEFT__MEMBERS8, WEFT__MEMBERS7, WEFT__MEMBERS6, \
    WEFT__MEMBERS5, WEFT__MEMBERS4, WEFT__MEMBERS3, WEFT__MEMBERS2, WEFT__MEMBERS1)(Name, __VA_ARGS__)
#define WEFT__MEMBERS1(N, a) sizeof(((N *)0)->a)
#define WEFT__MEMBERS2(N, a, ...) WEFT__MEMBERS1(N, a) + WEFT__MEMBERS1(N, __VA_ARGS__)
#define WEFT__MEMBERS3(N, a, ...) WEFT__MEMBERS1(N, a) + WEFT__MEMBERS2(N, __VA_ARGS__)
#define WEFT__MEMBERS4(N, a, ...) WEFT__MEMBERS1(N, a) + WEFT__MEMBERS3(N, __VA_ARGS__)
#define WEFT__MEMBERS5(N, a, ...) WEFT__MEMBERS1(N, a) + WEFT__MEMBERS4(N, __VA_ARGS__)
#define WEFT__MEMBERS6(N, a, ...) WEFT__MEMBERS1(N, a) + WEFT__MEMBERS5(N, __VA_ARGS__)
#define WEFT__MEMBERS7(N, a, ...) WEFT__MEMBERS1(N, a) + WEFT__MEMBERS6(N, __VA_ARGS__)
#define WEFT__MEMBERS8(N, a, ...) WEFT__MEMBERS1(N, a) + WEFT__MEMBERS7(N, __VA_ARGS__)
#define WEFT__MEMBERS_MANY(N, ...) sizeof(struct { char c; _Static_assert(0, "a key, unique or index has at most 8 columns"); })
#define WEFT__IMEMBER(Name, d) WEFT__SECOND(WEFT_INPUT_KEYWORD_##d, \
    WEFT__NO_KEYWORD("an input", d, "path, query, header, cookie, form, file, body, request, reply, depends, config"))
#define WEFT_INPUT_KEYWORD_path(T, n, ...)   , T n;
#define WEFT_INPUT_KEYWORD_query(T, n, ...)  , T n;
#define WEFT_INPUT_KEYWORD_header(T, n, ...) , T n;
#define WEFT_INPUT_KEYWORD_cookie(T, n, ...) , T n;
#define WEFT_INPUT_KEYWORD_form(T, n, ...)   , T n;
#define WEFT_INPUT_KEYWORD_file(T, n, ...)   , T n;
#define WEFT_INPUT_KEYWORD_body(T, n, ...)   , T n;
#define WEFT_INPUT_KEYWORD_request(n) , const weft_request *n;
#define WEFT_INPUT_KEYWORD_reply(n) , weft_reply *n;
#define WEFT_INPUT_KEYWORD_depends(T, n, p) , T *n;
#define WEFT_INPUT_KEYWORD_config(T, n) , const T *n;
#define WEFT_INPUT_KEYWORD_ ,
#define WEFT__IFIELD(Name, d)  WEFT__ROW_BY(Name, WEFT__T_##d)
#define WEFT__T_path(T, n, ...)   WEFT__ROW, WEFT__path, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_query(T, n, ...)  WEFT__ROW, WEFT__query, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_header(T, n, ...) WEFT__ROW, WEFT__header, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_cookie(T, n, ...) WEFT__ROW, WEFT__cookie, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_form(T, n, ...)   WEFT__ROW, WEFT__form, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_file(T, n, ...)   WEFT__ROW, WEFT__file, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_body(T, n, ...)   WEFT__ROW, WEFT__body, n, n, &weft_schema_##T, __VA_ARGS__
#define WEFT__T_request(n) WEFT__ROW, WEFT__request, n, n, 0,
#define WEFT__T_reply(n) WEFT__ROW, WEFT__reply, n, n, 0,
#define WEFT__T_depends(T, n, p) WEFT__ROW_OF_OTHERS, WEFT__depends, n, T, &(p)
#define WEFT__T_config(T, n) WEFT__ROW_OF_OTHERS, WEFT__config, n, T, 0
#define WEFT__ROW_OF_OTHERS(Name, p, n, T, from) { .name = #n, .name_len = sizeof #n - 1, .place = p, .offset = offsetof(Name, n), \
    .provider = from, .provides = WEFT__STR(T) },
/* In an enum a constant stands where in a struct the message could stand: its value is what holds it. */
#define WEFT__EMEMBER(Name, d) WEFT__SECOND(WEFT_ENUM_KEYWORD_##d, \
    weft__no_keyword_##Name = sizeof(struct { WEFT__NO_KEYWORD("an enum", d, "value") int unused; })),
#define WEFT_ENUM_KEYWORD_value(c, text) , c
#define WEFT__EFIELD(Name, d) WEFT__E_##d
#define WEFT__E_value(c, text) { .name = "" text, .name_len = sizeof(text) - 1, .place = WEFT__value, .tag = c },
/* As in an enum; the rest of a word that is none is left out. */
#define WEFT__UTAG(Name, d) WEFT__UTAG_(Name, WEFT__SECOND(WEFT_UNION_KEYWORD_##d, \
    no_keyword = sizeof(struct { WEFT__NO_KEYWORD("a union", d, "when") int unused; })))
#define WEFT__UTAG_(...) WEFT__UTAG__(__VA_ARGS__)
#define WEFT__UTAG__(Name, n) Name##_##n,
#define WEFT_UNION_KEYWORD_when(text, T, n) , n
#define WEFT__UMEMBER(Name, d) WEFT__SECOND(WEFT__U_##d, )
#define WEFT__U_when(text, T, n) , T n;
#define WEFT__UFIELD(Name, d) WEFT__ROW_BY(Name, WEFT__UROW_##d)
#define WEFT__UROW_when(text, T, n) WEFT__UROW, text, T, n
#define WEFT__UROW(Name, text, T, n) { .name = "" text, .name_len = sizeof(text) - 1, .type = &weft_schema_##T, \
    .offset = offsetof(Name, n), .place = WEFT__when, .tag = Name##_##n },
#endif
