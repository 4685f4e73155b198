/* No test, and no main: what such a program says is told by runner_test.c. */
extern int weft__nothing;
int weft__nothing;
