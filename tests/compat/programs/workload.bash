# workload.bash ROUNDS - a bit of everything that makes bash allocate
rounds=$1
state=1

# Sets $drawn to a number below $1; no command substitution, for that would fork.
draw()
{
	state=$((state * 16807 % 2147483647))
	drawn=$((state / 7 % $1))
}

echo "# arrays and strings"
declare -A count=()
declare -a words=()
for ((i = 0; i < rounds * 20; i++)); do
	draw 997
	key=key$drawn
	count[$key]=$((${count[$key]:-0} + i))
	words+=("$key${words[i / 2]:0:40}")
done
for key in "${!count[@]}"; do
	echo "$key ${count[$key]}"
done | sort | sha256sum
joined="${words[*]}"
echo "${#joined} ${#words[@]}"
replaced=${joined//key/sheaf}
upper=${joined^^}
echo "${#replaced} ${upper:1000:50} ${replaced##* }"
words=("${words[@]:rounds}")
unset 'words[5]' 'words[7]'
echo "${#words[@]} ${words[6]}"

echo "# a string that doubles to 8 MiB"
long=x
while [ ${#long} -lt 8388608 ]; do
	long+=$long
done
echo ${#long}
sha256sum <<<"$long"
unset long

echo "# recursion"
depth()
{
	local here=$1
	local -a frame=("$@" "$here")
	if [ "$here" -gt 0 ]; then
		depth $((here - 1)) "${frame[@]:0:20}"
	else
		echo "bottom: ${frame[*]}"
	fi
}
depth 400 a b c
fibonacci()
{
	if [ "$1" -lt 2 ]; then
		echo "$1"
	else
		echo $(($(fibonacci $(($1 - 1))) + $(fibonacci $(($1 - 2)))))
	fi
}
fibonacci 9

echo "# expansions, globs and matches"
echo {a..e}{1..40} | sha256sum
mkdir tree
for ((i = 0; i < rounds; i++)); do
	draw 16
	: >"tree/$drawn-$i.txt"
done
(cd tree && set -- *.txt && echo $# && set -- 1?-*[02468].txt && echo $#)
shopt -s globstar extglob nullglob
set -- **/!(1*).txt
echo $#
rm -r tree
for line in "order=9 zone=Normal" "order= zone" "order=10 zone=DMA32"; do
	if [[ $line =~ ^order=([0-9]+)\ zone=([A-Za-z0-9]+)$ ]]; then
		printf '%-10s|%5d\n' "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
	fi
done
printf '%q\n' "a b" $'new\nline' "it's" ''
printf -v padded '%*s' 5000 end
echo ${#padded}

echo "# files and pipes"
mapfile -t lines < <(seq 1 $((rounds * 50)))
echo ${#lines[@]}
while IFS=, read -r left right rest; do
	echo "$right-$left-$rest"
done < <(printf '%s,%s,%s,%s\n' "${lines[@]:0:rounds}") | sha256sum
cat <<DOCUMENT | tr a-z A-Z | tail -n 2
$(seq 1 500)
here is ${#lines[@]}
DOCUMENT
for ((i = 0; i < rounds / 10; i++)); do
	echo "$i" | { read -r got; echo $((got * 2)); } | cat
done | sha256sum

echo "# jobs, traps and co-processes"
for i in 1 2 3 4; do
	(
		state=$i
		total=0
		for ((n = 0; n < rounds * 5; n++)); do
			draw 1000
			total=$((total + drawn))
			kept[n % 100]=$total-${kept[n / 2 % 100]:0:30}
		done
		echo "$total ${#kept[@]}" >"job$i"
		exit "$i"
	) &
	jobs[i]=$!
done
for i in 1 2 3 4; do
	wait "${jobs[i]}"
	echo "$? $(cat "job$i")"
done
rm job?
caught=0
trap 'caught=$((caught + 1)); note+=" caught-$caught"' USR1
for ((i = 0; i < 50; i++)); do
	kill -USR1 $$
done
echo "$caught ${#note}"
coproc UPPER { while read -r line; do echo "${line^^}"; done; }
# The shell forgets the variable when it notices the end.
upper_pid=$UPPER_PID
for word in page slab zone; do
	echo $word >&"${UPPER[1]}"
	read -r line <&"${UPPER[0]}"
	echo "$line"
done
eval "exec ${UPPER[1]}>&-"
wait "$upper_pid"
trap 'echo "goodbye, $rounds"' EXIT
eval "$(printf 'declare generated_%d=%d\n' $(seq 1 1000 | sed 'p'))"
echo "${!generated_@}" | wc -w
exit 0
