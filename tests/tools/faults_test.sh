#!/usr/bin/perl
# Each mistake in a declaration that is told when a program starts has a test with its words: what stands between the
# %-conversions of every such message is found in tests/.
use strict;
use warnings;
use File::Find;

my $tests = '';
find({ no_chdir => 1, wanted => sub { $tests .= slurp($_) if -f && /\.[ch]$/ } }, 'tests');
$tests =~ s/"\s*\n\s*"//g;

# Messages that no test can have at a bearable price, and why.
my %excused = (
    'more routes than fit into %d MiB\n' => '256 MiB of routes',
    'an OpenAPI document of more than %d MiB\n' => '64 MiB of document',
    'application: %s: this weft was built without its pages (-Ddocs=false)\n' => 'a build of its own',
);
my ($ok, $bad) = (0, 0);

sub slurp { my ($path) = @_; open my $in, '<', $path or die "$path: $!\n"; local $/; return <$in>; }

sub told {
    my ($file, $message) = @_;
    return if exists $excused{$message};
    my @pieces = grep { length > 5 } map { s/^\s+|\s+$//gr } split /%(?:\.\*|\.?\d+)?(?:ll|l|z)?[a-zA-Z]|\\n/, $message;
    return unless @pieces;
    my @lost = grep { index($tests, $_) < 0 } @pieces;
    if (@lost) { $bad++; print "not ok faults/$file: no test is told: $message\n"; }
    else { $ok++; }
}

# The calls that tell, and, in files that give reasons, the reasons.
my $text = qr/"((?:[^"\\]|\\.)*)"/;
for my $file (glob('src/web/*.c'), 'src/model/schema_check.c', 'src/model/view.c') {
    my $source = slurp($file);
    $source =~ s{/\*.*?\*/}{}gs;
    $source =~ s/"\s*\n\s*"//g;
    my ($name) = $file =~ m{([^/]+)$};
    while ($source =~ /\b(?:FAULT|WEFT__ROUTE_FAULT|ROUTE_FAULT|member_fault|webhook_fault|fault)\((?:[^;"]|'.')*?$text/g) { told($name, $1); }
    while ($source =~ /weft__buf_printf\([a-z_>-]*faults,\s*$text/g) { told($name, $1); }
    next unless $name =~ /^(?:pattern|host|template_html)\.c$/ || $source =~ /mount_fault/;
    while ($source =~ /(?:return|why = |[?:])\s*$text/g) { told($name, $1) if index($1, ' ') > 0; }
}
print "ok faults/$ok messages have tests\n" if !$bad && $ok > 100;
print "not ok faults: only $ok messages were found: the calls that tell are called otherwise\n" if !$bad && $ok <= 100;
