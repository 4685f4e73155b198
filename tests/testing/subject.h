#ifndef WEFT_TESTS_TESTING_SUBJECT_H
#define WEFT_TESTS_TESTING_SUBJECT_H
/* Programs of tests that fail on purpose, in the folder testing beside this one: run, and what they said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "weft/check.h"

typedef struct outcome { int status; char text[16384]; } outcome;

static inline outcome said_by(const char *command)
{
    outcome o = { 0 };
    FILE *f = popen(command, "r");
    WEFT_NEED(f != NULL);
    o.text[fread(o.text, 1, sizeof o.text - 1, f)] = 0;
    while (fgetc(f) != EOF) continue;
    int status = pclose(f);
    o.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return o;
}

/* `environment`: NAME=value ..., for it alone. */
static inline outcome run_subjects(const char *environment, const char *program, const char *args)
{
    char self[512] = { 0 }, command[1024];
    WEFT_NEED(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    WEFT_NEED(strrchr(self, '/') != NULL);
    *strrchr(self, '/') = 0;
    snprintf(command, sizeof command, "CI= %s %s/testing/%s %s 2>&1", environment, self, program, args);
    return said_by(command);
}

static inline bool says(const outcome *o, const char *text)
{
    if (strstr(o->text, text)) return true;
    printf("no '%s' in:\n%s\n", text, o->text);
    return false;
}
#endif
