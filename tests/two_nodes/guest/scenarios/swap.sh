# On a machine with little memory free blocks go back before anything goes to swap.
umount /sys/fs/cgroup
mkswap /dev/nvme0n1 >/dev/null
swapon /dev/nvme0n1 || exit 1
written()
{
	sed -n 's/^pswpout //p' /proc/vmstat
}
before=$(written)
# Not all that is free: of the last part the kernel writes some, whoever takes it.
free_kib=$(sed -n 's/^MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo)
buddy little_memory $((free_kib / 1024 * 9 / 10)) || exit 1
pages=$(($(written) - before))
echo "$pages pages written to swap"
[ $pages -lt 2048 ]
