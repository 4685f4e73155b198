#ifndef WEFT_SRC_WEB_OPENAPI_H
#define WEFT_SRC_WEB_OPENAPI_H
/* An OpenAPI 3.1 document of a compiled application, written once, when the program starts.
 * Memory that gives out, and a document past its limit, stay in doc.out: whoever finishes it looks
 * once. None of this waits.   OpenAPI 3.1.0; JSON Schema 2020-12 */
#include "web/endpoint.h"

enum { WEFT__DOCUMENT_BYTES_MAX = 64 << 20 };

/* A component made of the members of an input that one body has. */
typedef struct weft__doc_body { const weft__sources *parts; weft_str name; } weft__doc_body;

typedef struct weft__doc {
    weft__buf out;
    weft_arena arena;                /* of what is needed while it is written */
    bool comma;                      /* before what comes next */
    bool validates;                  /* a route can answer 422: its components are needed */
    bool problems;                   /* failures are problem details (.problems of the application) */
    bool tells_problem;              /* ... and one is told of: likewise */
    bool other_names;                /* a model has the name of one of ours: they have others */
    struct { const weft_schema **items; uint32_t count, room; } types;   /* that it refers to */
    struct { weft__doc_body *items; uint32_t count, room; } bodies;      /* likewise */
    struct { const struct weft_security **items; uint32_t count, room; } schemes;
} weft__doc;

/* Append the document of a site, all of whose routes and types were found good, to `out`. 0,
 * WEFT_ENOMEM, or WEFT_ELIMIT past WEFT__DOCUMENT_BYTES_MAX. */
int weft__openapi_write(const weft__site *site, const weft__endpoints *endpoints, weft__buf *out);

/* ---- openapi_json.c: JSON, with its commas ---- */

void weft__doc_open(weft__doc *d, char bracket);                /* { or [ */
void weft__doc_close(weft__doc *d, char bracket);
void weft__doc_key(weft__doc *d, weft_str key);
void weft__doc_text(weft__doc *d, weft_str text);               /* a string */
void weft__doc_raw(weft__doc *d, weft_str json);                /* any value, as it is */
#define weft__doc_member(d, key) weft__doc_key((d), WEFT_S(key))
#define weft__doc_object(d, key) (weft__doc_member((d), key), weft__doc_open((d), '{'))
#define weft__doc_array(d, key) (weft__doc_member((d), key), weft__doc_open((d), '['))
/* "key":"text", unless it is NULL or empty. */
#define weft__doc_say(d, key, text) weft__doc_say_of((d), WEFT_S(key), weft_str_of(text))
void weft__doc_say_of(weft__doc *d, weft_str key, weft_str text);
#define weft__doc_true(d, key) (weft__doc_member((d), key), weft__doc_raw((d), WEFT_S("true")))

/* "item_id" in words, "Item Id", as Python's str.title has it; empty without memory. */
weft_str weft__doc_title(weft__doc *d, weft_str name);

/* ---- openapi_schema.c: types ---- */

/* What JSON Schema has to say of a type, as an object; of a member, when `field` is not NULL, with
 * its limits, its initial value and its title (empty: none). Its models are remembered for
 * weft__doc_components. */
void weft__doc_schema(
    weft__doc *d, const weft_schema *type, const weft_field *field, weft_str title);

/* A member of an object, under this name, with all that its declaration tells. */
void weft__doc_property(weft__doc *d, weft_str name, const weft_field *field);

/* "components": all models and enums that were mentioned, and those that they mention. */
void weft__doc_components(weft__doc *d);

/* "$ref": to a component. */
void weft__doc_refer(weft__doc *d, const char *name);

/* "example": that of a field, if it has one. */
void weft__doc_example(weft__doc *d, const weft_field *field);

/* ---- openapi_operation.c: one route ---- */

/* The operation of an endpoint, as an object. `path` is the template that it stands under: a
 * parameter has the name that this gives it. */
void weft__doc_operation(weft__doc *d, const weft__endpoint *e, weft_str path, weft_str id);
void weft__doc_webhooks(weft__doc *d, const weft_webhook *hooks);  /* name to path item, or to callback */

/* ---- openapi_body.c ---- */

/* "requestBody", if the operation takes one; what weft__doc_components needs for it is remembered. */
void weft__doc_request_body(weft__doc *d, const weft__endpoint *e, weft_str id);
void weft__doc_bodies(weft__doc *d);       /* these components */

bool weft__doc_is_body_name(const weft__doc *d, const char *name);

/* ---- openapi_failure.c: what failures are answered with ---- */

/* The content type of failures, and the schema of one whose detail is of a type, or, when NULL, a text. */
const char *weft__doc_failure_type(const weft__doc *d);
void weft__doc_failure(weft__doc *d, const weft_schema *detail);
void weft__doc_validation_error(weft__doc *d);                  /* of a 422 of weft's own */
void weft__doc_failures(weft__doc *d);                          /* the components of these */
/* Whether a model has the name of a component of ours. */
bool weft__doc_names_clash(const weft__doc *d);

/* ---- openapi_security.c ---- */

/* "security" of an operation; its schemes are remembered for the components. */
void weft__doc_security(weft__doc *d, const weft__endpoint *e);
void weft__doc_security_schemes(weft__doc *d);                  /* "securitySchemes": those that were mentioned */

/* ---- openapi_check.c ---- */

/* Add what is wrong with the documentation of a route, or of the application, to `faults`. The
 * types of its answers and webhooks are for the caller to check. */
void weft__openapi_check_route(
    const weft__endpoint *e, const weft__endpoints *before, weft__buf *faults);
void weft__openapi_check_app(const weft_app *app, weft__buf *faults);
#endif
