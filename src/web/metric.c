/* The user's own metrics: one table of series, flat and without pointers, so that it may lie in memory that processes share.
 * Values change by atomic operations, from any thread; a new series takes a lock. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "io/log.h"
#include "os/objects.h"
#include "web/metrics.h"
#include "wire/number.h"
#include "wire/utf8.h"

enum { SERIES_MAX = 1024, PLACES = 2 * SERIES_MAX, LABELS_MAX = 6, LABEL_BYTES = 100, BUCKETS_MAX = 20, NAME_BYTES = 200, LABEL_NAME_BYTES = 63 };

/* Which series it is: of a metric, with values of its labels. */
typedef struct key {
    weft__static_place of;               /* where it is in the program, or in a library of it, wherever that lies in another process */
    uint32_t hash, bytes;                /* of `labels` in use */
    uint8_t lens[LABELS_MAX];
    char labels[LABELS_MAX * LABEL_BYTES];       /* the values, one behind the other */
} key;

typedef struct weft__series {
    key key;
    uint32_t kind;                       /* the metric's, which may not be known here: its library is not loaded */
    uint64_t value;                      /* a double's bits: value, or a histogram's sum */
    uint64_t buckets[BUCKETS_MAX + 1];
} weft__series;

/* `places` has numbers of series + 1 at where their hashes lead; 0 is none. They are written last. */
typedef struct table {
    uint32_t count;
    uint64_t dropped;
    uint16_t places[PLACES];
    weft__series series[SERIES_MAX];
} table;

/* That of this process, which alone writes it; of a fleet there is one for each slot, and whoever reads adds them up. */
static table own_table, *mine = &own_table;
static weft__fleet *fleet;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* NULL: it lies in a library that other processes have loaded, or had, and this one has not. */
static weft_metric *metric_of(const key *k) { return weft__static_at(k->of); }

static const double seconds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };

/* ---- mistakes ---- */

static bool is_name(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool letter = ((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z') || s[i] == '_';
        if (!letter && !(i && s[i] >= '0' && s[i] <= '9')) return false;
    }
    return len > 0;
}

/* The next of "kind, country"; false behind the last. */
static bool label_next(const char **labels, weft_str *name)
{
    const char *at = *labels;
    if (!at || !*at) return false;
    at += strspn(at, " ");
    size_t n = strcspn(at, ",");
    *labels = at[n] ? at + n + 1 : at + n;
    while (n && at[n - 1] == ' ') n--;
    *name = (weft_str){ at, n };
    return true;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

static const char *name_fault(const char *name)
{
    if (!name || !is_name(name, strlen(name))) return "its name has letters, digits and _, and begins with no digit";
    if (strlen(name) > NAME_BYTES) return "its name has more than 200 bytes";
    if (strncmp(name, "weft_", 5) == 0 || strncmp(name, "process_", 8) == 0) return "names that begin with weft_ or process_ are weft's own";
    if (ends_with(name, "_bucket") || ends_with(name, "_sum") || ends_with(name, "_count"))
        return "names that end with _bucket, _sum or _count are parts of histograms";
    return NULL;
}

static bool stands_before(const char *labels, weft_str name)
{
    weft_str other;
    while (label_next(&labels, &other) && other.ptr != name.ptr)
        if (weft_str_equal(other, name)) return true;
    return false;
}

static const char *label_fault(const weft_metric *m, weft_str name)
{
    if (!is_name(name.ptr, name.len)) return "names of labels have letters, digits and _, and begin with no digit";
    if (name.len > LABEL_NAME_BYTES) return "a label's name has more than 63 bytes";
    if (weft_str_equal(name, WEFT_S("le")) || weft_str_equal(name, WEFT_S("quantile"))) return "le and quantile are labels of histograms' own";
    if (name.len > 1 && name.ptr[0] == '_' && name.ptr[1] == '_') return "names of labels that begin with __ are Prometheus's own";
    return stands_before(m->labels, name) ? "a label stands there twice" : NULL;
}

static const char *labels_fault(const weft_metric *m)
{
    const char *labels = m->labels, *fault;
    weft_str name;
    size_t n = 0;
    for (; label_next(&labels, &name); n++)
        if ((fault = label_fault(m, name))) return fault;
    return n > LABELS_MAX ? "more than 6 labels" : NULL;
}

static const char *buckets_fault(const weft_metric *m)
{
    if (m->bucket_count && m->kind != WEFT__HISTOGRAM) return "it has buckets, and is no histogram";
    if (m->bucket_count > BUCKETS_MAX) return "more than 20 buckets";
    for (size_t i = 0; i < m->bucket_count; i++) {
        if (!isfinite(m->buckets[i])) return "its buckets are not all finite; the last one, +Inf, is there by itself";
        if (i && !(m->buckets[i] > m->buckets[i - 1])) return "its buckets do not rise";
    }
    return NULL;
}

static const char *fault_of(const weft_metric *m)
{
    const char *fault = name_fault(m->name);
    if (!fault && (unsigned)m->kind > WEFT__HISTOGRAM) fault = "it is no counter, gauge or histogram";
    if (!fault) fault = labels_fault(m);
    return fault ? fault : buckets_fault(m);
}

static weft__series *refused(weft_metric *m, const char *why)
{
    if (!__atomic_exchange_n(&m->faulty, true, __ATOMIC_RELAXED)) weft__log(WEFT_LOG_ERROR, "metric %s is not counted: %s", m->name ? m->name : "(none)", why);
    return NULL;
}

void weft__metric_check(weft_metric *const *list, weft_metric *const *m, weft__buf *faults)
{
    const char *fault = fault_of(*m);
    for (weft_metric *const *other = list; !fault && other < m; other++)
        if (*other != *m && strcmp((*other)->name ? (*other)->name : "", (*m)->name) == 0) fault = "another metric has its name";
    if (fault) weft__buf_printf(faults, "metric %s: %s\n", (*m)->name ? (*m)->name : "without a name", fault);
}

/* ---- finding a series ---- */

static size_t label_count(const weft_metric *m)
{
    const char *labels = m->labels;
    weft_str name;
    size_t n = 0;
    while (label_next(&labels, &name)) n++;
    return n;
}

/* Whole characters of at most `max` bytes. */
static size_t cut(weft_str s, size_t max)
{
    if (s.len <= max) return s.len;
    while (max && ((unsigned char)s.ptr[max] & 0xc0) == 0x80) max--;
    return max;
}

/* As it will stand on the page: one byte that is no UTF-8 would make the whole of it none, and two values must not come out as one. */
static size_t put_value(char *to, weft_str value)
{
    size_t n = cut(value, LABEL_BYTES);
    bool utf8 = weft__utf8_valid(value.ptr, n);
    for (size_t i = 0; i < n; i++) to[i] = !value.ptr[i] || ((value.ptr[i] & 0x80) && !utf8) ? '?' : value.ptr[i];
    return n;
}

static void describe(key *k, weft_metric *m, const weft_str *labels, size_t count)
{
    k->of = weft__static_place_of(m);
    uint32_t hash = 2166136261u ^ (uint32_t)k->of.at ^ (uint32_t)k->of.object;
    memset(k->lens, 0, sizeof k->lens);
    k->bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = put_value(k->labels + k->bytes, labels[i]);
        k->lens[i] = (uint8_t)n;
        k->bytes += (uint32_t)n;
    }
    for (size_t i = 0; i < k->bytes; i++) hash = (hash ^ (unsigned char)k->labels[i]) * 16777619u;
    for (size_t i = 0; i < count; i++) hash = (hash ^ k->lens[i]) * 16777619u;
    k->hash = hash;
}

static bool is_of(const key *a, const key *b) { return a->of.at == b->of.at && a->of.object == b->of.object; }

static bool same(const key *a, const key *b)
{
    return is_of(a, b) && a->hash == b->hash && a->bytes == b->bytes && memcmp(a->lens, b->lens, sizeof a->lens) == 0
        && memcmp(a->labels, b->labels, a->bytes) == 0;
}

/* The series, or, in *place, where it would be. */
static weft__series *look(table *t, const key *wanted, uint32_t *place)
{
    for (*place = wanted->hash % PLACES;; *place = (*place + 1) % PLACES) {
        uint16_t n = __atomic_load_n(&t->places[*place], __ATOMIC_ACQUIRE);
        if (!n) return NULL;
        if (same(&t->series[n - 1].key, wanted)) return &t->series[n - 1];
    }
}

/* Two metrics of one name would be one metric with two meanings. */
static const weft_metric *namesake(const weft_metric *m)
{
    for (uint32_t i = 0; i < mine->count; i++) {
        const weft_metric *other = metric_of(&mine->series[i].key);
        if (other && other != m && strcmp(other->name, m->name) == 0) return other;
    }
    return NULL;
}

/* It counts when its place is written: a reader, and who has this slot next, find none that is half there. */
static weft__series *add_to(table *t, const key *wanted, uint32_t kind, uint32_t place)
{
    if (t->count == SERIES_MAX) {
        t->dropped++;
        return NULL;
    }
    weft__series *s = &t->series[t->count];
    s->value = 0;
    memset(s->buckets, 0, sizeof s->buckets);
    s->kind = kind;
    s->key = (key){ wanted->of, wanted->hash, wanted->bytes, { 0 }, "" };
    memcpy(s->key.lens, wanted->lens, sizeof wanted->lens);
    memcpy(s->key.labels, wanted->labels, wanted->bytes);
    __atomic_store_n(&t->count, t->count + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&t->places[place], (uint16_t)t->count, __ATOMIC_RELEASE);
    return s;
}

static weft__series *add_locked(const weft_metric *m, const key *wanted, const char **why)
{
    uint32_t place;
    weft__series *s = look(mine, wanted, &place);
    if (s) return s;
    if (!namesake(m)) return add_to(mine, wanted, m->kind, place);
    *why = "another metric has its name";
    return NULL;
}

/* Its series; one without labels is found at once from then on. */
static __attribute__((noinline)) weft__series *find(weft_metric *m, const weft_str *labels, size_t count)
{
    key wanted;
    uint32_t place;
    const char *why = __atomic_load_n(&m->checked, __ATOMIC_RELAXED) ? NULL : fault_of(m);
    if (!why) __atomic_store_n(&m->checked, true, __ATOMIC_RELAXED);
    if (!why && label_count(m) != count) why = "it is given another number of labels than it has";
    if (why) return refused(m, why);
    describe(&wanted, m, labels, count);
    weft__series *s = look(mine, &wanted, &place);
    if (!s) {
        pthread_mutex_lock(&lock);
        s = add_locked(m, &wanted, &why);
        pthread_mutex_unlock(&lock);
    }
    if (why) return refused(m, why);
    if (s && !count) __atomic_store_n(&m->only, s, __ATOMIC_RELEASE);
    return s;
}

void weft__metric_begin(weft_metric *m)
{
    if (!label_count(m)) (void)find(m, NULL, 0);
}

static inline weft__series *series_of(weft_metric *m, int kind, const weft_str *labels, size_t count)
{
    weft__series *s = count ? NULL : __atomic_load_n(&m->only, __ATOMIC_ACQUIRE);
    if ((int)m->kind != kind) return refused(m, "it is of another kind");
    if (__builtin_expect(__atomic_load_n(&m->faulty, __ATOMIC_RELAXED), 0)) return NULL;
    return s ? s : find(m, labels, count);
}

/* ---- counting ---- */

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static void add(uint64_t *at, double value)
{
    uint64_t before = __atomic_load_n(at, __ATOMIC_RELAXED), after;
    do after = bits_of(double_of(before) + value);
    while (!__atomic_compare_exchange_n(at, &before, after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void weft__metric_add(weft_metric *m, int kind, double value, const weft_str *labels, size_t count)
{
    weft__series *s = series_of(m, kind, labels, count);
    if (!s || (kind == WEFT__COUNTER && !(value >= 0))) return;
    add(&s->value, value);
}

void weft__metric_set(weft_metric *m, double value, const weft_str *labels, size_t count)
{
    weft__series *s = series_of(m, WEFT__GAUGE, labels, count);
    if (s) __atomic_store_n(&s->value, bits_of(value), __ATOMIC_RELAXED);
}

static const double *bounds_of(const weft_metric *m, size_t *count)
{
    *count = m->bucket_count ? m->bucket_count : weft_count(seconds);
    return m->bucket_count ? m->buckets : seconds;
}

void weft__metric_observe(weft_metric *m, double value, const weft_str *labels, size_t count)
{
    weft__series *s = series_of(m, WEFT__HISTOGRAM, labels, count);
    size_t n, i = 0;
    if (!s || isnan(value)) return;
    const double *bounds = bounds_of(m, &n);
    while (i < n && value > bounds[i]) i++;
    __atomic_fetch_add(&s->buckets[i], 1, __ATOMIC_RELAXED);
    add(&s->value, value);
}

/* ---- written ---- */

static void begin(weft__buf *out, const weft__series *s, const char *suffix, bool open)
{
    const char *labels = metric_of(&s->key)->labels;
    weft_str name;
    size_t at = 0;
    weft__buf_printf(out, "%s%s", metric_of(&s->key)->name, suffix);
    if (!open && !metric_of(&s->key)->labels) return;
    weft__buf_add_char(out, '{');
    for (size_t i = 0; label_next(&labels, &name); at += s->key.lens[i++]) {
        char text[LABEL_NAME_BYTES + 1];
        snprintf(text, sizeof text, "%.*s", WEFT_FMT(name));
        weft__label_add(out, text, (weft_str){ s->key.labels + at, s->key.lens[i] });
    }
    if (!open) weft__buf_add_char(out, '}');
}

static void write_histogram(weft__buf *out, const weft__series *s)
{
    size_t n;
    uint64_t all = 0;
    const double *bounds = bounds_of(metric_of(&s->key), &n);
    for (size_t i = 0; i <= n; i++) {
        char text[WEFT__DOUBLE_PLAIN_MAX];
        all += __atomic_load_n(&s->buckets[i], __ATOMIC_RELAXED);
        begin(out, s, "_bucket", true);
        weft__label_add(out, "le", i < n ? (weft_str){ text, weft__double_write_plain(text, bounds[i]) } : WEFT_S("+Inf"));
        weft__buf_add_char(out, '}');
        weft__value_add(out, (double)all);
    }
    begin(out, s, "_sum", false);
    weft__value_add(out, double_of(__atomic_load_n(&s->value, __ATOMIC_RELAXED)));
    begin(out, s, "_count", false);
    weft__value_add(out, (double)all);
}

static void write_all_of(weft__buf *out, const table *t, uint32_t from)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    const weft_metric *m = metric_of(&t->series[from].key);
    weft__metric_head(out, m->name, types[m->kind], m->help ? m->help : "");
    for (uint32_t i = from; i < t->count; i++) {
        const weft__series *s = &t->series[i];
        if (metric_of(&s->key) != m) continue;
        if (m->kind == WEFT__HISTOGRAM) {
            write_histogram(out, s);
            continue;
        }
        begin(out, s, "", false);
        weft__value_add(out, double_of(__atomic_load_n(&s->value, __ATOMIC_RELAXED)));
    }
}

static bool seen_before(const table *t, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (is_of(&t->series[k].key, &t->series[i].key)) return true;
    return false;
}

static void write_table(weft__buf *out, const table *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (metric_of(&t->series[i].key) && !seen_before(t, i)) write_all_of(out, t, i);
    weft__metric_head(out, "weft_series_dropped_total", "counter", "Values that found no room among 1024 series.");
    weft__buf_lit(out, "weft_series_dropped_total");
    weft__value_add(out, (double)t->dropped);
}

/* ---- of all processes ---- */

static void add_series(table *sum, const weft__series *from)
{
    uint32_t place;
    weft__series *s = look(sum, &from->key, &place);
    if (!s) s = add_to(sum, &from->key, from->kind, place);
    if (!s) return;
    s->value = bits_of(double_of(s->value) + double_of(__atomic_load_n(&from->value, __ATOMIC_RELAXED)));
    for (int i = 0; i <= BUCKETS_MAX; i++) s->buckets[i] += __atomic_load_n(&from->buckets[i], __ATOMIC_RELAXED);
}

/* What a process counted that has ended still counts; what it measured does not. */
static void add_table(table *sum, table *t, bool lives)
{
    uint32_t count = __atomic_load_n(&t->count, __ATOMIC_ACQUIRE);
    sum->dropped += __atomic_load_n(&t->dropped, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < count && i < SERIES_MAX; i++)
        if ((lives || t->series[i].kind != WEFT__GAUGE) && metric_of(&t->series[i].key)) add_series(sum, &t->series[i]);
}

static bool write_sum(weft__buf *out)
{
    table *sum = weft__calloc(sizeof *sum);
    if (!sum) return false;
    for (unsigned i = 0; i < fleet->slots; i++)
        add_table(sum, weft__fleet_part(fleet, i, WEFT__PART_SERIES), weft__ship_lives(weft__fleet_slot(fleet, i)));
    write_table(out, sum);
    weft__free(sum);
    return true;
}

void weft__series_write(weft__buf *out)
{
    pthread_mutex_lock(&lock);
    if (!fleet || !write_sum(out)) write_table(out, mine);
    pthread_mutex_unlock(&lock);
}

size_t weft__series_bytes(void) { return sizeof(table); }

/* What was there before the fork is there from the beginning, at nothing. */
void weft__series_share(weft__fleet *f)
{
    uint32_t place;
    fleet = f;
    mine = weft__fleet_part(f, (unsigned)f->mine, WEFT__PART_SERIES);
    for (uint32_t i = 0; i < mine->count; i++)
        if (mine->series[i].kind == WEFT__GAUGE) mine->series[i].value = 0;
    for (uint32_t i = 0; i < own_table.count; i++) {
        const key *k = &own_table.series[i].key;
        weft_metric *m = metric_of(k);
        if (m) m->only = NULL;
        if (!look(mine, k, &place)) (void)add_to(mine, k, own_table.series[i].kind, place);
    }
}
