package Load;
# What is done to a server: its answers checked, requests sent by wrk, its system calls counted by strace.
use strict;
use warnings;
use Exporter 'import';
use Process qw(start stop run_for slurp);
use Time::HiRes qw(sleep);
our @EXPORT_OK = qw(check_answers wrk system_calls);

my $ITEM = '{"name":"Teapot","price":12.5,"tags":["kitchen","tea"]}';
my @UPSTREAM = map { sprintf '{"service":"s%d","value":%d,"ok":true,"tags":["x","y"]}', $_, $_ * 111 } 0 .. 2;

# Of each kind of server: what curl is asked, the status it must get, and the exact body unless undef.
my %ANSWERS = (
    http => [
        [ '/items/42', [], 200, '{"item_id":42}' ],
        [ '/items/9007199254740993', [], 200, '{"item_id":9007199254740993}' ],
        [ '/items/abc', [], 422, undef ],
        [ '/items', [ '-d', $ITEM ], 200, $ITEM ],
        [ '/items', [ '-d', '{"tags": [], "price": 0.5, "name": "a"}' ], 200, '{"name":"a","price":0.5,"tags":[]}' ],
        [ '/items', [ '-d', '{"name":"a","price":0,"tags":[]}' ], 200, undef ],
        [ '/items', [ '-d', '{"name":"","price":1,"tags":[]}' ], 422, undef ],
        [ '/items', [ '-d', '{"name":"a","price":-1,"tags":[]}' ], 422, undef ],
        [ '/items', [ '-d', '{"name":"a","price":1,"tags":[' . join(',', ('"t"') x 17) . ']}' ], 422, undef ],
        [ '/items', [ '-d', '{"name":"a"' ], 422, undef ],
    ],
    h2 => [ [ '/items/42', ['--http2-prior-knowledge'], 200, '{"item_id":42}' ] ],
    fan => [ [ '/fan/0', [], 200, "{\"a\":$UPSTREAM[0],\"b\":$UPSTREAM[1],\"c\":$UPSTREAM[2]}" ] ],
);

# Dies at the first answer that is not the one expected. A server that is `loose` may have one kind of number
# only (doubles) or write 0 as 0.0; one that `refuses_nothing` is asked for what is valid alone.
sub check_answers {
    my ($server, $kind, $port, $core, $tmp) = @_;
    for my $case (@{ $ANSWERS{$kind} }) {
        my ($path, $options, $status, $body) = @$case;
        next if $status == 422 && $server->{refuses_nothing};
        my @curl = (qw(curl -s --noproxy * --max-time 10 -w \n%{http_code} -H), 'Content-Type: application/json');
        my $got = run_for($core, 12, "$tmp/curl", @curl, @$options, "http://127.0.0.1:$port$path");
        my ($got_body, $got_status) = $got =~ /\A(.*)\n(\d+)\z/s or die "no answer to $path: $got\n";
        next if $got_status == $status && same_body($got_body, $body, $server->{loose});
        my $asked = join ' ', $path, @$options;
        die "wrong answer to $asked\n  expected $status " . ($body // '(any body)') . "\n  came     $got_status $got_body\n";
    }
}

sub same_body {
    my ($got, $body, $loose) = @_;
    return 1 if !defined $body || $got eq $body;
    return 0 if !$loose;
    s/\b(\d+)\.0\b/$1/g, s/9007199254740993/9007199254740992/ for $got, $body;
    return $got eq $body;
}

# Load on one core for some seconds; returns the number of requests answered and how many a second.
sub wrk {
    my ($work, $port, $core, $seconds, $tmp) = @_;
    return h2load(@_) if $work->{streams};
    my @script = $work->{script} ? ('-s', $work->{script}) : ();
    my $printed = run_for($core, $seconds + 20, "$tmp/wrk",
        'wrk', '-t1', "-c$work->{connections}", "-d${seconds}s", '--timeout', '15s', @script,
        "http://127.0.0.1:$port$work->{path}");
    my ($requests) = $printed =~ /^\s*(\d+) requests in/m or die "wrk said:\n$printed";
    my ($rate) = $printed =~ /^Requests\/sec:\s+([\d.]+)/m;
    die "some answers were errors; wrk said:\n$printed" if $printed =~ /Non-2xx/;
    die "not one request was answered; wrk said:\n$printed" if !$requests;
    die "connections failed; wrk said:\n$printed" if $printed =~ /Socket errors: (?!connect 0, read 0, write 0)/;
    return ($requests, $rate);
}

sub h2load {
    my ($work, $port, $core, $seconds, $tmp) = @_;
    my $printed = run_for($core, $seconds + 20, "$tmp/h2load", 'h2load', '-t1', "-c$work->{connections}", "-m$work->{streams}", '-D', $seconds,
        "http://127.0.0.1:$port$work->{path}");
    my ($rate) = $printed =~ /^finished in [^,]*, ([\d.]+) req/m or die "h2load said:\n$printed";
    my ($requests, $failed) = $printed =~ /(\d+) succeeded, (\d+) failed/ or die "h2load said:\n$printed";
    my ($good) = $printed =~ /^status codes: (\d+) 2xx/m or die "h2load said:\n$printed";
    die "some answers were errors; h2load said:\n$printed" if $failed || $good != $requests || !$requests;
    return ($requests, $rate);
}

# Calls that come once a connection, not once a request: wrk opens its connections while strace counts.
my $SET_UP = qr/^(accept4?|close|[gs]etsockopt|shutdown|socket|connect|fcntl|ioctl|get(sock|peer)name)$/;

# System calls per request of a server that runs; undef where strace may not look, or slows it too much.
sub system_calls {
    my ($pid, $work, $port, $core, $tmp) = @_;
    my $strace = start($core, "$tmp/strace.log", 'strace', '-c', '-f', '-o', "$tmp/strace", '-p', $pid);
    sleep 0.3;
    my ($requests) = eval { wrk($work, $port, $core, 2, $tmp) };
    stop($strace, 'INT');
    return undef if !$requests;
    my $calls = 0;
    for (split /\n/, slurp("$tmp/strace")) {
        my @column = split;
        next if @column < 5 || $column[3] !~ /^\d+$/ || $column[-1] eq 'total' || $column[-1] =~ $SET_UP;
        my $once = $column[-1] eq 'epoll_ctl' ? $work->{connections} : 0;
        $calls += $column[3] - ($once < $column[3] ? $once : $column[3]);
    }
    unlink "$tmp/strace";
    return $calls ? $calls / $requests : undef;
}

1;
