#!/bin/bash
# coreutils.sh LIBRARY - sorting, joining, splitting and counting generated data; copying trees
. "$(dirname "$0")/lib.sh"

text "$(scaled 60000)" 1 >"$scratch/text"
text 3000 2 >"$scratch/small"
text=$scratch/text
small=$scratch/small

# Each pipe ends in a checksum of its own, so that a difference names the tool.
check()
{
	echo "$1 $(sha256sum)"
}

sorting()
{
	# A small buffer and two threads: merges of temporary files next to each other.
	sort --parallel=2 -S 1M -T . "$text" | check sort
	sort --parallel=2 -S 1M -T . --compress-program=gzip -u "$text" | check sort-compressed
	sort -n -k 1,1 -s "$text" | check sort-numeric
	sort -t ' ' -k 3,3r -k 1,1g -f "$text" | check sort-keys
	LC_ALL=C.UTF-8 sort -V "$text" | check sort-version
	sort -R --random-source="$small" "$small" | check sort-random
	sort -h <(seq 1 777 400000 | numfmt --to=iec) | check sort-human
	sort -m <(sort "$text") <(sort "$small") | check sort-merge
	sort "$small" | sort -c
	shuf --random-source="$text" -n 5000 "$text" | check shuf
	# Edges from a smaller word to a greater one have no cycle.
	tr ' ' '\n' <"$small" | paste -d ' ' - - | awk '$1 < $2' | tsort | check tsort
}

fields()
{
	sort -k 1,1 "$small" >left
	cut -d ' ' -f 1-3 "$text" | sort -k 1,1 >right
	join left right | check join
	join -v 1 -a 2 -o 1.1,2.2 -e none left right | check join-outer
	comm -3 <(sort "$text") <(sort "$small") | check comm
	cut -d ' ' -f 2- "$text" | tr -s ' ' '\n' | sort | uniq -c | sort -rn | check uniq
	paste -d ',;' "$small" "$text" "$small" | check paste
	tac "$text" | check tac
	nl -b a "$text" | check nl
	fold -s -w 40 "$text" | check fold
	fmt -w 60 "$text" | check fmt
	pr -3 -l 40 -h title -D date "$small" | check pr
	ptx -w 60 "$small" 2>&1 | check ptx
	expand -t 4 <(tr ' ' '\t' <"$text") | unexpand -a | check expand
	od -A x -t x1z "$text" | check od
	base64 "$text" | base64 -d | check base64
	rm left right
}

pieces()
{
	split -l 1000 --additional-suffix=.part "$text" piece-
	ls | wc -l
	cat piece-* | check split
	split -n r/7 --filter='wc -c' "$text" >sizes
	sort sizes | check split-filter
	csplit -s -n 3 -f cut- "$small" '/sheaf/' '{20}'
	wc cut-* piece-* | check wc
	for sum in md5sum sha1sum sha512sum b2sum cksum sum; do
		$sum piece-* | check $sum
	done
	head -q -n 5 piece-* | check head
	tail -q -n 5 piece-* | check tail
	tail -c 100000 "$text" | check tail-bytes
	dd if="$text" bs=4097 skip=3 count=50 status=none | check dd
	tee copy1 copy2 <"$small" | check tee
	cmp copy1 copy2
	rm -f piece-* cut-* copy? sizes
}

trees()
{
	mkdir -p tree/{a,b,c}/{1..9}/{x,y}
	for directory in tree/*/*/*; do
		head -c $((${#directory} * 137)) "$text" >"$directory/file"
		ln -s ../file "$directory/link"
		truncate -s 10M "$directory/hole"
	done
	find tree -depth -exec touch -h -d '2024-02-29 12:00:00' {} +
	ls -lR tree | check ls
	ls -C -w 100 --color=always -F tree/a/* | check ls-color
	cp -a tree copy
	ls -lR --full-time copy | tail -n +2 | check cp
	du -ab copy | sort -k 2 | check du
	mv copy moved
	stat -c '%n %s %F %a' moved/*/*/*/* | check stat
	chmod -R u=rwX,go= moved
	install -D -m 640 tree/a/1/x/file installed/deep/down/file
	stat -c '%a %s' installed/deep/down/file
	realpath --relative-to=. moved/a/1/x/link | check realpath
	rm -r tree moved installed
}

numbers()
{
	seq -f %.3f 1 0.37 5000 | check seq
	factor $(seq 1000000007 1 1000000300) 340282366920938463463374607431768211455 | check factor
	numfmt --to=si --format=%10.2f $(seq 1 9999 3000000) | check numfmt
	expr 123456789012345678901234567890 '*' 987654321098765432109876543210
	date -u -d '2024-02-29 12:34:56 + 400 days' '+%A %d %B %Y %s'
	for ((i = 0; i < 200; i++)); do
		/usr/bin/printf '%s %05d\n' "$(basename "/a/b$i/c.txt" .txt)" $i
	done | check processes
	# The end of head ends yes by a signal.
	{ yes "$(seq 1 2000 | tr '\n' ' ')" || true; } | head -n 2000 | check yes
	# The one tool that preloads a library of its own, behind the one already there.
	stdbuf -oL cat "$small" | check stdbuf
}

assert_loaded sort sort
assert_loaded sha256sum sha256sum
for group in sorting fields pieces trees numbers; do
	alike $group $group
done
