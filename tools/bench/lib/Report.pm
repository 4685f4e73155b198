package Report;
# Numbers to text: medians, and tables in Markdown.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(median lowest highest short whole table);

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return undef if !@sorted;
    my $middle = int(@sorted / 2);
    return @sorted % 2 ? $sorted[$middle] : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}

sub lowest  { return (sort { $a <=> $b } @_)[0] }
sub highest { return (sort { $b <=> $a } @_)[0] }

# Three digits that matter, thousands set apart: 0.352, 4.71, 20.3, 45 120.
sub short {
    my ($number) = @_;
    return '–' if !defined $number;
    return sprintf '%.3f', $number if abs $number < 1;
    return sprintf '%.2f', $number if abs $number < 10;
    return sprintf '%.1f', $number if abs $number < 100;
    return whole($number);
}

sub whole {
    my $text = sprintf '%.0f', $_[0];
    1 while $text =~ s/^(-?\d+)(\d{3})/$1 $2/;
    return $text;
}

# Rows of cells, the first being the heading, in aligned columns; those after the first $texts are numbers.
sub table {
    my ($texts, @rows) = @_;
    my @width;
    for my $row (@rows) {
        for my $i (0 .. $#$row) {
            my $length = length $row->[$i];
            $width[$i] = $length if $length > ($width[$i] // 3);
        }
    }
    $_ //= 3 for @width;
    my $line = sub {
        my @cells = @_;
        my @padded = map { sprintf $_ < $texts ? '%-*s' : '%*s', $width[$_], $cells[$_] } 0 .. $#cells;
        return '| ' . join(' | ', @padded) . " |\n";
    };
    my $rule = '|' . join('|', map { '-' x ($width[$_] + 1) . ($_ < $texts ? '-' : ':') } 0 .. $#width) . "|\n";
    my $heading = shift @rows;
    return $line->(@$heading) . $rule . join '', map { $line->(@$_) } @rows;
}

1;
