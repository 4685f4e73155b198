/* A function that waits and has a result. To await it is to call it: there is no second kind of function. */
#include <stdio.h>
#include <weft.h>

static int fetch_data(const char **data)
{
    printf("Fetching data...\n");
    WEFT_TRY(weft_sleep_ms(2000));     /* as if somebody had been asked */
    printf("Data fetched!\n");
    *data = "Data received";
    return 0;
}

static int program(void)
{
    const char *data;
    WEFT_TRY(fetch_data(&data));
    printf("%s\n", data);
    return 0;
}

int main(void) { return weft_run(program); }
