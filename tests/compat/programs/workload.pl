# workload.pl ROUNDS
use strict;
use warnings;
use threads;

my $rounds = shift;
my $state = 1;
$| = 1;

sub draw {
	$state = $state * 16807 % 2147483647;
	return int($state / 7) % $_[0];
}

sub digest {
	my $sum = 0;
	for my $text (@_) {
		$sum = ($sum * 31 + unpack("%32C*", $text) + length $text) % 4294967291;
	}
	return $sum;
}

print "# hashes of arrays of strings\n";
my %table;
for my $i (1 .. $rounds) {
	my $key = "key" . draw(5000);
	push @{ $table{$key} }, "x" x draw(200);
	shift @{ $table{$key} } if @{ $table{$key} } > 8;
	delete $table{ "key" . draw(5000) } if $i % 3 == 0;
}
print scalar(keys %table), " ", digest(map { "$_@{$table{$_}}" } sort keys %table), "\n";

print "# text\n";
my @words = map { join "", map { chr 97 + draw(26) } 0 .. 2 + draw(8) } 1 .. $rounds;
my $text = join " ", @words;
my %count;
$count{$1}++ while $text =~ /\b(\w{2})\w*?([aeiou])/g;
print join(",", map { "$_=$count{$_}" } (sort keys %count)[0 .. 40]), "\n";
(my $changed = $text) =~ s/([aeiou])(\w)/uc($2) . $1 x 2/ge;
print digest($changed), " ", length $changed, "\n";
print digest(sort { length $a <=> length $b || $a cmp $b } @words), "\n";
print digest(split /[aeiou]+\s?/, $text), "\n";
my $long = "";
$long .= substr($text, draw(1000), draw(5000)) for 1 .. 2000;
substr($long, $_ * 1000, 10) = "replaced " x 3 for 1 .. 500;
print length $long, " ", digest($long), " ", scalar reverse(substr $long, 0, 60), "\n";

print "# trees, closures and weak references\n";
sub tree { my $depth = shift; return $depth ? [ tree($depth - 1), tree($depth - 1) ] : [] }
sub weigh { my $node = shift; my $sum = 1; $sum += weigh($_) for @$node; return $sum }
print weigh(tree(14)), "\n";
my @closures = map { my $n = $_; my @kept = (1 .. $n % 20); sub { $n += @kept + $_[0] } } 1 .. 5000;
my $sum = 0;
$sum += $_->(3) for @closures, @closures;
print "$sum\n";

print "# objects that run code when they die\n";
my $dead = 0;
package Mortal {
	sub new { my ($class, $size) = @_; return bless { data => "y" x $size }, $class }
	sub DESTROY { $dead++ }
}
{ my @mortals = map { Mortal->new($_) } 1 .. 3000; splice @mortals, 100, 1000; }
print $dead, "\n";

print "# pack, sprintf, eval, local files\n";
print digest(map { pack "NA10w", draw(1 << 30), "s$_", draw(1 << 20) } 1 .. 5000), "\n";
print digest(map { sprintf "%-*s|%08.3f|%x", $_ % 40, "w", $_ / 7, $_ * 99 } 1 .. 5000), "\n";
my $failed = 0;
for my $i (1 .. 1000) {
	eval "my \@a = (1 .. $i % 50); die 'no' if $i % 10 == 0; 1" or $failed++;
}
print "$failed\n";
open my $file, "+>", "scratch" or die;
print $file "$_\n" for @words;
seek $file, 0, 0;
my $lines = () = <$file>;
close $file;
unlink "scratch";
print "$lines\n";

print "# children\n";
for my $child (1 .. 8) {
	pipe my $from, my $to;
	my $pid = fork;
	if (!$pid) {
		my @mine = map { "z" x draw(3000) } 1 .. 500 * $child;
		print $to digest(@mine), "\n";
		close $to;
		exit $child;
	}
	close $to;
	print <$from>;
	waitpid $pid, 0;
	print $? >> 8, "\n";
}

print "# interpreter threads, each a clone of everything above\n";
%table = ();
my @threads = map {
	my $times = $_;
	threads->create(sub { digest(map { "$_" x $times } @words[0 .. 3000]) })
} 1 .. 4;
print $_->join, "\n" for @threads;
