#!/bin/sh
# docs/http2-requirements.md: each section of RFC 9113 with a MUST is there, and each test and file that it names.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
page=docs/http2-requirements.md

# Sections in whose text a MUST or MUST NOT stands that is not about registries.
sections='3.2 3.3 3.4 4.1 4.2 4.3 4.3.1 5.1 5.1.1 5.1.2 5.2.1 5.2.2 5.4 5.4.1 5.4.2 5.5 6.1 6.2 6.3 6.4 6.5 6.5.2 6.5.3 6.6 6.7 6.8 6.9 6.9.1 6.9.2 6.9.3
6.10 7 8.1 8.1.1 8.2 8.2.1 8.2.2 8.2.3 8.3 8.3.1 8.3.2 8.4 8.4.1 8.4.2 8.5 8.7 9.1.1 9.2 9.2.1 9.2.2 9.2.3 10.3 10.4 10.5.1 10.6'

{
    grep -rhoE '[A-Z_]*TEST\([a-z0-9_]+' tests --include='*.c' | sed 's/.*(//'
    grep -rhoE '(^|[^a-z_])(check|holds|refuses|ok) [a-z0-9_]+' tests/e2e --include='*.sh' | sed 's/.* //'
} | sort -u > "$work/tests"

# What is wrong with the page $1, a line each.
faults_of() {
    for s in $sections; do
        grep -qE "^\| $s \||[(, ]$s[,)]" "$1" || echo "section $s is not there"
    done
    grep -oE '`[a-z0-9_]+`' "$1" | tr -d '`' | grep -E '_' | sort -u | while read -r name; do
        grep -qx "$name" "$work/tests" || echo "no test $name"
    done
    grep -oE '`[a-z]+/[a-z0-9_]+\.c`' "$1" | tr -d '`' | sort -u | while read -r file; do
        [ -f "src/$file" ] || echo "no file src/$file"
    done
    awk -F' *[|] *' '/^\| / && NF == 6 && $4 ~ /`/ && $5 !~ /`[a-z0-9_]+_[a-z0-9_]+`/ { print "nothing shows: " $3 }' "$1"
}

verdict() {    # NAME FAULTS
    if [ -s "$2" ]; then echo "not ok $1: $(tr '\n' ';' < "$2")"; else echo "ok $1"; fi
}
finds() {    # NAME FAULT EDIT: the page, edited so, has this fault
    sed "$3" $page > "$work/page"
    if cmp -s $page "$work/page"; then echo "not ok $1: the edit changes nothing"
    elif faults_of "$work/page" | grep -qxF "$2"; then echo "ok $1"
    else echo "not ok $1: not found: $2"; fi
}

finds a_renamed_test_is_found 'no test tls_1_2_is_negotiated' 's/tls_1_2_is_not_negotiated_anew/tls_1_2_is_negotiated/'
finds a_file_that_is_gone_is_found 'no file src/http/h2_gone.c' 's/h2_head\.c/h2_gone.c/'
finds a_section_that_is_left_out_is_found 'section 8.2.3 is not there' '/^| 8\.2\.3 /d'
finds a_demand_without_a_test_is_found 'nothing shows: TLS does not compress' '/^| 10\.6/s/`tls_[a-z0-9_]*`//'
faults_of $page > "$work/faults"
verdict each_demand_of_http2_is_listed_and_its_tests_are_there "$work/faults"
