/* Dates, durations, UUIDs, decimals, bytes, and texts that are addresses. */
#include <weft.h>

WEFT_MODEL(NewBooking,
    field(weft_str,      email,   .format = WEFT_EMAIL),
    field(weft_datetime, start),
    field(weft_duration, length,  .range = { 0, 86400 }, .above = true),
    field(weft_decimal,  price,   .range = { 0, WEFT_NO_END }, .max_digits = 8, .decimal_places = 2),
    list (weft_date,     closed,  .initial = "[]"),
    opt  (weft_bytes,    badge,   .max_len = 1024));

WEFT_MODEL(Booking,
    field(weft_uuid,     id),
    embed(NewBooking,    booking),
    field(weft_datetime, end),
    field(weft_decimal,  total));

WEFT_INPUT(book_in,
    path (weft_uuid,           id, .uuid_version = 4),
    query(WEFT_OPT(weft_date), seen),
    body (NewBooking,          booking));

static bool is_closed(const NewBooking *b)
{
    weft_date day = weft_datetime_date(b->start);
    for (uint32_t i = 0; i < b->closed.count; i++)
        if (weft_date_compare(b->closed.items[i], day) == 0) return true;
    return false;
}

static int book(const book_in *in, Booking *out)
{
    char day[WEFT_DATE_TEXT];
    const NewBooking *b = &in->booking;
    if (is_closed(b))
        return weft_fail(409, "%s is closed", weft_date_text(weft_datetime_date(b->start), day));

    int64_t cents;
    WEFT_TRY(weft_decimal_scaled(b->price, 2, &cents));
    *out = (Booking){ .id = in->id, .booking = *b, .end = b->start };
    out->end.us += b->length.us;
    char *total = weft_alloc(WEFT_DECIMAL_TEXT);
    if (!total) return WEFT_ENOMEM;
    out->total = weft_decimal_of(cents * 119 / 100, 2, total);
    return 0;
}

const weft_app app = {
    .routes = WEFT_ROUTES(
        WEFT_POST("/bookings/{id}", book, book_in, Booking)),
};

int main(void) { return weft_serve(&app, .port = 8000); }
