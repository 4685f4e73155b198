/* What bench/json.c measures, by simdjson: the same file parsed, every member read into structs that are kept from one body
 * to the next. Text is not copied and nothing is validated but that each member has its type.
 * Usage: simdjson_json small|large FILE   prints `name figure` lines: nanoseconds of the processor for one body, by DOM and
 * by On-Demand, and `sum`, made as bench/json.c makes it. */
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;
using std::string_view;

/* ---- the structs ---- */

struct Note { string_view text; bool set; };
struct Maker { string_view name, country; int64_t since; };
struct Review { string_view by, text; double stars; };

struct Order {
    int64_t id, quantity;
    string_view sku, title;
    double price;
    bool express;
    Note note;
    std::vector<string_view> tags;
};

struct Product {
    int64_t id, stock;
    string_view name, about;
    double price, weight_kg;
    bool available;
    Note note;
    Maker maker;
    std::vector<string_view> tags;
    std::vector<double> prices_before;
    std::vector<Review> reviews;
};

static Order the_order;
static std::vector<Product> products;
static size_t products_count;

/* ---- reading: the same for both, whose values have the same names ---- */

template <class value> static void read_texts(value list, std::vector<string_view> &to)
{
    to.clear();
    for (auto item : list.get_array()) to.push_back(item.get_string());
}

template <class value> static void read_note(value v, Note &to)
{
    bool none = v.is_null();
    to.set = !none;
    if (to.set) to.text = v.get_string();
}

template <class object> static void read_order(object o, Order &to)
{
    to.id = o["id"].get_int64();
    to.sku = o["sku"].get_string();
    to.title = o["title"].get_string();
    to.price = o["price"].get_double();
    to.quantity = o["quantity"].get_int64();
    to.express = o["express"].get_bool();
    read_note(o["note"], to.note);
    read_texts(o["tags"], to.tags);
}

template <class object> static void read_maker(object o, Maker &to)
{
    to.name = o["name"].get_string();
    to.country = o["country"].get_string();
    to.since = o["since"].get_int64();
}

template <class value> static void read_reviews(value list, std::vector<Review> &to)
{
    to.clear();
    for (auto item : list.get_array()) {
        Review r;
        auto o = item.get_object();
        r.by = o["by"].get_string();
        r.stars = o["stars"].get_double();
        r.text = o["text"].get_string();
        to.push_back(r);
    }
}

template <class object> static void read_product(object o, Product &to)
{
    to.id = o["id"].get_int64();
    to.name = o["name"].get_string();
    to.about = o["about"].get_string();
    to.price = o["price"].get_double();
    to.weight_kg = o["weight_kg"].get_double();
    to.stock = o["stock"].get_int64();
    to.available = o["available"].get_bool();
    read_note(o["note"], to.note);
    read_maker(o["maker"].get_object(), to.maker);
    read_texts(o["tags"], to.tags);
    to.prices_before.clear();
    for (auto item : o["prices_before"].get_array()) to.prices_before.push_back(item.get_double());
    read_reviews(o["reviews"], to.reviews);
}

template <class array> static void read_products(array list)
{
    products_count = 0;
    for (auto item : list) {
        if (products_count == products.size()) products.emplace_back();
        read_product(item.get_object(), products[products_count++]);
    }
}

/* ---- the sum, as in bench/json.c ---- */

static uint64_t sum;
static void add(uint64_t value) { sum = (sum ^ value) * 1099511628211u; }
static void add(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add(bits);
}
static void add(string_view text)
{
    for (unsigned char c : text) add(uint64_t(c));
    add(uint64_t(text.size()));
}
static void add(const Note &n)
{
    add(uint64_t(n.set));
    if (n.set) add(n.text);
}
static void add(const std::vector<string_view> &list)
{
    for (string_view text : list) add(text);
}

static void add(const Order &o)
{
    add(uint64_t(o.id));
    add(o.sku);
    add(o.title);
    add(o.price);
    add(uint64_t(o.quantity));
    add(uint64_t(o.express));
    add(o.note);
    add(o.tags);
}

static void add(const Product &p)
{
    add(uint64_t(p.id));
    add(p.name);
    add(p.about);
    add(p.price);
    add(p.weight_kg);
    add(uint64_t(p.stock));
    add(uint64_t(p.available));
    add(p.note);
    add(p.maker.name);
    add(p.maker.country);
    add(uint64_t(p.maker.since));
    add(p.tags);
    for (double price : p.prices_before) add(price);
    for (const Review &r : p.reviews) {
        add(r.by);
        add(r.stars);
        add(r.text);
    }
}

static uint64_t sum_of_all(bool large)
{
    sum = 0;
    if (!large) add(the_order);
    for (size_t i = 0; large && i < products_count; i++) add(products[i]);
    return sum;
}

/* ---- measuring, as in bench/json.c ---- */

constexpr int RUNS = 7;
constexpr int64_t RUN_NS = 20 * 1000 * 1000;

static int64_t cpu_ns()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

template <class work> static int64_t run(work once, long times)
{
    int64_t from = cpu_ns();
    for (long i = 0; i < times; i++) once();
    return cpu_ns() - from;
}

template <class work> static void measure(const char *name, work once)
{
    double figures[RUNS];
    long times = 1;
    while (run(once, times) < RUN_NS) times *= 2;
    for (double &figure : figures) figure = double(run(once, times)) / double(times);
    std::sort(figures, figures + RUNS);
    printf("%s %.2f\n", name, figures[RUNS / 2]);
}

static void measure_all(const simdjson::padded_string &text, bool large)
{
    dom::parser tree;
    ondemand::parser stream;
    auto by_dom = [&] {
        dom::element root = tree.parse(text);
        if (large) read_products(root.get_array());
        else read_order(root.get_object(), the_order);
    };
    auto by_on_demand = [&] {
        ondemand::document root = stream.iterate(text);
        if (large) read_products(root.get_array());
        else read_order(root.get_object(), the_order);
    };
    by_dom();
    uint64_t first = sum_of_all(large);
    by_on_demand();
    if (sum_of_all(large) != first) throw std::string("DOM and On-Demand read different values");
    printf("sum %llu\n", (unsigned long long)first);
    measure("dom", by_dom);
    measure("on_demand", by_on_demand);
}

int main(int argc, char **argv)
{
    bool large = argc == 3 && strcmp(argv[1], "large") == 0, small = argc == 3 && strcmp(argv[1], "small") == 0;
    if (!large && !small) return fprintf(stderr, "usage: simdjson_json small|large FILE\n"), 2;
    try {
        printf("version %s, %s (On-Demand: %s)\n", SIMDJSON_STRINGIFY(SIMDJSON_VERSION), simdjson::get_active_implementation()->name().c_str(),
            SIMDJSON_STRINGIFY(SIMDJSON_BUILTIN_IMPLEMENTATION));
        measure_all(simdjson::padded_string::load(argv[2]), large);
        return 0;
    } catch (const std::exception &e) {
        return fprintf(stderr, "%s\n", e.what()), 1;
    } catch (const std::string &why) {
        return fprintf(stderr, "%s\n", why.c_str()), 1;
    }
}
