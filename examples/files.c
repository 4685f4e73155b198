/* Files without holding up anybody: what aiofiles is for. Orders are appended by tasks at the same time, read line by
 * line in bounded memory, and summed up in a file that is replaced as a whole. */
#include <stdio.h>
#include <stdlib.h>
#include <weft.h>

#define ORDERS "weft-example-orders.csv"
#define TOTAL "weft-example-total.txt"

static int order(const int *number) { return weft_file_append(ORDERS, weft_format("%d,%.2f\n", *number, *number * 1.5)); }

static int orders_come_in(void)
{
    WEFT_SCOPE(customers);
    for (int n = 1; n <= 100; n++) weft_spawn(customers, order, &n);
    return weft_join(customers);
}

static int sum_up(int *count, double *sum)
{
    weft_str line;
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, ORDERS));
    for (int rc; (rc = weft_file_line(f, &line)) != 0; ++*count) {
        WEFT_TRY(rc);
        int n = 0;
        double price = 0;
        if (sscanf(line.ptr, "%d,%lf", &n, &price) != 2) return weft_fail(WEFT_EPROTO, "line %d is no order: %s", *count + 1, line.ptr);
        *sum += price;
    }
    return 0;
}

static int program(void)
{
    int count = 0;
    double sum = 0;
    weft_str text;
    WEFT_TRY(orders_come_in());
    WEFT_TRY(sum_up(&count, &sum), "summing up %s", ORDERS);
    WEFT_TRY(weft_file_save(TOTAL, weft_format("%d orders: %.2f\n", count, sum)));
    WEFT_TRY(weft_file_text(TOTAL, 1024, &text));
    printf("%.*s", WEFT_FMT(text));
    WEFT_TRY(weft_file_remove(ORDERS));
    WEFT_TRY(weft_file_remove(TOTAL));
    int rc = weft_file_text("/nowhere/orders.csv", 0, &text);
    printf("%s\n", weft_error_of(rc)->text);
    return 0;
}

int main(void) { return weft_run(program); }
