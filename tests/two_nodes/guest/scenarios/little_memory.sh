# A machine with little memory and no swap is a limit as a group's is: the free memory of a program
# goes back before there is no other.  What the kernel drops (its caches) is not counted on.
umount /sys/fs/cgroup
buddy little_memory $(($(sed -n 's/^MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
