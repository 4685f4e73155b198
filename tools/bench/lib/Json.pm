package Json;
# JSON to a validated struct and back, beside simdjson where that is installed: bench/json.c and
# bench/peers/simdjson/json.cpp measure themselves on the same files and the same core, in turn.
use strict;
use warnings;
use utf8;
use Exporter 'import';
use Process qw(run_for);
use Report qw(median lowest highest short whole);
our @EXPORT_OK = qw(build_simdjson measure_json json_rows);

my $SOURCE = 'bench/peers/simdjson/json.cpp';
# What is measured: its key in what the programs print, whose it is, words.
my @WORKS = (
    [ 'read', 'weft', 'read and validated, into structs' ],
    [ 'dom', 'simdjson', 'DOM, every member read' ],
    [ 'on_demand', 'simdjson', 'On-Demand, every member read' ],
    [ 'write', 'weft', 'written' ],
    [ 'both', 'weft', 'read, validated and written' ],
    [ 'copy', '–', 'memcpy of as many bytes' ],
);

# Builds the program of the peer, unless it is newer than its source; says why when that cannot be. weft itself needs no C++.
sub build_simdjson {
    my ($to) = @_;
    if (system q{printf '#include <simdjson.h>' | c++ -std=c++17 -E -x c++ - > /dev/null 2>&1}) {
        print STDERR "left out: simdjson, not installed (tools/bench/setup-peers installs it)\n";
        unlink $to;
        return;
    }
    return if -e $to && -M $to < -M $SOURCE;
    # The processor's own instructions: On-Demand is compiled here, and would do without vectors otherwise.
    system(qw(c++ -std=c++17 -O3 -march=native -o), $to, $SOURCE, '-lsimdjson') == 0 or die "building $SOURCE failed\n";
}

# Figures of all rounds: $figures->{BODY}{KEY} is a list of ns, {bytes} and {version} are one.
sub measure_json {
    my ($programs, $rounds, $core, $tmp) = @_;
    my %figures;
    make_body($programs, $_, $tmp) for qw(small large);
    for my $round (1 .. $rounds) {
        for my $body (qw(small large)) {
            my $of = $figures{$body} //= {};
            my $weft = measure($programs, 'json', $body, $core, $tmp);
            my $peer = -x "$programs/simdjson_json" ? measure($programs, 'simdjson_json', $body, $core, $tmp) : {};
            die "simdjson read other values from the body '$body' than weft\n" if ($peer->{sum} // $weft->{sum}) ne $weft->{sum};
            push @{ $of->{ $_->[0] } }, $weft->{ $_->[0] } // $peer->{ $_->[0] } // () for @WORKS;
            $of->{bytes} = $weft->{bytes};
            $figures{version} = $peer->{version};
        }
    }
    return \%figures;
}

sub make_body {
    my ($programs, $body, $tmp) = @_;
    open my $out, '>:raw', "$tmp/$body.json" or die "$tmp/$body.json: $!\n";
    open my $in, '-|:raw', "$programs/json", 'body', $body or die "$programs/json: $!\n";
    local $/;
    print {$out} <$in>;
    close $in or die "$programs/json could not make the body '$body'\n";
    close $out or die "$tmp/$body.json: $!\n";
}

sub measure {
    my ($programs, $program, $body, $core, $tmp) = @_;
    my $printed = run_for($core, 60, "$tmp/$program", "$programs/$program", $body, "$tmp/$body.json");
    return { $printed =~ /^(\w+) (.+)$/mg };
}

# Rows of a table: MB/s and µs are medians, how many times as fast as weft reads is the median of the ratios within one round.
sub json_rows {
    my ($figures) = @_;
    my @rows;
    for my $body (qw(small large)) {
        my $of = $figures->{$body};
        for (@WORKS) {
            my ($key, $by, $words) = @$_;
            my @ns = @{ $of->{$key} } or next;
            my @times = $by eq 'simdjson' ? map { $of->{read}[$_] / $ns[$_] } 0 .. $#ns : ();
            push @rows, [
                "$body, " . whole($of->{bytes}) . ' bytes', $by, $words,
                short(1000 * $of->{bytes} / median(@ns)), short(median(@ns) / 1000),
                @times ? (sprintf('%.2f', median(@times)), sprintf('%.2f–%.2f', lowest(@times), highest(@times))) : ('–', '–'),
            ];
        }
    }
    return @rows;
}

1;
