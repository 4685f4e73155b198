/* Flights and hotels at once: both are needed, so a failure of one cancels the other. */
#include <weft.h>

WEFT_MODEL(Flight,    field(weft_str, number), field(double, price));
WEFT_MODEL(Hotel,     field(weft_str, name), field(int, stars));
WEFT_MODEL(Trip,      field(weft_str, destination), list(Flight, flights), list(Hotel, hotels));
WEFT_INPUT(search_in, query(weft_str, destination, .max_len = 64));

static int fetch_flights(const search_in *in, weft_list_Flight *out)
{
    return weft_fetch(weft_list_Flight, out, "http://flights.example/flights?to={}", in->destination);
}

static int fetch_hotels(const search_in *in, weft_list_Hotel *out)
{
    return weft_fetch(weft_list_Hotel, out, "http://hotels.example/hotels?city={}", in->destination);
}

static int search(const search_in *in, Trip *out)
{
    out->destination = in->destination;
    return weft_gather(
        weft_call(fetch_flights, in, &out->flights),
        weft_call(fetch_hotels, in, &out->hotels));
}

const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/search/", search, search_in, Trip)) };

int main(void) { return weft_serve(&app, .port = 8000); }
