package Servers;
# Who is measured: each server's commands, and what has to be there before it can be.
# In a command PORT is the server's own port, UP0 to UP2 are those of the upstreams.
use strict;
use warnings;
use Exporter 'import';
use File::Path 'make_path';
our @EXPORT_OK = qw(servers);

my @PORTS = qw(PORT UP0 UP1 UP2);

# The bare programs, weft, the bare programs of $ENV{BARE_REF} (if set), and the peers (if wanted).
sub servers {
    my ($programs, $peers_wanted, $tmp) = @_;
    my @servers = (
        { name => 'bare', http => ["$programs/bare_http", 'PORT'], fan => ["$programs/bare_fan", @PORTS] },
        nghttpd("$tmp/files"),
        { name => 'weft', http => ["$programs/weft_http", 'PORT'], h2 => ["$programs/weft_http", 'PORT'], fan => ["$programs/weft_fan", @PORTS] },
    );
    # The same with request ids, an access log and metrics: what these cost is told beside weft.
    push @servers, { name => 'weft_watched', beside => 'weft', only => 'get', http => ["$programs/weft_http", 'PORT', 'watched'] };
    push @servers, reference($ENV{BARE_REF}) if $ENV{BARE_REF};
    push @servers, peers($programs) if $peers_wanted;
    return @servers;
}

# Somebody else's bare programs, to see that ours are no easy opponents: executables `http PORT` and
# `fan PORT UP0 UP1 UP2` in one folder.
sub reference {
    my ($dir) = @_;
    -x "$dir/$_" or die "BARE_REF=$dir: there is no program $dir/$_\n" for qw(http fan);
    return { name => 'bare_ref', refuses_nothing => 1, http => ["$dir/http", 'PORT'], fan => ["$dir/fan", @PORTS] };
}

# What stands beside weft over HTTP/2: the server of nghttp2 itself, with a file that holds weft's answer.
sub nghttpd {
    my ($dir) = @_;
    make_path("$dir/items");
    open my $out, '>', "$dir/items/42" or die "$dir/items/42: $!\n";
    print $out '{"item_id":42}';
    close $out;
    return { name => 'nghttpd', h2 => [ 'nghttpd', '-d', $dir, '--no-tls', 'PORT' ] };
}

sub peers {
    my ($programs) = @_;
    my @all = (go($programs), fastify(), fastapi());
    for my $peer (grep { $_->{missing} } @all) {
        print STDERR "left out: $peer->{name}, $peer->{missing} (tools/bench/setup-peers installs it)\n";
    }
    return grep { !$_->{missing} } @all;
}

sub go {
    my ($programs) = @_;
    my @start = ('env', 'GOMAXPROCS=1', "$programs/go_peer", @PORTS);
    my $missing = -x "$programs/go_peer" ? '' : 'not built';
    return { name => 'go', peer => 1, loose => 1, http => \@start, fan => \@start, missing => $missing };
}

sub fastify {
    my @start = ('node', 'bench/peers/fastify/server.js', @PORTS);
    my $missing = -d 'bench/peers/fastify/node_modules/fastify' ? '' : 'not installed';
    return { name => 'fastify', peer => 1, loose => 1, http => \@start, fan => \@start, missing => $missing };
}

sub fastapi {
    my @uvicorn = qw(uvicorn --app-dir bench/peers/fastapi --log-level warning --no-access-log --host 127.0.0.1
        --timeout-keep-alive 75);
    my @start = ('/usr/bin/python3', '-m', @uvicorn, qw(--port PORT app:app));
    my $imports = 'import fastapi, uvicorn, uvloop, httptools, httpx, aiohttp';
    my $missing = system("/usr/bin/python3 -c '$imports' 2>/dev/null") ? 'not installed' : '';
    my $with = sub { [ 'env', "FAN_CLIENT=$_[0]", 'UPSTREAMS=UP0,UP1,UP2', @start ] };
    return (
        { name => 'fastapi', peer => 1, loose => 1, http => $with->('aiohttp'), missing => $missing },
        { name => 'fastapi_aiohttp', peer => 1, loose => 1, fan => $with->('aiohttp'), missing => $missing },
        { name => 'fastapi_httpx', peer => 1, loose => 1, fan => $with->('httpx'), missing => $missing },
    );
}

1;
