/* A library that is loaded beside a program and has a metric of its own (tests/e2e/kept.sh). Of the two builds (GOODS) another thing lies where the metric lies
 * in the other one. */
#include <weft/metrics.h>

__attribute__((visibility("default"))) weft_metric *goods_sold(void);

#if GOODS == 2
__attribute__((used)) static char before[4096] = "what nobody takes for a metric, whose first words are no addresses";
#endif
static weft_metric sold = WEFT_COUNTER("goods_sold_total", "What the library sold.", .labels = "kind");

weft_metric *goods_sold(void) { return &sold; }
