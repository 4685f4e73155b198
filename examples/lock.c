/* Ten customers and one account: reading the balance and writing it back are two waits, and nobody
 * may get in between. At most three are served at a time, and the first of them opens the bank. */
#include <stdio.h>
#include <weft.h>

typedef struct account { int balance; weft_mutex lock; } account;

static weft_once bank;
static weft_semaphore counters = { .free = 3 };

static int open_bank(void)
{
    WEFT_TRY(weft_sleep_ms(20));
    printf("the bank is open\n");
    return 0;
}

/* What a database would do, with the time that takes. */
static int load(const account *a, int *balance)
{
    *balance = a->balance;
    return weft_sleep_ms(5);
}
static int store(account *a, int balance)
{
    WEFT_TRY(weft_sleep_ms(5));
    a->balance = balance;
    return 0;
}

static int pay_in(account *const *in)
{
    account *a = *in;
    int balance = 0;
    WEFT_TRY(weft_once_do(&bank, open_bank));
    WEFT_TAKEN(&counters);
    WEFT_LOCKED(&a->lock);
    WEFT_TRY(load(a, &balance));
    WEFT_TRY(store(a, balance + 10));
    return 0;
}

static int program(void)
{
    account savings = { .balance = 100 };
    account *customers[10];
    for (int i = 0; i < 10; i++) customers[i] = &savings;
    WEFT_TRY(weft_gather_each(pay_in, customers, 10, NULL));
    printf("%d in the account\n", savings.balance);
    return 0;
}

int main(void) { return weft_run(program); }
