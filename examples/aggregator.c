/* Weather, stocks and a user from three services at once: three tasks, each of which tells when its data is there.
 *   showcase/upstream api 3000        services that take 3 s; it prints its URL
 *   aggregator URL                    asks URL/weather, URL/stock, URL/user  */
#include <stdio.h>
#include <weft.h>

WEFT_MODEL(Weather, field(weft_str, city), field(double, celsius));
WEFT_MODEL(Stock, field(weft_str, symbol), field(double, price));
WEFT_MODEL(User, field(int64_t, id), field(weft_str, name));

typedef struct api { const char *base; } api;

static int fetch_weather(const api *in, Weather *out)
{
    WEFT_TRY(weft_fetch(Weather, out, "{+}/weather", in->base));
    printf("Weather data fetched\n");
    return 0;
}

static int fetch_stock(const api *in, Stock *out)
{
    WEFT_TRY(weft_fetch(Stock, out, "{+}/stock", in->base));
    printf("Stock data fetched\n");
    return 0;
}

static int fetch_user(const api *in, User *out)
{
    WEFT_TRY(weft_fetch(User, out, "{+}/user", in->base));
    printf("User info fetched\n");
    return 0;
}

static int aggregate(const api *in)
{
    Weather weather;
    Stock stock;
    User user;
    WEFT_SCOPE(tasks, .timeout_ms = 10000);
    weft_spawn(tasks, fetch_weather, in, &weather);
    weft_spawn(tasks, fetch_stock, in, &stock);
    weft_spawn(tasks, fetch_user, in, &user);
    WEFT_TRY(weft_join(tasks), "fetching from %s", in->base);     /* all of them, or the first failure */

    printf("Processing data...\n");
    printf("Weather: %.*s, %.1f degrees\n", WEFT_FMT(weather.city), weather.celsius);
    printf("Stock: %.*s at %.2f\n", WEFT_FMT(stock.symbol), stock.price);
    printf("User Info: %.*s (%lld)\n", WEFT_FMT(user.name), (long long)user.id);
    return 0;
}

int main(int argc, char **argv)
{
    api in = { argc > 1 ? argv[1] : "http://127.0.0.1:9000" };
    return weft_run(aggregate, &in);
}
