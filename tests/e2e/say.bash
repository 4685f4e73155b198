# What the scripts of this folder have in common: how they say what held, and a port to serve at. $of is what their names begin with.
ok() { echo "ok ${of:+$of/}$1"; }
not_ok() { echo "not ok ${of:+$of/}$1: $2"; }
skip() { echo "skip ${of:+$of/}$1: $2"; }
# NAME EXPECTED GOT
check() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected $2, got $3"; fi; }
# NAME PATTERN FILE
has() { if grep -Eq "$2" "$3"; then ok "$1"; else not_ok "$1" "no $2 in: $(tail -n 20 "$3" | tr '\n' '|')"; fi; }

free_port() {                            # below those that the system gives to connections
    local port
    for port in $(seq $((20000 + RANDOM % 10000)) 32000); do
        (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { echo "$port"; return; }
    done
}
taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
have() { command -v "$1" > /dev/null; }
# NAME FILE: the number behind a name, as the programs of load/ write them
number() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" "$2"; }
