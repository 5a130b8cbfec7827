# libnuma, hwloc and libbuddy see the nodes, CPUs and distances that the system has, also where
# libbuddy was preloaded by a relative name and the program has gone elsewhere since.
status=0
buddy views || status=1
if [ -e /lib/libbuddy.so ]; then
	(cd /lib && LD_PRELOAD=./libbuddy.so views /) || status=1
fi
exit $status
