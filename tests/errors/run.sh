# Programs with one mistake each: what the compiler says first must name the mistake (the regular expression
# at the file's top) and show the line marked HERE. A program whose expectation is "none" must compile clean.
cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C
flags='-std=gnu17 -Wall -Wextra -Werror=format'

# The first error with the notes that belong to it: up to the next error.
first() { awk '/ error: / { n++ } n == 1'; }

for file in tests/errors/*.c; do
    line=$(grep -n '/\* HERE \*/' "$file" | cut -d: -f1)
    for cc in gcc clang; do
        name=$(basename "$file" .c)_by_$cc
        want=$(sed -n "s|^.*$cc: *\(.*[^ ]\)\$|\1|p" "$file" | sed 's| *\*/$||' | head -n 1)
        said=$($cc $flags -Iinclude -fsyntax-only "$file" 2>&1)
        if [ "$want" = none ]; then
            if [ -z "$said" ]; then echo "ok $name"; else echo "not ok $name: $said"; fi
            continue
        fi
        block=$(echo "$said" | first)
        if [ -z "$block" ]; then echo "not ok $name: it compiles"
        elif ! echo "$block" | head -n 1 | grep -Eq "$want"; then
            echo "not ok $name: expected a first error like '$want', got:"
            echo "$block"
        elif ! echo "$block" | grep -q "^$file:$line:"; then
            echo "not ok $name: the first error does not show line $line:"
            echo "$block"
        else echo "ok $name"
        fi
    done
done
