#!/bin/bash
# redis.sh LIBRARY - redis-server under redis-benchmark, with snapshots by fork during the load
. "$(dirname "$0")/lib.sh"

need redis-server redis-server
need redis-cli redis-tools
need redis-benchmark redis-tools

# Debian's server is linked with jemalloc; glibc's malloc in front of it makes the run to compare
# with, as the library does in the other one.
reference=libc.so.6

# Data by the protocol itself: all five types, small and large encodings, some of it deleted again.
awk -v keys="$(scaled 8000)" '
function draw(below) {
	state = (state * 16807) % 2147483647
	return int(state / 7) % below
}
function text(size) { return substr(filler, 1 + draw(100), size) }
BEGIN {
	state = 8
	for (i = 0; i < 600; i++)
		filler = filler (i * 7919 % 1000) " "
	for (i = 0; i < keys; i++) {
		print "SET string:" i " \"" text(1 + draw(1500)) "\""
		print "APPEND string:" draw(keys) " \"" text(draw(300)) "\""
		print "RPUSH list:" draw(200) " " draw(100000) " \"" text(draw(80)) "\""
		print "LPUSH list:" draw(200) " \"" text(draw(400)) "\""
		print "HSET hash:" draw(300) " field" draw(200) " \"" text(draw(90)) "\""
		print "SADD set:" draw(200) " " draw(1000) " member" draw(5000)
		print "ZADD sorted:" draw(100) " " draw(1000000) / 8 " member" draw(3000)
		if (i % 3 == 0)
			print "DEL string:" draw(keys)
		if (i % 5 == 0)
			print "LPOP list:" draw(200) "\nZPOPMIN sorted:" draw(100)
		if (i % 7 == 0)
			print "HDEL hash:" draw(300) " field" draw(200)
		if (i % 100 == 0)
			print "SETRANGE string:" draw(keys) " " draw(400000) " end"
	}
}' >"$scratch/commands"

cli()
{
	redis-cli -p "$port" --no-auth-warning "$@"
}

start()
{
	exec redis-server --port "$port" --bind 127.0.0.1 --dir "$PWD" --logfile "$PWD/log" \
		--save '' --appendonly no --daemonize no --enable-debug-command yes
}

answers()
{
	[ "$(cli ping 2>/dev/null)" = PONG ]
}

# The server ends by itself after its last snapshot, and its exit status counts.
shut_down()
{
	cli shutdown save
	wait "$server"
}

snapshot()
{
	until cli bgsave | grep -q started; do
		sleep 0.1
	done
	while cli info persistence | grep -q '^rdb_bgsave_in_progress:1'; do
		sleep 0.05
	done
	cli info persistence | tr -d '\r' | grep '^rdb_last_bgsave_status:'
}

script='
local t = {}
for i = 1, 20000 do
	t[i] = redis.call("get", "string:" .. i % 500) or i
end
return #table.concat(t)'

workload()
{
	local load
	serve log start
	cli <"$scratch/commands" | sha256sum
	cli debug digest

	# The load's keys are random: it has a database of its own, which goes away again.
	redis-benchmark -p "$port" --dbnum 1 -n "$(scaled 15000)" -c 32 -P 16 -d 256 -r 2000 --csv \
		-t set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset \
		>load 2>load.errors &
	load=$!
	snapshot
	snapshot
	snapshot
	wait "$load"
	cut -d , -f 1 load
	cat load.errors

	cli -n 1 flushdb
	cli debug digest
	cli debug reload
	cli debug digest
	cli memory purge
	cli dbsize
	cli eval "$script" 0
	shut_down

	serve log start
	cli debug digest
	cli flushall async
	cli dbsize
	shut_down
	rm -f load load.errors log dump.rdb
}

alike workload workload
