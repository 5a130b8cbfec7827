#!/bin/bash
# sqlite.sh LIBRARY - sqlite3: one workload in memory, on disk and on disk with a write-ahead log
. "$(dirname "$0")/lib.sh"

need sqlite3 sqlite3

input=$scratch/sql
sed "s/@ROWS@/$(scaled 60000)/g" "$programs/workload.sql" >"$input"

on_disk()
{
	# A small cache, so that pages come and go.
	sqlite3 -bail -cmd "PRAGMA journal_mode=$1; PRAGMA synchronous=OFF" \
		-cmd 'PRAGMA cache_size=-2000' test.db
	# Read by another process than the one that wrote it.
	sqlite3 test.db 'PRAGMA integrity_check' </dev/null
	sqlite3 test.db .dump </dev/null | sha256sum
	sqlite3 test.db .sha3sum </dev/null 2>&1
	# Unused bytes of a page may hold anything; what is stored has been compared.
	rm test.db
}

assert_loaded sqlite3 sqlite3
alike "in memory" sqlite3 -bail :memory:
alike "on disk" on_disk delete
alike "write-ahead log" on_disk wal
