/* Print a file, without holding up anybody: read_file [PATH]. See files.c for writing and for whole files. */
#include <stdio.h>
#include <weft.h>

static int read_file(const char *const *path)
{
    weft_str line;
    WEFT_FILE(f);                      /* closed at the end of this block */
    WEFT_TRY(weft_file_open(&f, *path));
    for (int rc; (rc = weft_file_line(f, &line)) != 0;) {
        WEFT_TRY(rc, "reading %s", *path);
        printf("%.*s\n", WEFT_FMT(line));
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "example.txt";
    return weft_run(read_file, &path);
}
