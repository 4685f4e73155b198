#!/bin/sh
# Public headers of the runtime: the comment above each function says whether it waits, and each header names an example.
cd "$(dirname "$0")/../.." || exit 1
for name in base check task sync thread process file net command inspect ws room bind db table listen copy redis; do
    said=$(perl -e '
        my ($path) = @ARGV;
        open my $in, "<", $path or die "$path: $!";
        my ($comment, $inside, @silent, $count) = ("", 0);
        my $text = join "", <$in>;
        my $examples = () = $text =~ /Examples?:/g;
        for my $line (split /\n/, $text) {
            $comment = "" if !$inside && $line =~ m{^\s*/\*};
            $inside = 1 if $line =~ m{^\s*/\*};
            $comment .= "$line\n" if $inside;
            my $was = $inside;
            $inside = 0 if $line =~ m{\*/};
            next if $was || $line =~ /^(#|typedef|\s)/;
            $comment = "" if $line eq "";
            next if $line !~ /^[\w *]*?\b(weft_(?!_)\w+)\(/;
            $count++;
            push @silent, $1 if $comment !~ /\bWaits?:/;
        }
        print "no function was found\n" if !$count;
        print "no example is named\n" if !$examples;
        print "not told whether it waits: @silent\n" if @silent;
    ' "include/weft/$name.h" 2>&1)
    if [ -n "$said" ]; then echo "not ok header_$name: $said"
    else echo "ok header_$name"; fi
done
