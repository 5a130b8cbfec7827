# libnuma, hwloc and libbuddy see the nodes, CPUs and distances that the system has.
buddy views
