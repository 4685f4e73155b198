#ifndef WEFT_TESTS_PAIRS_ALL_H
#define WEFT_TESTS_PAIRS_ALL_H
/* All groups, by the file that holds them. */
#include "pairs.h"

#define GROUPS(_) \
    _(paths) _(ranges) /* path_test.c */ \
    _(pages) _(needs) _(lengths) _(patterns) _(required) _(aliases) _(lists) _(initial_lists) _(filters) /* query_test.c */ \
    _(items) _(numbered) _(priced) _(several) _(offers) _(images) _(weights) _(processes) _(dated) /* body_test.c */ \
    _(agents) _(tokens) _(commons) _(logins) _(strict_logins) _(flows) _(files) /* form_test.c */ \
    _(failures) _(teapots) _(by_code) _(users) _(unset) _(included) _(created) _(upserts) _(tasks) _(redirects) _(shared) _(origins) /* answer_test.c */ \
    _(verified) _(owners) _(swallowed) /* provider_test.c */ \
    _(bearers) _(basics) /* security_test.c */ \
    _(preflights) /* middleware_test.c */

#define GROUPS_DECLARED(name) extern const group group_##name;
#define GROUPS_LISTED(name) &group_##name,
GROUPS(GROUPS_DECLARED)
static const group *const all_groups[] = { GROUPS(GROUPS_LISTED) };
#endif
