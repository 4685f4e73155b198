# tools/check-floors finds each kind of fault in a small bad tree, and none in a good one.
cd "$(dirname "$0")/../.." || exit 1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/include/weft" "$tree/src/base" "$tree/src/os" "$tree/src/wire" "$tree/src/task"

put() { cat > "$tree/$1"; }
# Objects have the names that Meson gives them.
archive() {
    rm -f "$tree/lib.a"
    for file in "$tree"/src/*/*.c; do
        name=$(echo "${file#"$tree"/}" | tr / _)
        cc -c -fPIC -I"$tree/src" -I"$tree/include" -o "$tree/$name.o" "$file" || exit 1
        ar q "$tree/lib.a" "$tree/$name.o" 2> /dev/null
    done
}
check() { tools/check-floors --root "$tree" "$tree/lib.a" > "$tree/out" 2>&1; }
clean() {    # NAME
    if check; then echo "ok $1"; else echo "not ok $1: $(cat "$tree/out")"; fi
}
finds() {    # NAME PATTERN
    if check; then echo "not ok $1: no fault found"
    elif [ "$(grep -c "$2" "$tree/out")" != 1 ] || [ "$(wc -l < "$tree/out")" != 1 ]; then
        echo "not ok $1: expected one line with '$2', got:"
        cat "$tree/out"
    else echo "ok $1"
    fi
}

put include/weft/base.h << 'END'
#include <stdint.h>
END
put src/base/mem.c << 'END'
#include "base/mem.h"
#include <stdlib.h>
static void *hook_ctx;
void *take(void) { hook_ctx = malloc(1); return hook_ctx; }
END
put src/base/mem.h << 'END'
#include "weft/base.h"
END
put src/os/linux.c << 'END'
#include "base/mem.h"
#include <unistd.h>
static int calls;
static const char *const names[] = { "alfa" };
long get(int fd, char *to, int i) { calls++; *to = *names[i]; return read(fd, to, 1); }
END
for floor in base os wire task; do echo "What it owns." > "$tree/src/$floor/README.md"; done
archive
clean a_good_tree_has_no_fault

echo '#include "task/loop.h"' > "$tree/src/wire/up.h"
finds an_include_of_a_higher_floor 'src/wire/up.h:1: floor wire includes "task/loop.h" of task, which lies above it'
echo '#include "mem.h"' > "$tree/src/wire/up.h"
finds an_include_without_its_floor 'src/wire/up.h:1: "mem.h": write the floor too'
echo '#include "weft/task.h"' > "$tree/src/wire/up.h"
finds a_public_header_of_a_higher_floor 'src/wire/up.h:1: floor wire includes "weft/task.h" of task'
echo '#include "weft.h"' > "$tree/src/wire/up.h"
finds the_umbrella_inside 'src/wire/up.h:1: includes the umbrella'
echo '#include "roof/tile.h"' > "$tree/src/wire/up.h"
finds a_floor_that_does_not_exist 'src/wire/up.h:1: "roof/tile.h" belongs to no floor'
rm "$tree/src/wire/up.h"

echo '#include <openssl/ssl.h>' > "$tree/include/weft/web.h"
finds a_third_party_header_in_public 'include/weft/web.h:1: <openssl/ssl.h> in a public header'
echo '#include "base/mem.h"' > "$tree/include/weft/web.h"
finds an_internal_header_in_public 'include/weft/web.h:1: a public header includes the internal "base/mem.h"'
rm "$tree/include/weft/web.h"
echo > "$tree/include/weft/roof.h"
finds a_public_header_without_a_floor 'include/weft/roof.h:1: no floor owns this header'
rm "$tree/include/weft/roof.h"

rm "$tree/src/os/README.md"
finds a_floor_without_a_readme 'src/os/README.md:1: missing'
echo "What it owns." > "$tree/src/os/README.md"

put src/task/loop.c << 'END'
#include <sys/socket.h>

long take_in(int fd, char *to) { return recv(fd, to, 1, 0); }
END
archive
finds a_system_call_outside_os "src/task/loop.c:3: floor task calls the system (recv)"
put src/task/loop.c << 'END'
#include <string.h>
char *copy(const char *s);
char *copy(const char *s) { return strdup(s); }
END
archive
finds memory_that_the_hook_does_not_see 'src/task/loop.c:3: strdup outside base/mem.c'
rm "$tree/src/task/loop.c" "$tree/src_task_loop.c.o"

put src/wire/url.c << 'END'
#include <stdio.h>
void say(void);
void say(void) { printf("%d\n", 3); }
END
archive
finds a_pure_floor_that_prints "src/wire/url.c:3: floor wire is pure, and this uses p"
put src/wire/url.c << 'END'
int next(void);
int next(void) { static int counter; return counter++; }
END
archive
finds a_pure_floor_with_state "src/wire/url.c:2: floor wire is pure, and 'counter' can change"
