# A full node spills to the nearest, seen from each node that has a CPU.  First with small pages,
# which leave few huge ones whole behind them; then with huge ones where libbuddy wants them, which
# the kernel would rather take from another node than small ones from this.
status=0
for run in "never 1" "auto 4"; do
	echo "hugepages=${run% *}"
	export BUDDY_OPTIONS="hugepages=${run% *}"
	for folder in /sys/devices/system/node/node*; do
		if [ -n "$(cat "$folder/cpulist")" ]; then
			buddy spill "${folder##*/node}" "${run#* }" || status=1
		fi
	done
done
exit $status
