# A full node spills to the nearest, seen from each node that has a CPU.  First with small pages,
# which leave few huge ones whole behind them; then with huge ones where libbuddy wants them, which
# the kernel would rather take from another node than small ones from this.
status=0
for hugepages in never auto; do
	echo "hugepages=$hugepages"
	export BUDDY_OPTIONS="hugepages=$hugepages"
	for folder in /sys/devices/system/node/node*; do
		if [ -n "$(cat "$folder/cpulist")" ]; then
			buddy spill "${folder##*/node}" || status=1
		fi
	done
done
exit $status
