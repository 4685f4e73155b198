#!/bin/sh
# What compresses answers compiles with each set of the libraries, without a warning, and so do its tests.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/wire"
for gzip in 0 1; do
    for brotli in 0 1; do
        for zstd in 0 1; do
            printf '#define WEFT__HAS_GZIP %d\n#define WEFT__HAS_BROTLI %d\n#define WEFT__HAS_ZSTD %d\n' $gzip $brotli $zstd > "$work/wire/codings.h"
            for file in src/wire/compress.c tests/wire/compress_test.c tests/web/compress_test.c; do
                said=$(${CC:-cc} -std=gnu17 -Wall -Wextra -Werror -O1 -fsyntax-only -I"$work" -Iinclude -Isrc -Itests $file 2>&1) || {
                    echo "not ok ${file}_with_gzip_${gzip}_brotli_${brotli}_zstd_$zstd: $(echo "$said" | tr '\n' '|')"
                    continue
                }
                echo "ok ${file}_with_gzip_${gzip}_brotli_${brotli}_zstd_$zstd"
            done
        done
    done
done
