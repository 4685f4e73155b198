/* JSON to a validated struct, and back: what each takes on a small body and on a large one, and memcpy of as many bytes.
 *
 * Usage: json body small|large            prints that body
 *        json small|large FILE            reads the body from FILE and prints `name figure` lines: nanoseconds of the
 *                                         processor for one body, each the median of several runs within this process
 * `sum` is made of every member that was read: bench/peers/simdjson/json.cpp, which reads the same file, must have the
 * same. Text is copied and lists grow in an arena, as for a request.  */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "model/json.h"

enum { RUNS = 7, RUN_NS = 20 * 1000 * 1000, BODY_BYTES_MAX = 16 << 20, PRODUCTS = 1900, BLOCKS_KEPT = 64 };

/* ---- the models: what requests usually ask is asked of each member; no patterns, which are PCRE2's ---- */

WEFT_MODEL(Order,
    field(int64_t, id, .range = { 1, WEFT_NO_END }),
    field(weft_str, sku, .min_len = 3, .max_len = 20),
    field(weft_str, title, .min_len = 1, .max_len = 80),
    field(double, price, .range = { 0, 1000000 }, .above = true),
    field(int, quantity, .range = { 1, 100 }),
    field(bool, express),
    opt(weft_str, note, .max_len = 200),
    list(weft_str, tags, .max_items = 10, .max_len = 30));

WEFT_MODEL(Maker,
    field(weft_str, name, .min_len = 1, .max_len = 80),
    field(weft_str, country, .min_len = 2, .max_len = 2),
    field(int, since, .range = { 1800, 2100 }));

WEFT_MODEL(Review,
    field(weft_str, by, .min_len = 1, .max_len = 80),
    field(double, stars, .range = { 0, 5 }),
    field(weft_str, text, .max_len = 1000));

WEFT_MODEL(Product,
    field(int64_t, id, .range = { 1, WEFT_NO_END }),
    field(weft_str, name, .min_len = 1, .max_len = 80),
    field(weft_str, about, .max_len = 1000),
    field(double, price, .range = { 0, 1000000 }, .above = true),
    field(double, weight_kg, .range = { 0, 1000 }),
    field(int, stock, .range = { 0, WEFT_NO_END }),
    field(bool, available),
    opt(weft_str, note, .max_len = 200),
    field(Maker, maker),
    list(weft_str, tags, .max_items = 16, .max_len = 30),
    list(double, prices_before, .max_items = 24),
    list(Review, reviews, .max_items = 100));

/* ---- the bodies: always the same ---- */

static uint64_t dice = 1;
static unsigned roll(unsigned below)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((dice >> 33) % below);
}

static const char *const words[] = { "teapot", "of", "cast", "iron", "with", "a", "lid", "that", "stays", "on",
    "when", "it", "pours,", "and", "handle", "wound", "in", "cane.", "Holds", "1.2 l;", "for", "four", "cups", "kettle" };
/* One text in eight has something that must be escaped, or is not ASCII. */
static const char *const rare[] = { "\xC3\xA9maill\xC3\xA9", "\"best\"", "line\nbreak", "\xE9\x93\x81\xE7\x93\xB6", "8\" wide", "tab\t" };

static weft_str sentence(unsigned count)
{
    static char room[4 << 20];
    static size_t used;
    char *start = room + used, *to = start;
    unsigned special = roll(8) ? count : roll(count);
    for (unsigned i = 0; i < count; i++) {
        if (i) *to++ = ' ';
        to = stpcpy(to, i == special ? rare[roll(weft_count(rare))] : words[roll(weft_count(words))]);
    }
    used += (size_t)(to - start) + 1;
    return (weft_str){ start, (size_t)(to - start) };
}

/* A price has two decimals, most of the time. */
static double amount(void) { return (roll(100000) + 1) / (roll(8) ? 100.0 : 1.0); }

static weft_list_weft_str make_tags(weft_str *items)
{
    uint32_t count = roll(5);
    for (uint32_t i = 0; i < count; i++) items[i] = weft_str_of(words[roll(weft_count(words))]);
    return (weft_list_weft_str){ items, count, count };
}

static Product make_product(int number)
{
    static weft_str tags[PRODUCTS][5];
    static double before[PRODUCTS][8];
    static Review reviews[PRODUCTS][3];
    static const char *const countries[] = { "DE", "FR", "JP", "SE" };
    Product p = { .id = INT64_C(9007199254740993) + number * 7, .name = sentence(3 + roll(4)), .about = sentence(10 + roll(20)),
        .price = amount(), .weight_kg = roll(30000) / 1000.0, .stock = (int)roll(500), .available = roll(4) > 0 };
    if (roll(3) == 0) p.note = (weft_opt_weft_str)WEFT_SOME(sentence(5));
    p.maker = (Maker){ sentence(2), weft_str_of(countries[roll(4)]), 1850 + (int)roll(170) };
    p.tags = make_tags(tags[number]);
    p.prices_before = (weft_list_double){ before[number], roll(8), 8 };
    for (uint32_t i = 0; i < p.prices_before.count; i++) before[number][i] = amount();
    p.reviews = (weft_list_Review){ reviews[number], roll(4), 3 };
    for (uint32_t i = 0; i < p.reviews.count; i++)
        reviews[number][i] = (Review){ sentence(2), roll(51) / 10.0, sentence(6 + roll(14)) };
    return p;
}

static int write_large(weft__buf *out)
{
    static Product products[PRODUCTS];
    for (int i = 0; i < PRODUCTS; i++) products[i] = make_product(i);
    return weft__json_write(&weft_schema_weft_list_Product, &(weft_list_Product){ products, PRODUCTS, PRODUCTS }, out, NULL);
}

static int write_small(weft__buf *out)
{
    weft_str tags[] = { WEFT_S("kitchen"), WEFT_S("tea"), WEFT_S("cast iron") };
    Order o = { .id = INT64_C(9007199254740993), .sku = WEFT_S("TEA-0042"), .title = WEFT_S("Teapot of cast iron, with a lid, 1.2 l"),
        .price = 64.5, .quantity = 3, .note = WEFT_SOME(WEFT_S("Ring twice, please")), .tags = { tags, 3, 3 } };
    return weft__json_write(&weft_schema_Order, &o, out, NULL);
}

/* ---- every member, in order ---- */

static uint64_t sum;
static void add(uint64_t value) { sum = (sum ^ value) * 1099511628211u; }
static void add_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add(bits);
}
static void add_text(weft_str text)
{
    for (size_t i = 0; i < text.len; i++) add((unsigned char)text.ptr[i]);
    add(text.len);
}
static void add_option(weft_opt_weft_str text)
{
    add(text.set);
    if (text.set) add_text(text.value);
}
static void add_texts(weft_list_weft_str list)
{
    for (uint32_t i = 0; i < list.count; i++) add_text(list.items[i]);
}

static void add_order(const void *value)
{
    const Order *o = value;
    add((uint64_t)o->id);
    add_text(o->sku);
    add_text(o->title);
    add_double(o->price);
    add((uint64_t)o->quantity);
    add(o->express);
    add_option(o->note);
    add_texts(o->tags);
}

static void add_product(const Product *p)
{
    add((uint64_t)p->id);
    add_text(p->name);
    add_text(p->about);
    add_double(p->price);
    add_double(p->weight_kg);
    add((uint64_t)p->stock);
    add(p->available);
    add_option(p->note);
    add_text(p->maker.name);
    add_text(p->maker.country);
    add((uint64_t)p->maker.since);
    add_texts(p->tags);
    for (uint32_t i = 0; i < p->prices_before.count; i++) add_double(p->prices_before.items[i]);
    for (uint32_t i = 0; i < p->reviews.count; i++) {
        add_text(p->reviews.items[i].by);
        add_double(p->reviews.items[i].stars);
        add_text(p->reviews.items[i].text);
    }
}

static void add_products(const void *value)
{
    const weft_list_Product *list = value;
    for (uint32_t i = 0; i < list->count; i++) add_product(&list->items[i]);
}

/* ---- measuring ---- */

typedef struct body {
    const char *name;
    const weft_schema *schema;
    int (*make)(weft__buf *out);
    void (*add)(const void *value);
} body;

static const body bodies[] = { { "small", &weft_schema_Order, write_small, add_order },
    { "large", &weft_schema_weft_list_Product, write_large, add_products } };

/* What is measured: the text that is read, the value that came of it, and room for what is written. */
typedef struct job {
    const body *body;
    weft_str text;
    weft_arena arena;
    weft__block_pool pool;
    _Alignas(16) char value[sizeof(Order)];
    weft__buf out;
    char *copy;
} job;

_Static_assert(sizeof(Order) >= sizeof(weft_list_Product), "a job has room for either value");

static int read_body(job *j)
{
    weft__problems problems;
    weft__arena_free(&j->arena);
    weft__problems_init(&problems, &j->arena);
    return weft__json_read(j->body->schema, NULL, j->text, j->value, &j->arena, &problems, NULL);
}

static int write_body(job *j)
{
    weft__buf_clear(&j->out);
    return weft__json_write(j->body->schema, j->value, &j->out, NULL);
}

static int read_and_write(job *j)
{
    int rc = read_body(j);
    return rc < 0 ? rc : write_body(j);
}

static int copy_body(job *j)
{
    memcpy(j->copy, j->text.ptr, j->text.len);
    __asm__ volatile("" : : "r"(j->copy) : "memory");    /* the copy is made though nobody looks at it */
    return 0;
}

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nanoseconds for `times` of it; < 0 when it fails. */
static int64_t run(int (*work)(job *), job *j, long times)
{
    int64_t from = cpu_ns();
    for (long i = 0; i < times; i++)
        if (work(j) < 0) return -1;
    return cpu_ns() - from;
}

static int measure(const char *name, int (*work)(job *), job *j)
{
    double figures[RUNS];
    long times = 1;
    for (int64_t ns; (ns = run(work, j, times)) < RUN_NS; times *= 2)
        if (ns < 0) return -1;
    for (int i = 0; i < RUNS; i++) figures[i] = (double)run(work, j, times) / (double)times;
    qsort(figures, RUNS, sizeof *figures, by_size);
    printf("%s %.2f\n", name, figures[RUNS / 2]);
    return 0;
}

/* What is read must be all there is, and what is written the same again, before anything is worth measuring. */
static int check(job *j)
{
    if (read_and_write(j) < 0) return fprintf(stderr, "the body is no value of its model\n"), -1;
    if (!weft_str_equal(weft__buf_str(&j->out), j->text)) return fprintf(stderr, "what is written is not what was read\n"), -1;
    j->body->add(j->value);
    printf("bytes %zu\nsum %llu\n", j->text.len, (unsigned long long)sum);
    return 0;
}

static int measure_all(job *j)
{
    if (check(j) < 0 || measure("read", read_body, j) < 0 || measure("write", write_body, j) < 0) return 1;
    return measure("both", read_and_write, j) < 0 || measure("copy", copy_body, j) < 0;
}

/* ---- the program ---- */

static bool load(const char *path, weft__buf *into)
{
    FILE *in = fopen(path, "rb");
    size_t n = 1;
    if (!in) return false;
    for (char *to; n && (to = weft__buf_reserve(into, 1 << 16)); into->len += n) n = fread(to, 1, 1 << 16, in);
    fclose(in);
    return n == 0 && into->len;
}

static int measure_file(const body *b, const char *path)
{
    job j = { .body = b, .pool = { .keep_max = BLOCKS_KEPT } };
    weft__buf text;
    weft__buf_init(&text, BODY_BYTES_MAX);
    weft__buf_init(&j.out, BODY_BYTES_MAX);
    weft__arena_init(&j.arena, &j.pool, 4 * BODY_BYTES_MAX);
    if (!load(path, &text)) return perror(path), 1;
    j.text = weft__buf_str(&text);
    j.copy = malloc(text.len);
    int status = j.copy ? measure_all(&j) : 1;
    free(j.copy);
    weft__arena_free(&j.arena);
    weft__block_pool_free(&j.pool);
    weft__buf_free(&j.out);
    weft__buf_free(&text);
    return status;
}

static int print_body(const body *b)
{
    weft__buf out;
    weft__buf_init(&out, BODY_BYTES_MAX);
    int rc = b->make(&out);
    if (rc == 0) fwrite(out.ptr, 1, out.len, stdout);
    weft__buf_free(&out);
    return rc < 0;
}

static const body *body_named(const char *name)
{
    for (size_t i = 0; i < weft_count(bodies); i++)
        if (strcmp(bodies[i].name, name) == 0) return &bodies[i];
    return NULL;
}

int main(int argc, char **argv)
{
    bool print = argc == 3 && strcmp(argv[1], "body") == 0;
    const body *b = argc == 3 ? body_named(argv[print ? 2 : 1]) : NULL;
    if (!b) return fprintf(stderr, "usage: json body small|large, or json small|large FILE\n"), 2;
    return print ? print_body(b) : measure_file(b, argv[2]);
}
