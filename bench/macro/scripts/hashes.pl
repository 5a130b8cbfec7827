# A Perl workload: hashes, strings and regular expressions.  The output is the same in every run.
use strict;
use warnings;

my $state = 7;
sub below {
	my ($bound) = @_;
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 65536) % $bound;
}

sub records {
	my ($amount) = @_;
	my @lines;
	for my $i (1 .. $amount) {
		push @lines, join ';', "id=$i", 'user=u' . below(3000), 'ip=10.' . below(256) . '.' . below(256),
			'text=' . ('lorem ipsum ' x below(6));
	}
	return \@lines;
}

sub digest {
	my ($lines) = @_;
	my (%by_user, %by_net);
	for my $line (@$lines) {
		my %field = map { split /=/, $_, 2 } split /;/, $line;
		push @{ $by_user{ $field{user} } }, { %field };
		$by_net{$1}++ if $field{ip} =~ /^(\d+\.\d+)\./;
	}
	my $letters = 0;
	for my $user (sort keys %by_user) {
		my $text = join ' ', map { $_->{text} } @{ $by_user{$user} };
		$text =~ s/(\w+)/\u$1/g;
		$letters += () = $text =~ /[A-Z]/g;
		delete $by_user{$user} if below(3) == 0;
	}
	return sprintf '%d users left, %d nets, %d letters', scalar keys %by_user, scalar keys %by_net, $letters;
}

for my $round (1 .. 4) {
	print "round $round: ", digest(records(30000)), "\n";
}
