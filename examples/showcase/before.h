#ifndef SHOWCASE_BEFORE_H
#define SHOWCASE_BEFORE_H
/* What main has started is there still when main runs again: a reload (SIGHUP, with workers) runs the program anew in the same process. So each main leaves a word
 * in the environment for the next one; a try of the new program, which is a child, finds it too, uses what is there, and ends none of it. */
#include <stdbool.h>

/* Leave a word for a main after this one. False: no memory. */
bool before_leave(const char *name, const char *word);
/* The word that was left; NULL: this is the first main. *ours: by this very process, so that it is ours to end. */
const char *before_find(const char *name, bool *ours);
#endif
