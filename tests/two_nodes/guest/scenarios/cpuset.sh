# A process started in a cpuset without node 0 gets nothing from it, and neither does one whose
# cpuset loses node 0 while it runs.
group=/sys/fs/cgroup/two_nodes
mkdir $group
all=$(cat $group/cpuset.mems.effective)

# in_group MEMS PROGRAM...: run it in the group with these nodes.
in_group()
{
	echo "$1" >$group/cpuset.mems
	shift
	sh -c 'echo $$ >'$group'/cgroup.procs; exec buddy "$@"' sh "$@"
}

status=0
in_group 1 allowed_nodes 1 || status=1
in_group "$all" allowed_nodes 1 $group/cpuset.mems 1 || status=1
rmdir $group
exit $status
