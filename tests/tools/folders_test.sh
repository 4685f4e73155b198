#!/bin/sh
# Tests in C make files in the folder that the runner removes (weft__test_folder), and in no other that would stay behind.
cd "$(dirname "$0")/../.." || exit 1
found=$(grep -rnE 'mkstemp|tmpnam|[^_]tmpfile\(|mkdtemp\("|"/(tmp|dev/shm)/[^"]*X' tests --include='*.c')
if [ -z "$found" ]; then echo 'ok tests_leave_no_files_behind'
else echo "not ok tests_leave_no_files_behind: $(echo "$found" | tr '\n' '|')"; fi
