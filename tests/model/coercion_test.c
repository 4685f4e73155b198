#include <stdio.h>
#include <string.h>
#include "model/coerce.h"
#include "coercing.h"

/* What the types of weft/values.h make of JSON values and of texts. */

#define DATE     &weft_schema_weft_date
#define TIME     &weft_schema_weft_time
#define DATETIME &weft_schema_weft_datetime
#define DURATION &weft_schema_weft_duration
#define UUID     &weft_schema_weft_uuid
#define DECIMAL  &weft_schema_weft_decimal
#define BYTES    &weft_schema_weft_bytes

/* clang-format off */
static const row rows[] = {
    { DATE, "92534400000.0", "\"1972-12-07\"", NULL, { 0 } },
    { DATE, "\"1654646400.1\"", NULL, "date_from_datetime_inexact", { 0 } },
    { DATE, "1654646401", NULL, "date_from_datetime_inexact", { 0 } },
    { DATE, "\"-\"", NULL, "date_from_datetime_parsing", { 0 } },
    { DATE, "8640000000.0", "\"2243-10-17\"", NULL, { 0 } },
    { DATE, "1654646400", "\"2022-06-08\"", NULL, { 0 } },
    { DATE, "\"1654646400\"", "\"2022-06-08\"", NULL, { 0 } },
    { DATE, "\"+\"", NULL, "date_from_datetime_parsing", { 0 } },
    { DATE, "1654646400000", "\"2022-06-08\"", NULL, { 0 } },
    { DATE, "\"wrong\"", NULL, "date_from_datetime_parsing", { 0 } },
    { DATE, "-80000000000000", NULL, "date_from_datetime_parsing", { 0 } },
    { DATE, "\"1654646400000\"", "\"2022-06-08\"", NULL, { 0 } },
    { DATE, "1654646400.1", NULL, "date_from_datetime_inexact", { 0 } },
    { DATE, "\"0001-01-01\"", "\"0001-01-01\"", NULL, { 0 } },
    { DATE, "1654646400.0", "\"2022-06-08\"", NULL, { 0 } },
    { DATE, "1654646400000.0", "\"2022-06-08\"", NULL, { 0 } },
    { DATE, "\"0000-12-31\"", NULL, "date_parsing", { 0 } },
    { DATE, "true", NULL, "date_type", { 0 } },
    { DATE, "\"2000-02-29\"", "\"2000-02-29\"", NULL, { 0 } },
    { DATE, "[1]", NULL, "date_type", { 0 } },
    { DATE, "\"1654646400.00\"", "\"2022-06-08\"", NULL, { 0 } },
    { DATE, "\"1453-01-28\"", "\"1453-01-28\"", NULL, { 0 } },
    { DATE, "253402300800000", NULL, "date_from_datetime_parsing", { 0 } },
    { DATE, "3105734400", "\"2068-06-01\"", NULL, { 0 } },
    { DATE, "\"2022-06-08\"", "\"2022-06-08\"", NULL, { 0 } },
    { TIME, "\"12:13:14\"", "\"12:13:14\"", NULL, { 0 } },
    { TIME, "[1]", NULL, "time_type", { 0 } },
    { TIME, "\"12:13:14.123\"", "\"12:13:14.123000\"", NULL, { 0 } },
    { TIME, "true", NULL, "time_type", { 0 } },
    { TIME, "-1", NULL, "time_parsing", { 0 } },
    { TIME, "0", "\"00:00:00Z\"", NULL, { 0 } },
    { TIME, "123", "\"00:02:03Z\"", NULL, { 0 } },
    { TIME, "\"12:13:14.1234561\"", "\"12:13:14.123456\"", NULL, { 0 } },
    { TIME, "123.0", "\"00:02:03Z\"", NULL, { 0 } },
    { TIME, "\"12:13:14Z\"", "\"12:13:14Z\"", NULL, { 0 } },
    { TIME, "123.4", "\"00:02:03.400000Z\"", NULL, { 0 } },
    { DATETIME, "8640000000.0", "\"2243-10-17T00:00:00Z\"", NULL, { 0 } },
    { DATETIME, "[1]", NULL, "datetime_type", { 0 } },
    { DATETIME, "1654646400", "\"2022-06-08T00:00:00Z\"", NULL, { 0 } },
    { DATETIME, "92534400000.0", "\"1972-12-07T00:00:00Z\"", NULL, { 0 } },
    { DATETIME, "\"2068-06-08T12:13:14\"", "\"2068-06-08T12:13:14\"", NULL, { 0 } },
    { DATETIME, "\"2022-06-08T12:13:14\"", "\"2022-06-08T12:13:14\"", NULL, { 0 } },
    { DATETIME, "\"2022-06-08T12:13:14+24:00\"", NULL, "datetime_from_date_parsing", { 0 } },
    { DATETIME, "\"1000000000000\"", "\"2001-09-09T01:46:40Z\"", NULL, { 0 } },
    { DATETIME, "\"1654646400\"", "\"2022-06-08T00:00:00Z\"", NULL, { 0 } },
    { DATETIME, "1655205632.331557", "\"2022-06-14T11:20:32.331557Z\"", NULL, { 0 } },
    { DATETIME, "true", NULL, "datetime_type", { 0 } },
    { DATETIME, "1654646400123", "\"2022-06-08T00:00:00.123000Z\"", NULL, { 0 } },
    { DATETIME, "\"2022-06-08T12:13:14Z\"", "\"2022-06-08T12:13:14Z\"", NULL, { 0 } },
    { DATETIME, "3105730800", "\"2068-05-31T23:00:00Z\"", NULL, { 0 } },
    { DATETIME, "253402300800000", NULL, "datetime_parsing", { 0 } },
    { DATETIME, "\"+\"", NULL, "datetime_from_date_parsing", { 0 } },
    { DATETIME, "1654646400123.456", "\"2022-06-08T00:00:00.123456Z\"", NULL, { 0 } },
    { DATETIME, "[1, 2, 3]", NULL, "datetime_type", { 0 } },
    { DATETIME, "\"-\"", NULL, "datetime_from_date_parsing", { 0 } },
    { DATETIME, "\"0001-01-01T00:00:00.000000Z\"", "\"0001-01-01T00:00:00Z\"", NULL, { 0 } },
    { DATETIME, "\"1654646400.1234568\"", "\"2022-06-08T00:00:00.123457Z\"", NULL, { 0 } },
    { DATETIME, "1655205632", "\"2022-06-14T11:20:32Z\"", NULL, { 0 } },
    { DATETIME, "\"2022-06-08T12:13:14+12:15\"", "\"2022-06-08T12:13:14+12:15\"", NULL, { 0 } },
    { DATETIME, "null", NULL, "datetime_type", { 0 } },
    { DATETIME, "\"2068-06-08T12:13:14Z\"", "\"2068-06-08T12:13:14Z\"", NULL, { 0 } },
    { DATETIME, "1654646400.123456", "\"2022-06-08T00:00:00.123456Z\"", NULL, { 0 } },
    { DATETIME, "\"2022-06-08T12:13:14+23:59\"", "\"2022-06-08T12:13:14+23:59\"", NULL, { 0 } },
    { DATETIME, "-80000000000000", NULL, "datetime_parsing", { 0 } },
    { DATETIME, "\"1654646400123\"", "\"2022-06-08T00:00:00.123000Z\"", NULL, { 0 } },
    { DATETIME, "\"0000-12-31T23:59:59.999999Z\"", NULL, "datetime_parsing", { 0 } },
    { DURATION, "\"errordata\"", NULL, "time_delta_parsing", { 0 } },
    { DURATION, "-3601.2222222", "\"-PT1H1.222222S\"", NULL, { 0 } },
    { DURATION, "true", NULL, "time_delta_type", { 0 } },
    { DURATION, "\"P0Y0M3D2WT1H2M3.5S\"", "\"P17DT1H2M3.5S\"", NULL, { 0 } },
    { DURATION, "3601", "\"PT1H1S\"", NULL, { 0 } },
    { DURATION, "\"02:03:04.05broken\"", NULL, "time_delta_parsing", { 0 } },
    { DURATION, "\"02:03:04.05\"", "\"PT2H3M4.05S\"", NULL, { 0 } },
    { DURATION, "3600.999999", "\"PT1H0.999999S\"", NULL, { 0 } },
    { DURATION, "-3601", "\"-PT1H1S\"", NULL, { 0 } },
    { DURATION, "-3601.222222", "\"-PT1H1.222222S\"", NULL, { 0 } },
    { DURATION, "[-1]", NULL, "time_delta_type", { 0 } },
    { UUID, "0", NULL, "uuid_type", { 0 } },
    { UUID, "\"f47ac10b-58cc-4372-a567-0e02b2c3d479\"", "\"f47ac10b-58cc-4372-a567-0e02b2c3d479\"", NULL, { 0 } },
    { UUID, "\"1efea93d-7bb8-6ea0-afdc-e76cbc0c8e05\"", NULL, "uuid_version", { .uuid_version = 8 } },
    { UUID, "24197857161011715162171839636988778104", NULL, "uuid_type", { 0 } },
    { UUID, "\"550e8400-e29b-41d4-a716-446655440000\"", "\"550e8400-e29b-41d4-a716-446655440000\"", NULL, { 0 } },
    { UUID, "\"0194fdc2-5d6a-733c-97f9-2feeb9d2a609\"", "\"0194fdc2-5d6a-733c-97f9-2feeb9d2a609\"", NULL, { 0 } },
    { UUID, "214850178493633095719753750962310141912", NULL, "uuid_type", { 0 } },
    { UUID, "\"12345678-1234-1234-1234-1234567890123\"", NULL, "uuid_parsing", { 0 } },
    { UUID, "\"0194fdc2-5d6a-733c-97f9-2feeb9d2a609\"", "\"0194fdc2-5d6a-733c-97f9-2feeb9d2a609\"", NULL, { .uuid_version = 7 } },
    { UUID, "true", NULL, "uuid_type", { 0 } },
    { UUID, "\"00000000-8000-4000-8000-000000000000\"", "\"00000000-8000-4000-8000-000000000000\"", NULL, { 0 } },
    { UUID, "\"00000000-8000-4000-8000-000000000000\"", "\"00000000-8000-4000-8000-000000000000\"", NULL, { .uuid_version = 4 } },
    { UUID, "\"00000000-0000-0000-0000-000000000000\"", "\"00000000-0000-0000-0000-000000000000\"", NULL, { 0 } },
    { UUID, "\"b34b6755-f49c-3bd2-6f06-131a708c2bf3\"", "\"b34b6755-f49c-3bd2-6f06-131a708c2bf3\"", NULL, { 0 } },
    { UUID, "\"a6cc5730-2261-11ee-9c43-2eb5a363657c\"", NULL, "uuid_version", { .uuid_version = 5 } },
    { UUID, "\"6ba7b810-9dad-11d1-80b4-00c04fd430c\"", NULL, "uuid_parsing", { 0 } },
    { UUID, "\"c0a8f9a8-aa5e-882b-a067-9cb3a51f5c11\"", "\"c0a8f9a8-aa5e-882b-a067-9cb3a51f5c11\"", NULL, { .uuid_version = 8 } },
    { UUID, "\"c0a8f9a8-aa5e-482b-a067-9cb3a51f5c11\"", "\"c0a8f9a8-aa5e-482b-a067-9cb3a51f5c11\"", NULL, { 0 } },
    { UUID, "\"886313e1-3b8a-5372-9b90-0c9aee199e5d\"", "\"886313e1-3b8a-5372-9b90-0c9aee199e5d\"", NULL, { 0 } },
    { UUID, "\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\"", "\"1b4e28ba-2fa1-11d2-883f-0016d3cca427\"", NULL, { 0 } },
    { UUID, "\"c0a8f9a8-aa5e-882b-a067-9cb3a51f5c11\"", NULL, "uuid_version", { .uuid_version = 6 } },
    { UUID, "\"f47ac10b-58cc-4372-a567-0e02b2c3d47\"", NULL, "uuid_parsing", { 0 } },
    { UUID, "\"00000000-0000-4000-0000-000000000000\"", "\"00000000-0000-4000-0000-000000000000\"", NULL, { 0 } },
    { UUID, "\"c0a8f9a8-aa5e-882b-a067-9cb3a51f5c11\"", "\"c0a8f9a8-aa5e-882b-a067-9cb3a51f5c11\"", NULL, { 0 } },
    { UUID, "\"08ed0736-fb95-5cc5-85ed-37e4f3df9b29\"", NULL, "uuid_version", { .uuid_version = 1 } },
    { UUID, "\"886313e1-3b8a-5372-9b90-0c9aee199e5\"", NULL, "uuid_parsing", { 0 } },
    { UUID, "\"04e4aeb3-8f20-30d0-8852-d295e1265eed\"", "\"04e4aeb3-8f20-30d0-8852-d295e1265eed\"", NULL, { .uuid_version = 3 } },
    { UUID, "\"1b4e28ba-2fa1-11d2-883f-0016d3cca42\"", NULL, "uuid_parsing", { 0 } },
    { UUID, "\"c0a8f9a8-aa5e-482b-a067-9cb3a51f5c1\"", NULL, "uuid_parsing", { 0 } },
    { UUID, "\"de305d54-75b4-431b-adb2-eb6b9e546014\"", "\"de305d54-75b4-431b-adb2-eb6b9e546014\"", NULL, { 0 } },
    { DECIMAL, "\"0.7\"", "\"0.7\"", NULL, { 0 } },
    { DECIMAL, "42", "\"42\"", NULL, { 0 } },
    { DECIMAL, "\"12e+1\"", "\"1.2E+2\"", NULL, { 0 } },
    { DECIMAL, "0", NULL, "less_than", { .range = { -WEFT_NO_END, 0 }, .below = true } },
    { DECIMAL, "\"1e+12\"", "\"1E+12\"", NULL, { 0 } },
    { DECIMAL, "\"12E-1\"", "\"1.2\"", NULL, { 0 } },
    { DECIMAL, "\"+infinity\"", NULL, "finite_number", { 0 } },
    { DECIMAL, "0", "\"0\"", NULL, { 0 } },
    { DECIMAL, "\"1.0E+12\"", "\"1.0E+12\"", NULL, { 0 } },
    { DECIMAL, "\"pika\"", NULL, "decimal_parsing", { 0 } },
    { DECIMAL, "-0.1", NULL, "greater_than_equal", { .range = { 0, WEFT_NO_END } } },
    { DECIMAL, "0", "\"0\"", NULL, { .range = { 0, WEFT_NO_END } } },
    { DECIMAL, "\"wrong\"", NULL, "decimal_parsing", { 0 } },
    { DECIMAL, "\"-infinity\"", NULL, "finite_number", { 0 } },
    { DECIMAL, "\"12e1\"", "\"1.2E+2\"", NULL, { 0 } },
    { DECIMAL, "42.5", "\"42.5\"", NULL, { 0 } },
    { DECIMAL, "\"NaN\"", NULL, "finite_number", { 0 } },
    { DECIMAL, "\"42\"", "\"42\"", NULL, { 0 } },
    { DECIMAL, "true", NULL, "decimal_type", { 0 } },
    { DECIMAL, "\"123.456\"", "\"123.456\"", NULL, { 0 } },
    { DECIMAL, "\"12E1\"", "\"1.2E+2\"", NULL, { 0 } },
    { DECIMAL, "\"-inf\"", NULL, "finite_number", { 0 } },
    { DECIMAL, "\"1.0e12\"", "\"1.0E+12\"", NULL, { 0 } },
    { DECIMAL, "1", "\"1\"", NULL, { 0 } },
    { DECIMAL, "\"1E-12\"", "\"1E-12\"", NULL, { 0 } },
    { DECIMAL, "false", NULL, "decimal_type", { 0 } },
    { DECIMAL, "0", NULL, "greater_than", { .range = { 0, WEFT_NO_END }, .above = true } },
    { DECIMAL, "42.0", "\"42.0\"", NULL, { 0 } },
    { DECIMAL, "0.1", NULL, "less_than_equal", { .range = { -WEFT_NO_END, 0 } } },
    { DECIMAL, "-1", "\"-1\"", NULL, { .range = { -WEFT_NO_END, 0 } } },
    { DECIMAL, "\"1.0e+12\"", "\"1.0E+12\"", NULL, { 0 } },
    { DECIMAL, "[1, 2]", NULL, "decimal_type", { 0 } },
    { DECIMAL, "0.1", "\"0.1\"", NULL, { .range = { 0, WEFT_NO_END }, .above = true } },
    { DECIMAL, "\"+inf\"", NULL, "finite_number", { 0 } },
    { DECIMAL, "\"1.0E12\"", "\"1.0E+12\"", NULL, { 0 } },
    { DECIMAL, "\"1e-12\"", "\"1E-12\"", NULL, { 0 } },
    { BYTES, "\"aGVsbG8=\"", "\"aGVsbG8=\"", NULL, { 0 } },
    { BYTES, "\"aGVsbG8\"", "\"aGVsbG8=\"", NULL, { 0 } },
    { BYTES, "\"__79_w==\"", "\"//79/w==\"", NULL, { 0 } },
    { BYTES, "\"\"", "\"\"", NULL, { 0 } },
    { BYTES, "\"a-_/\"", NULL, "bytes_invalid_encoding", { 0 } },
    { BYTES, "\"YQ==YQ==\"", NULL, "bytes_invalid_encoding", { 0 } },
    { BYTES, "5", NULL, "bytes_type", { 0 } },
    { BYTES, "\"YWI=\"", NULL, "bytes_too_short", { .min_len = 3 } },
    { BYTES, "\"YWJjZGU=\"", NULL, "bytes_too_long", { .max_len = 4 } },
    /* A number is as exact as it is written. */
    { DECIMAL, "1.10", "\"1.10\"", NULL, { 0 } },
    { DECIMAL, "100000000000000000000000000000.01", "\"100000000000000000000000000000.01\"", NULL, { 0 } },
    { DECIMAL, "\"0.0000001\"", "\"1E-7\"", NULL, { 0 } },
    { DECIMAL, "\"0.000001\"", "\"0.000001\"", NULL, { 0 } },
    { DECIMAL, "\" +1_000.50 \"", "\"1000.50\"", NULL, { 0 } },
    { DECIMAL, "\"1e99999999999999999999\"", NULL, "decimal_parsing", { 0 } },
    { DECIMAL, "\"1,5\"", NULL, "decimal_parsing", { 0 } },
    { DECIMAL, "\"\"", NULL, "decimal_parsing", { 0 } },
    { DECIMAL, "\"0.1\"", "\"0.1\"", NULL, { .range = { 0.1L, WEFT_NO_END } } },
    { DECIMAL, "\"0.1\"", "\"0.1\"", NULL, { .range = { 0.1, WEFT_NO_END } } },
    { DECIMAL, "\"0.09999999999999999999\"", NULL, "greater_than_equal", { .range = { 0.1, WEFT_NO_END } } },
    { DECIMAL, "\"10.500001\"", NULL, "less_than_equal", { .range = { 0, 10.5 } } },
    { DECIMAL, "\"0.15\"", "\"0.15\"", NULL, { .multiple_of = 0.05 } },
    { DECIMAL, "\"0.16\"", NULL, "multiple_of", { .multiple_of = 0.05 } },
    { DECIMAL, "\"1e900\"", "\"1E+900\"", NULL, { .multiple_of = 0.05 } },
    { DECIMAL, "\"1234\"", NULL, "decimal_max_digits", { .max_digits = 3 } },
    { DECIMAL, "\"100.00\"", "\"100.00\"", NULL, { .max_digits = 3 } },
    { DECIMAL, "\"12e2\"", NULL, "decimal_max_digits", { .max_digits = 3 } },
    { DECIMAL, "\"1.230\"", "\"1.230\"", NULL, { .decimal_places = 2 } },
    { DECIMAL, "\"1.234\"", NULL, "decimal_max_places", { .decimal_places = 2 } },
    { DECIMAL, "\"123.4\"", NULL, "decimal_whole_digits", { .max_digits = 4, .decimal_places = 2 } },
    { DECIMAL, "\"0.00000\"", "\"0.00000\"", NULL, { .max_digits = 4, .decimal_places = 2 } },
    { DURATION, "5", NULL, "greater_than_equal", { .range = { 6, 10 } } },
    { DURATION, "10", "\"PT10S\"", NULL, { .range = { 6, 10 } } },
    { DURATION, "\"PT0.1S\"", "\"PT0.1S\"", NULL, { .range = { 0.1, 0.1 } } },
    { DURATION, "\"P106751992D\"", NULL, "time_delta_parsing", { 0 } },
    { DURATION, "-90061.5", "\"-P1DT1H1M1.5S\"", NULL, { 0 } },
    { DURATION, "1e300", NULL, "time_delta_parsing", { 0 } },
    { DATETIME, "-1.25", "\"1969-12-31T23:59:58.750000Z\"", NULL, { 0 } },
    { DATETIME, "1e400", NULL, "datetime_parsing", { 0 } },
    { DATETIME, "\"9999-12-31T23:59:59.999999-23:59\"", "\"9999-12-31T23:59:59.999999-23:59\"", NULL, { 0 } },
    { DATETIME, "\"0001-01-01T00:00:00+23:59\"", "\"0001-01-01T00:00:00+23:59\"", NULL, { 0 } },
    { DATE, "\"0001-01-01T00:00+01:00\"", "\"0001-01-01\"", NULL, { 0 } },
    { DATE, "-62167219200000", NULL, "date_parsing", { 0 } },
    { UUID, "\"{12345678-1234-4234-8234-1234567890AB}\"", "\"12345678-1234-4234-8234-1234567890ab\"", NULL, { .uuid_version = 4 } },
    { UUID, "\"urn:uuid:12345678-1234-4234-8234-1234567890ab\"", "\"12345678-1234-4234-8234-1234567890ab\"", NULL, { 0 } },
    { UUID, "\"123456781234423482341234567890ab\"", "\"12345678-1234-4234-8234-1234567890ab\"", NULL, { 0 } },
    { UUID, "\"12345678-1234-4234-7234-1234567890ab\"", NULL, "uuid_version", { .uuid_version = 4 } },
};
/* clang-format on */

WEFT_TEST(dates_uuids_and_decimals_become_what_pydantic_makes_of_them) { rows_hold(rows, weft_count(rows)); }
WEFT_TEST(dates_uuids_and_decimals_in_texts_are_those_of_json_strings) { rows_hold_in_texts(rows, weft_count(rows)); }

/* ---- the words ---- */

typedef struct words {
    const weft_schema *schema;
    const char *json, *msg;
    weft_field rules;
} words;

/* clang-format off */
static const words said[] = {
    { DATE, "\"2022-13-01\"", "Input should be a valid date or datetime, month value is outside expected range of 1-12", { 0 } },
    { DATE, "\"0000-01-01\"", "Input should be a valid date in the format YYYY-MM-DD, year 0 is out of range", { 0 } },
    { DATE, "\"2022-06-08 12:00\"", "Datetimes provided to dates should have zero time - e.g. be exact dates", { 0 } },
    { DATE, "true", "Input should be a valid date", { 0 } },
    { DATETIME, "\"2022-06-08x\"", "Input should be a valid datetime or date, unexpected extra characters at the end of the input", { 0 } },
    { DATETIME, "1e400", "Input should be a valid datetime, dates after 9999 are not supported as unix timestamps", { 0 } },
    { DATETIME, "-80000000000000", "Input should be a valid datetime, dates before 0000 are not supported as unix timestamps", { 0 } },
    { DATETIME, "\"0000-12-31T00:00\"", "Input should be a valid datetime, year 0 is out of range", { 0 } },
    { TIME, "\"12:13:14.\"", "Input should be in a valid time format, second fraction digits missing after `.`", { 0 } },
    { TIME, "\"12:13+24:00\"", "Input should be in a valid time format, timezone offset must be less than 24 hours", { 0 } },
    { TIME, "\"24:00\"", "Input should be in a valid time format, hour value is outside expected range of 0-23", { 0 } },
    { TIME, "\"12:60\"", "Input should be in a valid time format, minute value is outside expected range of 0-59", { 0 } },
    { TIME, "\"12:13:60\"", "Input should be in a valid time format, second value is outside expected range of 0-59", { 0 } },
    { TIME, "\"12:1x\"", "Input should be in a valid time format, invalid character in minute", { 0 } },
    { TIME, "\"12:13:14x\"", "Input should be in a valid time format, invalid timezone sign", { 0 } },
    { TIME, "\"12:13+0\"", "Input should be in a valid time format, invalid timezone hour", { 0 } },
    { TIME, "\"12:13+01:6\"", "Input should be in a valid time format, invalid timezone minute", { 0 } },
    { TIME, "\"12:13+01:60\"", "Input should be in a valid time format, timezone minute value is outside expected range of 0-59", { 0 } },
    { TIME, "86400", "Input should be in a valid time format, numeric times may not exceed 86,399 seconds", { 0 } },
    { DURATION, "\"P\"", "Input should be a valid timedelta, input is too short", { 0 } },
    { DURATION, "\"PTT1S\"", "Input should be a valid timedelta, `t` character repeated in duration", { 0 } },
    { DURATION, "\"P1H\"", "Input should be a valid timedelta, quantity invalid in date part of duration", { 0 } },
    { DURATION, "\"PT1D\"", "Input should be a valid timedelta, quantity invalid in time part of duration", { 0 } },
    { DURATION, "\"PT1.5H30M\"", "Input should be a valid timedelta, quantity fraction invalid in duration", { 0 } },
    { DURATION, "\"P4294967296D\"", "Input should be a valid timedelta, a numeric value in the duration is too large", { 0 } },
    { DURATION, "\"P106751992D\"", "Input should be a valid timedelta, durations may not exceed 106,751,991 days", { 0 } },
    { DURATION, "\"123\"", "Input should be a valid timedelta, \"day\" identifier in duration not correctly formatted", { 0 } },
    { DURATION, "\"86400\"", "Input should be a valid timedelta, invalid character in hour", { 0 } },
    { DURATION, "0", "Input should be greater than or equal to 1 day and 5 microseconds", { .range = { 86400.000005L, WEFT_NO_END } } },
    { DURATION, "0", "Input should be less than -1 days and 23 hours and 59 minutes and 55 seconds", { .range = { -WEFT_NO_END, -5 }, .below = true } },
    { UUID, "\"not-a-uuid\"", "Input should be a valid UUID, invalid character: found `n` at 1", { 0 } },
    { UUID, "\"12345678-1234-1234-1234-1234\xC3\xA9""6789012\"", "Input should be a valid UUID, invalid character: found `\xC3\xA9` at 29", { 0 } },
    { UUID, "\"\"", "Input should be a valid UUID, invalid length: expected length 32 for simple format, found 0", { 0 } },
    { UUID, "\"1-2\"", "Input should be a valid UUID, invalid group count: expected 5, found 2", { 0 } },
    { UUID, "\"123456789-1234-1234-1234-12345678901\"", "Input should be a valid UUID, invalid group length in group 0: expected 8, found 9", { 0 } },
    { UUID, "\"12345678-1234-1234-1234-123456789012\"", "UUID version 4 expected", { .uuid_version = 4 } },
    { DECIMAL, "\"1234\"", "Decimal input should have no more than 3 digits in total", { .max_digits = 3 } },
    { DECIMAL, "\"1.23\"", "Decimal input should have no more than 1 decimal place", { .decimal_places = 1 } },
    { DECIMAL, "\"123\"", "Decimal input should have no more than 2 digits before the decimal point", { .max_digits = 4, .decimal_places = 2 } },
    { DECIMAL, "11", "Input should be less than or equal to 10.5", { .range = { 0, 10.5 } } },
    { BYTES, "\"aGVs bG8=\"", "Data should be valid base64: Invalid symbol 32, offset 4.", { 0 } },
    { BYTES, "\"a\"", "Data should be valid base64: Invalid input length: 1", { 0 } },
    { BYTES, "\"YR==\"", "Data should be valid base64: Invalid last symbol 82, offset 1.", { 0 } },
    { BYTES, "\"YQ==\"", "Data should have at least 3 bytes", { .min_len = 3 } },
};
/* clang-format on */

WEFT_TEST(what_is_wrong_is_said_in_pydantics_words)
{
    for (size_t i = 0; i < weft_count(said); i++) {
        scalar value;
        reading r = reading_open();
        WEFT_CHECK_EQ(
            read_str(&r, said[i].schema, &said[i].rules, weft_str_of(said[i].json), &value),
            WEFT_EINVAL);
        WEFT_CHECK_EQ(r.problems.count, 1);
        WEFT_CHECK_STR(r.problems.items[0].msg, said[i].msg);
        reading_close(&r);
    }
}

WEFT_MODEL(Stamped, field(weft_str, title), field(weft_datetime, timestamp), opt(weft_str, description));

WEFT_TEST(a_timestamp_that_is_no_date_is_answered_as_fastapi_does)
{
    Stamped value;
    reading r = reading_open();
    WEFT_CHECK_EQ(
        READ(&r, Stamped, &value, "{\"title\":\"Foo\",\"timestamp\":\"not a date\"}"), WEFT_EINVAL);
    CHECK_DETAIL(&r,
        "{\"type\":\"datetime_from_date_parsing\",\"loc\":[\"body\",\"timestamp\"],\"msg\":\"Input "
        "should be a valid datetime or date, invalid character in year\",\"input\":\"not a date\","
        "\"ctx\":{\"error\":\"invalid character in year\"}}");
    reading_close(&r);
}

/* ---- every slot ---- */

WEFT_MODEL(Slots, field(weft_uuid, id), list(weft_date, days), opt(weft_datetime, when),
    map(weft_decimal, prices), opt(weft_duration, length, .initial = "PT90S"),
    field(weft_time, at, .initial = "12:30"), list(weft_bytes, blobs, .initial = "[\"YQ==\"]"),
    ref(weft_date, last));

WEFT_TEST(values_stand_in_every_slot_of_a_model)
{
    static const char json[] = "{\"id\":\"12345678-1234-4234-8234-1234567890ab\","
                               "\"days\":[\"2022-06-08\",\"2024-02-29\"],"
                               "\"when\":\"2022-06-08T12:13:14.500000+02:00\","
                               "\"prices\":{\"a\":\"12.50\",\"b\":\"1E+3\"},\"length\":\"PT1M30S\","
                               "\"at\":\"12:30:00\",\"blobs\":[\"YQ==\"],\"last\":\"9999-12-31\"}";
    Slots value;
    reading r = reading_open();
    WEFT_CHECK_EQ(READ(&r, Slots, &value,
                      "{\"id\":\"{12345678-1234-4234-8234-1234567890AB}\",\"days\":[\"2022-06-08\","
                      "1709164800],\"when\":\"2022-06-08 12:13:14.5+0200\",\"prices\":{\"a\":12.50,"
                      "\"b\":\"1e3\"},\"last\":\"9999-12-31\"}"),
        0);
    WEFT_CHECK_STR(json_of(&r, &weft_schema_Slots, &value), json);
    WEFT_CHECK_EQ(value.days.items[1].day, 29);
    WEFT_CHECK_EQ(value.when.value.offset_s, 7200);
    WEFT_CHECK_EQ(value.length.value.us, 90000000);
    WEFT_CHECK_EQ(READ(&r, Slots, &value,
                      "{\"id\":\"x\",\"days\":[\"2022-06-08\",\"no\"],\"prices\":{\"a\":true}}"),
        WEFT_EINVAL);
    WEFT_CHECK_EQ(r.problems.count, 3);
    reading_close(&r);
}

/* ---- values that are none ---- */

WEFT_TEST(a_value_that_is_none_is_not_written)
{
    static const weft_date date = { 2023, 2, 29 };
    static const weft_time time = { .hour = 24 };
    static const weft_datetime when = { .us = INT64_MAX, .zoned = true };
    static const weft_datetime offset = { .offset_s = 3600 };
    static const weft_decimal decimal = { WEFT_S("12a") };
    static const struct { const weft_schema *schema; const void *value; const char *fault;
    } cases[] = {
        { DATE, &date, "a weft_date that is none, such as month 13" },
        { TIME, &time, "a weft_time that is none, such as month 13" },
        { DATETIME, &when, "a weft_datetime that is none, such as month 13" },
        { DATETIME, &offset, "a weft_datetime that is none, such as month 13" },
        { DECIMAL, &decimal, "a weft_decimal that is no number: '12a'" },
    };
    weft__buf out;
    weft__buf_init(&out, 4096);
    for (size_t i = 0; i < weft_count(cases); i++) {
        weft__fault fault;
        WEFT_CHECK_EQ(weft__json_write(cases[i].schema, cases[i].value, &out, &fault), WEFT_EINVAL);
        WEFT_CHECK_STR(weft_str_of(fault.text), cases[i].fault);
        WEFT_CHECK_EQ(out.len, 0);
    }
    weft_decimal zero = { { 0 } };
    WEFT_CHECK_EQ(weft__json_write(DECIMAL, &zero, &out, NULL), 0);
    WEFT_CHECK_STR(weft__buf_str(&out), "\"0\"");
    weft__buf_free(&out);
}

/* ---- formats ---- */

static const char *format_problem(weft_text_format format, const char *text)
{
    static weft_field rules;
    rules = (weft_field){ .format = format };
    weft_str value;
    weft__loc query = { .name = WEFT_S("query") };
    reading r = reading_open();
    weft__problems_init(&r.problems, &r.arena);
    int rc = weft__text_read(&weft_schema_weft_str, &rules, weft_str_of(text), &value, &r.arena,
        &r.problems, &query);
    const char *kind = rc == 0 ? "" : only_problem(&r);
    reading_close(&r);
    return kind;
}

#define FINE(format, text)         WEFT_CHECK_STR(weft_str_of(format_problem(format, text)), "")
#define NONE(format, text, kind) WEFT_CHECK_STR(weft_str_of(format_problem(format, text)), kind)

WEFT_TEST(a_text_of_a_format_is_one)
{
    FINE(WEFT_EMAIL, "foo@example.com");
    FINE(WEFT_EMAIL, "a!#$%&'*+-/=?^_`{|}~.b@b-1.cc");
    NONE(WEFT_EMAIL, "foo", "value_error");
    NONE(WEFT_EMAIL, "a@b", "value_error");
    NONE(WEFT_EMAIL, "a b@c.de", "value_error");
    FINE(WEFT_URL, "https://user:pw@example.com:8443/a/%20b?c=d#e");
    NONE(WEFT_URL, "ftp://x.y", "url_scheme");
    NONE(WEFT_URL, "//a.b", "url_parsing");
    FINE(WEFT_IP, "::ffff:1.2.3.4");
    FINE(WEFT_IP, "10.0.0.1");
    NONE(WEFT_IP, "10.0.0.256", "ip_any_address");
    FINE(WEFT_IPV4, "0.0.0.0");
    NONE(WEFT_IPV4, "::1", "ip_v4_address");
    NONE(WEFT_IPV4, "01.2.3.4", "ip_v4_address");
    FINE(WEFT_IPV6, "fe80::1%eth0");
    NONE(WEFT_IPV6, "1.2.3.4", "ip_v6_address");
}
