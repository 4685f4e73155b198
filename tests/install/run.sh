# make install into an empty prefix, then programs outside the tree built with nothing but what
# pkg-config says.
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
check() {    # NAME COMMAND...
    name=$1
    shift
    if "$@" > "$prefix/out" 2>&1 && [ ! -s "$prefix/out" ]; then echo "ok $name"; else echo "not ok $name: $(cat "$prefix/out")"; fi
}

if ! make install PREFIX="$prefix/weft" > "$prefix/out" 2>&1; then
    echo "not ok make_install: $(tail -n 20 "$prefix/out")"
    exit 0
fi
echo "ok make_install"
export PKG_CONFIG_PATH="$prefix/weft/lib/pkgconfig"
for file in include/weft.h include/weft/web.h lib/libweft.a lib/pkgconfig/weft.pc lib/libweft-blocking.so bin/weft-blocking; do
    check "it_installs_$(basename $file)" test -f "$prefix/weft/$file"
done

mkdir "$prefix/app"
cp tests/install/app.c tests/install/app_test.c tests/install/app.cc "$prefix/app/"
cd "$prefix/app" || exit 1
flags=$(pkg-config --cflags --libs weft)
warnings='-Wall -Wextra -Wconversion'
for cc in gcc clang; do
    # Word splitting of the flags is meant: that is what people write.
    check "an_app_builds_without_warnings_by_$cc" $cc $warnings app.c -o app_$cc $flags
    check "its_tests_build_by_$cc" $cc $warnings -Dmain=weft_app_main app.c app_test.c -o test_$cc $flags
    if ./test_$cc > "$prefix/out" 2>&1 && grep -q '^2 passed, 0 failed, 0 skipped$' "$prefix/out"; then echo "ok its_tests_pass_by_$cc"
    else echo "not ok its_tests_pass_by_$cc: $(cat "$prefix/out")"
    fi
done
check an_app_builds_as_strict_c17 gcc $warnings -std=c17 -D_GNU_SOURCE app.c -o app_c17 $flags
# The -Werror flags of weft.pc are C's alone: C++ takes the include path, and the library.
include=$(pkg-config --cflags-only-I weft)
check an_app_for_cpp_compiles cc -c app.c -Dmain=weft_app_main $flags
check cpp_links_the_library g++ -Wall -Wextra app.cc app.o -o app_cc $include $(pkg-config --libs weft)
check a_cpp_program_runs ./app_cc

cat > blocking.c << 'END'
#include <unistd.h>
#include <weft.h>
static int sleeps(void) { return usleep(1); }
int main(void) { return weft_run(sleeps); }
END
check a_program_that_blocks_builds gcc -g $warnings -D_GNU_SOURCE blocking.c -o blocking $flags
if "$prefix/weft/bin/weft-blocking" ./blocking 2>&1 | grep -q '^weft: usleep blocks the loop: task sleeps'; then echo 'ok weft_blocking_tells_it'
else echo "not ok weft_blocking_tells_it: $("$prefix/weft/bin/weft-blocking" ./blocking 2>&1)"
fi
