#include "weft/check.h"

/* In an archive member of its own: a program that has a main does not get this one. */
int main(int argc, char **argv) { return weft_test_main(argc, argv); }
