/* All applications of tests/pairs as one, each under its name, for what judges its document: ./documents-pairs PORT. */
#include <stdio.h>
#include <stdlib.h>
#include "../pairs/all.h"

int main(int argc, char **argv)
{
    static weft_router routers[weft_count(all_groups)];
    static char prefixes[weft_count(all_groups)][40];
    static const weft_router *list[weft_count(all_groups) + 1];
    size_t n = 0;
    for (size_t g = 0; g < weft_count(all_groups); g++) {
        const group *from = all_groups[g];
        snprintf(prefixes[n], sizeof prefixes[n], "/%s", from->name);
        routers[n] = (weft_router){ .prefix = prefixes[n], .tag = from->name, .routes = from->app->routes };
        list[n] = &routers[n];
        n++;
    }
    const weft_app app = { .title = "Pairs", .routers = list };
    return weft_serve(&app, .port = argc > 1 ? atoi(argv[1]) : 8000);
}
