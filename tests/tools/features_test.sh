#!/bin/bash
# Everything that can be left out of the library is: it compiles without a warning, its server and client speak HTTP/1.1, and what is missing is refused
# by its name. With --build it only builds it.
set -u
cd "$(dirname "$0")/../.." || exit 1
of=features
. tests/e2e/say.bash
build=build/without
only=${1:-}
set --
for feature in http2 gzip brotli zstd sqlite postgres mariadb libdw; do set -- "$@" "-D$feature=disabled"; done
mkdir -p build
if command -v flock > /dev/null; then
    exec 9> $build.lock
    flock 9
fi
if CC=${CC:-gcc} tools/configure $build "$@" -Ddocs=false -Dwerror=true --buildtype=debug -Doptimization=0 -Dtest_floors=task,io,http,db > $build.log 2>&1 &&
    ninja -C $build tests/weft-tests >> $build.log 2>&1; then ok all_left_out_compiles
else
    not_ok all_left_out_compiles "$(grep -v '^\[' $build.log | head -n 40 | tr '\n' '|')"
    exit 0
fi
exec 9>&-
[ "$only" != --build ] || exit 0
said=$($build/tests/weft-tests --jobs 4 tests/http/server_test tests/http/client_test tests/http/server_tls tests/http/ws_client http2 2>&1)
if echo "$said" | grep -Eq '^[1-9][0-9]* passed, 0 failed, '; then ok server_and_client_go_on
else not_ok server_and_client_go_on "$(echo "$said" | tail -n 40 | tr '\n' '|')"; fi
said=$($build/tests/weft-tests tests/db/left_out 2>&1)
check what_was_left_out_is_refused_by_its_name '1 passed, 0 failed, 0 skipped' "$(echo "$said" | tail -n 1)"
called=$(nm -u $build/libweft.a 2> /dev/null | grep -oE 'U (nghttp2_|Brotli|ZSTD_|deflate|inflate|sqlite3_|PQ|mysql_|dwfl_)\w*' | sort -u)
check nothing_of_the_libraries_is_called '' "$called"
