# A process started with a memory policy that binds it to node 1 gets nothing from node 0.  Bound
# to two nodes of three it spills from one to the other, though the third is nearer.
status=0
buddy numactl --membind=1 allowed_nodes 1 || status=1
if [ -e /sys/devices/system/node/node3 ]; then
	for huge in never auto; do
		export BUDDY_OPTIONS="hugepages=$huge"
		buddy numactl --membind=0,1 spill 1 4 0,1 || status=1
	done
fi
exit $status
