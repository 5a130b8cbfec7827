# Under a memory limit a program lives on what it has freed, whatever sizes it wants next.
group=/sys/fs/cgroup/two_nodes
mkdir $group
echo 64M >$group/memory.max
status=0
sh -c 'echo $$ >'$group'/cgroup.procs; exec buddy memory_limit 32 640' || status=1
grep -E '^(max|oom|oom_kill) ' $group/memory.events
rmdir $group
exit $status
