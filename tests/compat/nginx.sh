#!/bin/bash
# nginx.sh LIBRARY - nginx under wrk: files, gzip, a proxy to itself, and reloads of its settings
. "$(dirname "$0")/lib.sh"

need nginx nginx
need wrk wrk
need curl curl

seconds=$(scaled 1)

head -c 1024 <(text 100 9) >"$scratch/1k.txt"
head -c 1048576 <(text 30000 10) >"$scratch/1m.txt"

settings()
{
	cat <<-SETTINGS
		$([ "$(id -u)" != 0 ] || echo "user root root;")
		daemon off;
		worker_processes 2;
		pid $PWD/pid;
		error_log $PWD/errors warn;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path body;
			proxy_temp_path proxy;
			fastcgi_temp_path fastcgi;
			uwsgi_temp_path uwsgi;
			scgi_temp_path scgi;
			proxy_cache_path $PWD/cache levels=1:2 keys_zone=kept:1m;
			types { text/plain txt; }
			gzip_types text/plain;
			keepalive_requests 100000000;
			log_not_found off;
			upstream self { server 127.0.0.1:$1; keepalive 16; }
			server {
				listen 127.0.0.1:$1;
				root $scratch;
				location = /pid { return 200 "\$pid"; }
				location = /text { return 200 "\$arg_a and \$http_user_agent\n"; }
				location /packed/ { gzip on; gzip_comp_level 4; alias $scratch/; }
				location /through/ {
					proxy_pass http://self/;
					proxy_http_version 1.1;
					proxy_set_header Connection "";
					proxy_buffers 4 4k;
				}
				location /cached/ {
					proxy_pass http://self/;
					proxy_cache kept;
					proxy_cache_valid 1m;
				}
				location ~ ^/match/([a-z]+)(\d*)$ { return 200 "\$1-\$2\n"; }
			}
		}
	SETTINGS
}

start()
{
	settings "$port" >settings
	exec nginx -p "$PWD" -e "$PWD/errors" -c "$PWD/settings"
}

answers()
{
	curl -s -o /dev/null "http://127.0.0.1:$port/text"
}

letters()
{
	printf '%*s' "$1" '' | tr ' ' a
}

get()
{
	curl -sS --fail "$@"
}

contents()
{
	get "$1/text?a=$(letters 2000)" -A agent | sha256sum
	get "$1/match/page12"
	for path in 1k.txt 1m.txt packed/1m.txt through/1m.txt cached/1k.txt cached/1k.txt; do
		get "$1/$path" | sha256sum
	done
	get -H 'Accept-Encoding: gzip' "$1/packed/1m.txt" | sha256sum
	get -r 1000-2000,500000-500100 "$1/1m.txt" | grep -acv -- '^--\|^Content' || true
	curl -s -o /dev/null -w '%{http_code}\n' "$1/missing"
	curl -s -o /dev/null -w '%{http_code}\n' -H "Big: $(letters 40000)" "$1/text"
}

# Prints what went wrong under load: nothing, if all is well.
load()
{
	wrk -t 2 -c 64 -d "${seconds}s" --timeout 20s -H "Accept-Encoding: gzip" "$1" >load
	awk '/requests in/ { if ($1 > 0) print "served" } /Socket errors|Non-2xx/' load
}

workload()
{
	local url
	serve errors start
	url=http://127.0.0.1:$port
	assert_server_loaded "$(get "$url/pid")"

	contents "$url"
	for path in 1k.txt 1m.txt packed/1k.txt through/1k.txt cached/1m.txt text; do
		echo "$path: $(load "$url/$path")"
	done
	contents "$url"

	# New workers take over, the old ones free all they have.
	for ((round = 0; round < 5; round++)); do
		kill -HUP "$server"
		sleep 0.1
		get "$url/match/reload$round"
	done
	contents "$url"
	assert_server_loaded "$(get "$url/pid")"

	kill -QUIT "$server"
	wait "$server"
	# Ports and process ids differ; a crash of a worker would be told here.
	sed 's/^.*\[\([a-z]*\)\] [0-9]*#[0-9]*: /\1 /' errors | grep -v '^\(notice\|warn\) ' || true
	rm -rf body proxy fastcgi uwsgi scgi cache settings errors load pid
}

alike workload workload
